"""The three modes: the worked examples, and a slow twin that has to agree."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.validation import NotEnoughData, PurgedKFold, Role, WalkForward, WalkForwardTime
from tests.validation import twin

# Many random cases ask for more than they have: enough of them must not.
often = settings(max_examples=500, deadline=None)


def lists(splits: Any) -> twin.Splits:
    return [(train.tolist(), test.tolist()) for train, test in splits]


def either(make: Any) -> twin.Splits | None:
    """Return the splits, or None where there is not enough data."""
    try:
        return lists(make())
    except NotEnoughData:
        return None


def checked(splits: twin.Splits, min_train: int) -> twin.Splits | None:
    return splits if all(len(train) >= min_train for train, _ in splits) else None


@st.composite
def labelled(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Irregular rising times and label ends in any order."""
    steps = draw(st.lists(st.integers(1, 4), min_size=8, max_size=40))
    t = np.cumsum(steps).tolist()
    lengths = draw(st.lists(st.integers(0, 9), min_size=len(t), max_size=len(t)))
    return t, [a + b for a, b in zip(t, lengths, strict=True)]


@pytest.mark.parametrize("gap", [0, 2])
def test_worked_walk_forward(gap: int) -> None:
    t = np.arange(16)
    cv = WalkForward(2, 4, gap, times=t, label_end=t + 3)
    assert lists(cv.split(t)) == [
        ([0, 1, 2, 3, 4], [8, 9, 10, 11]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], [12, 13, 14, 15]),
    ]


def test_worked_purged_kfold() -> None:
    t = np.arange(15)
    cv = PurgedKFold(3, embargo=2, times=t, label_end=t + 2)
    assert lists(cv.split(t))[1] == ([0, 1, 2, 14], [5, 6, 7, 8, 9])
    fold = list(cv.folds())[1]
    assert fold.indices(Role.PURGED).tolist() == [3, 4, 10, 11]
    assert fold.indices(Role.EMBARGOED).tolist() == [12, 13]
    assert fold.ranges(Role.TRAIN) == [(0, 2), (14, 14)]


def test_a_gap_larger_than_the_labels_wins_over_purging() -> None:
    t = np.arange(16)
    fold = next(WalkForward(2, 4, 6, times=t, label_end=t + 3).folds())
    assert fold.indices(Role.TRAIN).tolist() == [0, 1]
    assert (fold.count(Role.GAP), fold.count(Role.PURGED)) == (6, 0)


def test_the_gap_goes_before_the_cut_and_the_cut_before_the_purge() -> None:
    t = np.arange(16)
    cv = WalkForward(2, 4, 2, max_train=5, times=t, label_end=t + 3)
    assert lists(cv.split())[0][0] == [1, 2, 3, 4]


def test_a_label_that_ends_with_the_first_test_sample_overlaps_it() -> None:
    t = np.arange(6)
    ends = np.array([3, 4, 2, 3, 4, 5])
    assert lists(WalkForward(1, 2, times=t, label_end=ends).split())[0][0] == [0, 2, 3]


def test_the_longest_label_of_the_test_counts_and_not_the_last() -> None:
    t = np.arange(12)
    ends = t.copy()
    ends[4] = 10
    assert lists(PurgedKFold(3, times=t, label_end=ends).split())[1][0] == [0, 1, 2, 3, 11]


def test_windows_of_the_clock_are_open_at_the_left_and_closed_at_the_right() -> None:
    t = [0, 10, 20, 30]
    cv = WalkForwardTime(2, test=10, gap=0, times=t)
    assert lists(cv.split()) == [([0, 1], [2]), ([0, 1, 2], [3])]
    cv = WalkForwardTime(2, test=10, gap=5, times=t)
    assert lists(cv.split()) == [([0], [2]), ([0, 1], [3])]


def test_the_defaults_of_the_clock_need_307_days() -> None:
    hours = np.arange(308 * 24 + 1) * 3600
    splits = lists(WalkForwardTime(times=hours).split())
    assert len(splits) == 10
    assert all(len(test) == 30 * 24 for _, test in splits)
    assert [len(train) for train, _ in splits] == [25 + 30 * 24 * k for k in range(10)]
    short = WalkForwardTime(times=hours[: 307 * 24])
    with pytest.raises(NotEnoughData, match=r"need more than 307 days; the 7368 samples span 306"):
        short.split()


def test_an_empty_window_is_an_error_or_skipped_by_request() -> None:
    t = np.delete(np.arange(100), np.arange(60, 80))
    with pytest.raises(NotEnoughData, match="split 2: no samples after 59 up to 69"):
        WalkForwardTime(5, test=10, gap=0, times=t).split()
    cv = WalkForwardTime(5, test=10, gap=0, on_empty="skip", times=t)
    splits = lists(cv.split())
    assert cv.get_n_splits() == len(splits) == 3
    assert splits == twin.walk_forward_time(t.tolist(), t.tolist(), 5, 10, 0, True, None, 1)


