"""Cross-checks with the splitters of scikit-learn and skfolio on random cases."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.validation import NotEnoughData, PurgedKFold, WalkForward, WalkForwardTime

model_selection = pytest.importorskip("sklearn.model_selection")


def pairs(splits: Any) -> list[tuple[list[int], list[int]]]:
    return [(list(map(int, train)), list(map(int, test))) for train, test in splits]


@settings(deadline=None)
@given(
    st.integers(1, 80),
    st.integers(2, 7),
    st.none() | st.integers(1, 12),
    st.integers(0, 8),
    st.none() | st.integers(1, 20),
)
def test_walk_forward_without_labels_is_time_series_split(
    n: int, n_splits: int, test_size: int | None, gap: int, max_train: int | None
) -> None:
    rows = np.zeros((n, 1))
    theirs = model_selection.TimeSeriesSplit(
        n_splits, gap=gap, test_size=test_size, max_train_size=max_train
    )
    ours = WalkForward(n_splits, test_size, gap, max_train=max_train, times=np.arange(n))
    try:
        expected = pairs(theirs.split(rows))
    except ValueError:
        with pytest.raises(NotEnoughData):
            ours.split(rows)
        return
    assert pairs(ours.split(rows)) == expected


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(2, 7))
def test_purged_kfold_without_labels_is_kfold(n: int, n_splits: int) -> None:
    rows = np.zeros((n, 1))
    ours = PurgedKFold(n_splits, times=np.arange(n))
    if n < n_splits:
        with pytest.raises(NotEnoughData):
            ours.split(rows)
        return
    assert pairs(ours.split(rows)) == pairs(model_selection.KFold(n_splits).split(rows))


@pytest.fixture(scope="module")
def skfolio() -> Any:
    with warnings.catch_warnings():  # of its own dependencies
        warnings.simplefilter("ignore")
        return pytest.importorskip("skfolio.model_selection")


@settings(deadline=None)
@given(st.data())
def test_purged_kfold_is_skfolios(skfolio: Any, data: st.DataObject) -> None:
    """It tests two folds at once: trained on what our splits of both folds have in common.

    A label of `horizon` samples is its purge of `horizon` samples on both sides.
    """
    n_folds = data.draw(st.integers(4, 7))
    size = data.draw(st.integers(4, 12))
    # It takes no more than this.
    horizon = data.draw(st.integers(0, size - 2))
    embargo = data.draw(st.integers(0, size - 2 - horizon))
    t = np.arange(n_folds * size)
    ours = list(PurgedKFold(n_folds, embargo, times=t, label_end=t + horizon).split())
    theirs = skfolio.CombinatorialPurgedCV(
        n_folds=n_folds, n_test_folds=2, purged_size=horizon, embargo_size=embargo
    )
    trains = [train.tolist() for train, _ in theirs.split(np.zeros((len(t), 1)))]
    assert trains == [
        np.intersect1d(ours[a][0], ours[b][0]).tolist() for a, b in theirs.test_set_index
    ]


@settings(deadline=None)
@given(st.data())
def test_walk_forward_is_skfolios(skfolio: Any, data: st.DataObject) -> None:
    test_size = data.draw(st.integers(1, 8))
    train_size = data.draw(st.integers(1, 20))
    purged = data.draw(st.integers(0, 4))
    n_splits = data.draw(st.integers(1, 6))
    rows = np.zeros((train_size + purged + n_splits * test_size, 1))
    theirs = skfolio.WalkForward(train_size=train_size, test_size=test_size, purged_size=purged)
    ours = WalkForward(
        n_splits, test_size, purged, max_train=train_size, times=np.arange(len(rows))
    )
    assert pairs(ours.split(rows)) == pairs(theirs.split(rows))


@settings(deadline=None)
@given(st.data())
def test_windows_of_the_clock_are_skfolios(skfolio: Any, data: st.DataObject) -> None:
    """Days with holes, windows of whole days, as many as fit: both ends stand."""
    pd = pytest.importorskip("pandas")
    test_days, train_days = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 20))
    n_splits = data.draw(st.integers(1, 4))
    span = train_days + n_splits * test_days
    inside = data.draw(st.sets(st.integers(1, span - 2), min_size=0) if span > 2 else st.just(()))
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(sorted({0, span - 1, *inside}), unit="D")
    frame = pd.DataFrame({"x": np.zeros(len(days))}, index=days)
    theirs = skfolio.WalkForward(
        train_size=train_days, test_size=test_days, freq="D", expand_train=True, reduce_test=True
    )
    ours = WalkForwardTime(n_splits, f"{test_days}D", gap=0, on_empty="skip", times=days)
    try:
        expected = pairs(theirs.split(frame))
    except ValueError:
        with pytest.raises(NotEnoughData):
            ours.split(frame)
        return
    assert pairs(ours.split(frame)) == expected
