"""Times and durations of every kind mean the same, and what is wrong is named in one line."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from host.validation import NotEnoughData, PurgedKFold, WalkForward, WalkForwardTime

pd = pytest.importorskip("pandas")

N = 400
DAYS = np.arange(N)
DAY_S = 86_400
START = np.datetime64("2024-01-01")
INDEX = pd.date_range("2024-01-01", periods=N, freq="D")
PYTHON_TIMES = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=k) for k in range(N)]  # noqa: DTZ001
KINDS = {
    "integers": DAYS * DAY_S,
    "floats": DAYS * float(DAY_S),
    "list": (DAYS * DAY_S).tolist(),
    "days of numpy": START + DAYS,
    "nanoseconds of numpy": (START + DAYS).astype("datetime64[ns]"),
    "index": INDEX,
    "index in microseconds": INDEX.as_unit("us"),
    "index with a zone": INDEX.tz_localize("UTC").tz_convert("Asia/Tokyo"),
    "series": pd.Series(INDEX),
    "series with a zone": pd.Series(INDEX.tz_localize("UTC")),
    "datetimes": PYTHON_TIMES,
    "datetimes with a zone": [t.replace(tzinfo=datetime.UTC) for t in PYTHON_TIMES],
    "timestamps": list(INDEX),
}
WEEKS = [
    7 * DAY_S,
    7.0 * DAY_S,
    datetime.timedelta(days=7),
    np.timedelta64(7, "D"),
    np.timedelta64(1, "W"),
    pd.Timedelta(days=7),
    pd.offsets.Day(7),
    pd.offsets.Hour(168),
    pd.offsets.Week(1),
    pd.DateOffset(days=7),
    "7D",
    "168h",
    "7 days",
]


def splits_of(cv: Any) -> list[tuple[list[int], list[int]]]:
    return [(train.tolist(), test.tolist()) for train, test in cv.split()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_times_gives_the_same_splits(kind: str) -> None:
    expected = splits_of(WalkForwardTime(5, times=KINDS["integers"]))
    assert splits_of(WalkForwardTime(5, times=KINDS[kind], label_end=KINDS[kind])) == expected


@pytest.mark.parametrize("week", WEEKS, ids=repr)
def test_every_kind_of_duration_is_the_same_week(week: Any) -> None:
    made = splits_of(WalkForwardTime(5, test=week, gap=week, times=INDEX))
    assert made == splits_of(WalkForward(5, 7, 7, times=INDEX))
    embargoed = splits_of(PurgedKFold(5, embargo_time=week, times=INDEX))
    assert embargoed == splits_of(PurgedKFold(5, embargo=7, times=INDEX))


def test_daylight_saving_time_does_not_move_a_window() -> None:
    berlin = pd.date_range("2024-03-25", periods=24 * 14, freq="h", tz="Europe/Berlin")
    cv = WalkForwardTime(3, test="24h", gap="24h", times=berlin)
    assert [len(test) for _, test in cv.split()] == [24, 24, 24]


def test_fractions_of_a_second_survive_at_todays_date() -> None:
    t = 1_700_000_000 + np.arange(100) / 4
    assert [len(test) for _, test in WalkForwardTime(3, test=1, gap=0, times=t).split()] == [4] * 3


T = np.arange(50)
NOT_ENOUGH: dict[str, tuple[Callable[[], Any], str]] = {
    "unsorted": (
        lambda: WalkForward(times=[0, 2, 1]),
        r"unsorted: sample 2 \(1\) .* sample 1 \(2\)",
    ),
    "duplicate": (lambda: PurgedKFold(times=[0, 1, 1]), r"duplicate: sample 2 \(1\)"),
    "label before": (
        lambda: WalkForward(times=T, label_end=T - 1),
        "label of sample 0 ends at -1, before its time 0",
    ),
    "no samples": (lambda: WalkForward(times=[]).split(), "0 samples: 10 splits need 11"),
    "few samples": (lambda: WalkForward(times=T[:10]).split(), "10 samples: 10 splits need 11"),
    "blocks too long": (
        lambda: WalkForward(5, 10, times=T).split(),
        "5 test blocks of 10 and a gap of 0 leave 0 to train on, at least 1 needed",
    ),
    "gap too long": (lambda: WalkForward(5, 5, 25, times=T).split(), "gap of 25 leave 0"),
    "min_train": (
        lambda: WalkForward(5, 5, min_train=26, times=T).split(),
        "leave 25 .* 26 needed",
    ),
    "all purged": (
        lambda: WalkForward(5, 5, times=T, label_end=T + 40).split(),
        r"split 1: no training sample left, at least 1 needed \(0 gap, 25 purged",
    ),
    "few left": (
        lambda: WalkForward(5, 5, times=T, label_end=T + 9, min_train=20).split(),
        "split 1: 16 training samples, at least 20 needed",
    ),
    "folds": (lambda: PurgedKFold(51, times=T).split(), "50 samples: 51 folds need 51"),
    "embargo eats all": (
        lambda: PurgedKFold(2, 50, times=T).split(),
        "split 1: no training sample left",
    ),
    "span": (lambda: WalkForwardTime(times=T).split(), "need more than 307 days; .* span 49 s"),
    "no span": (lambda: WalkForwardTime(times=[]).split(), "the 0 samples span 0 s"),
    "min_test": (
        lambda: WalkForwardTime(4, 10, 0, min_test=11, times=T).split(),
        "split 1: 10 samples after 9 up to 19, at least 11 needed",
    ),
    "every window skipped": (
        lambda: WalkForwardTime(4, 10, 0, min_test=11, on_empty="skip", times=T).split(),
        "no window has 11 samples",
    ),
    "skipped, but nothing to train on": (
        lambda: WalkForwardTime(9, 10, 0, on_empty="skip", times=T).split(),
        "split 1: no training sample left",
    ),
}


@pytest.mark.parametrize("case", NOT_ENOUGH)
def test_a_shortfall_is_named(case: str) -> None:
    make, told = NOT_ENOUGH[case]
    with pytest.raises(NotEnoughData, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "n_splits": (lambda: WalkForward(0, times=T), "n_splits=0: at least 1"),
    "one fold": (lambda: PurgedKFold(1, times=T), "n_splits=1: at least 2"),
    "float count": (lambda: WalkForward(2.0, times=T), "n_splits=2.0: a whole number"),  # type: ignore[arg-type]
    "bool count": (lambda: WalkForward(True, times=T), "n_splits=True"),
    "clock gap of counts": (
        lambda: WalkForward(2, gap=np.timedelta64(7, "D"), times=T),  # type: ignore[arg-type]
        "gap=.*a whole number",
    ),
    "purge": (lambda: WalkForward(purge=7, times=T), "purge=7"),  # type: ignore[arg-type]
    "negative gap": (lambda: WalkForward(gap=-1, times=T), "gap=-1: at least 0"),
    "negative duration": (lambda: WalkForwardTime(gap=-1, times=T), "gap=-1: .*negative"),
    "no length": (lambda: WalkForwardTime(test=0, times=T), "test=0: a window needs a length"),
    "nan": (lambda: WalkForwardTime(test=float("nan"), times=T), "test=nan"),
    "text without unit": (lambda: WalkForwardTime(test="30", times=T), "test='30': .*unit"),
    "text": (lambda: WalkForwardTime(test="soon", times=T), "test='soon': not a duration"),
    "a month": (lambda: WalkForwardTime(test="1M", times=T), "test='1M'"),
    "month ends": (lambda: WalkForwardTime(test=pd.offsets.MonthEnd(1), times=T), "depends on"),
    "business days": (lambda: WalkForwardTime(test=pd.offsets.BDay(5), times=T), "depends on"),
    "months of numpy": (
        lambda: WalkForwardTime(test=np.timedelta64(1, "M"), times=T),
        "one length",
    ),
    "not a time": (lambda: WalkForwardTime(test=pd.NaT, times=T), "test=NaT"),
    "a list": (lambda: WalkForwardTime(test=[30], times=T), "seconds, a timedelta"),
    "ages": (lambda: WalkForwardTime(test=np.timedelta64(400 * 366, "D"), times=T), "292 years"),
    "max_train": (lambda: WalkForwardTime(max_train=1.5, times=T), "max_train=1.5"),
    "on_empty": (lambda: WalkForwardTime(on_empty="ignore", times=T), "on_empty='ignore'"),
    "both embargoes": (lambda: PurgedKFold(embargo=1, embargo_time=1, times=T), "one of both"),
    "nan time": (lambda: WalkForward(times=[0, float("nan")]), "sample 1 is nan"),
    "missing time": (lambda: WalkForward(times=[START, np.datetime64("NaT")]), "sample 1 is NaT"),
    "milliseconds": (lambda: WalkForward(times=[1_700_000_000_000]), "sample 0 is 1700000000000"),
    "far away": (lambda: WalkForward(times=np.array(["9999-01-01"], "M8[s]")), "1677 and 2262"),
    "texts": (lambda: WalkForward(times=["2024-01-01"]), "numbers in seconds, datetimes"),
    "periods": (lambda: WalkForward(times=INDEX.to_period()), "numbers in seconds, datetimes"),
    "two dimensions": (lambda: WalkForward(times=T.reshape(5, 10)), "one dimension"),
    "label count": (lambda: WalkForward(times=T, label_end=T[1:]), "49 of them for 50"),
    "label kind": (lambda: WalkForward(times=INDEX, label_end=DAYS), "label_end: numbers, where"),
    "label zone": (
        lambda: WalkForward(times=INDEX, label_end=INDEX.tz_localize("UTC")),
        "with a zone, where times are datetimes without",
    ),
    "rows of X": (lambda: WalkForward(times=T).split(T[1:]), "X has 49 rows, times has 50"),
    "rows of y": (lambda: WalkForward(times=T).split(T, T[1:]), "y has 49 rows, times has 50"),
    "no column": (lambda: WalkForward(times="t").split(T), "times='t': X has no column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_named(case: str) -> None:
    make, told = WRONG[case]
    with pytest.raises((ValueError, TypeError), match=told) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, NotEnoughData)