def test_max_train_of_the_clock_is_a_count_or_a_duration() -> None:
    t = np.arange(50)
    by_count = WalkForwardTime(2, test=10, gap=0, max_train=5, times=t)
    by_clock = WalkForwardTime(2, test=10, gap=0, max_train=np.timedelta64(5, "s"), times=t)
    assert lists(by_count.split()) == lists(by_clock.split())
    assert lists(by_count.split())[0][0] == [25, 26, 27, 28, 29]


def test_embargo_by_clock_is_closed() -> None:
    t = np.arange(15)
    cv = PurgedKFold(3, embargo_time=2, times=t, label_end=t + 2)
    assert lists(cv.split())[1][0] == [0, 1, 2, 14]


@often
@given(
    labelled(),
    st.integers(1, 5),
    st.none() | st.integers(1, 6),
    st.integers(0, 6),
    st.booleans(),
    st.none() | st.integers(1, 10),
    st.integers(1, 4),
)
def test_walk_forward_is_its_twin(
    line: tuple[list[int], list[int]],
    n_splits: int,
    test_size: int | None,
    gap: int,
    purge: bool,
    max_train: int | None,
    min_train: int,
) -> None:
    t, e = line
    size = len(t) // (n_splits + 1) if test_size is None else test_size
    expected = None
    if size and len(t) - n_splits * size >= 0:
        words = (t, e, n_splits, test_size, gap, purge, max_train)
        expected = checked(twin.walk_forward(*words), min_train)
    made = either(
        lambda: WalkForward(
            n_splits, test_size, gap, purge, max_train, min_train, times=t, label_end=e
        ).split()
    )
    assert made == expected


@often
@given(
    labelled(),
    st.integers(1, 5),
    st.integers(1, 12),
    st.integers(0, 12),
    st.booleans(),
    st.none() | st.integers(1, 10),
    st.integers(1, 3),
    st.booleans(),
)
def test_walk_forward_time_is_its_twin(
    line: tuple[list[int], list[int]],
    n_splits: int,
    test: int,
    gap: int,
    purge: bool,
    max_train: int | None,
    min_test: int,
    skip: bool,
) -> None:
    t, e = line
    splits = twin.walk_forward_time(t, e, n_splits, test, gap, purge, max_train, min_test)
    short = t[-1] - t[0] < n_splits * test + gap or len(splits) < n_splits
    expected = None if not splits or (short and not skip) else checked(splits, 1)
    made = either(
        lambda: WalkForwardTime(
            n_splits,
            test,
            gap,
            purge,
            max_train,
            min_test=min_test,
            on_empty="skip" if skip else "raise",
            times=t,
            label_end=e,
        ).split()
    )
    assert made == expected


@often
@given(
    labelled(),
    st.integers(2, 6),
    st.integers(0, 5),
    st.none() | st.integers(0, 8),
    st.booleans(),
)
def test_purged_kfold_is_its_twin(
    line: tuple[list[int], list[int]],
    n_splits: int,
    embargo: int,
    embargo_time: int | None,
    purge: bool,
) -> None:
    t, e = line
    embargo = 0 if embargo_time is not None else embargo
    expected = None
    if len(t) >= n_splits:
        expected = checked(twin.purged_kfold(t, e, n_splits, embargo, embargo_time, purge), 1)
    made = either(
        lambda: PurgedKFold(n_splits, embargo, embargo_time, purge, times=t, label_end=e).split()
    )
    assert made == expected


@settings(deadline=None)
@given(labelled(), st.integers(2, 6), st.integers(0, 5))
def test_no_training_label_ever_meets_the_test(
    line: tuple[list[int], list[int]], n_splits: int, embargo: int
) -> None:
    t, e = (np.array(values) for values in line)
    for cv in (
        WalkForward(n_splits, gap=embargo, times=t, label_end=e),
        WalkForwardTime(n_splits, test=3, gap=embargo, on_empty="skip", times=t, label_end=e),
        PurgedKFold(n_splits, embargo, times=t, label_end=e),
    ):
        try:
            splits = list(cv.split())
        except NotEnoughData:
            continue
        assert len(splits) == cv.get_n_splits()
        for train, test in splits:
            assert len(train) > 0
            assert len(test) > 0
            assert ((e[train] < t[test].min()) | (t[train] > e[test].max())).all()


@pytest.mark.parametrize("mode", [WalkForward, WalkForwardTime, PurgedKFold])
def test_the_twin_finds_a_purge_that_is_missing(mode: Any) -> None:
    """Planted fault: without the purge a training label reaches into the test."""
    t = np.arange(40)
    words: dict[str, Any] = {"test": 5, "gap": 0} if mode is WalkForwardTime else {}
    for purge, clean in ((True, True), (False, False)):
        train, test = list(mode(3, purge=purge, times=t, label_end=t + 4, **words).split())[1]
        before = train[train < test[0]]
        assert bool((t[before] + 4 < test[0]).all()) is clean
