"""HAR (Corsi 2009) on realised variances: least squares on the day, the week and the month before.

"level" regresses the realised standard deviation, "log" the logarithm of the variance; "calendar" is
"log" with the day of the week, which crypto markets have a lot of. Each forecasts the expected
standard deviation and the expected variance, which is more than its square: out of logarithms by the
mean of the residuals' transform (smearing, Duan 1983). Percent and percent squared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from host.data.table import FloatArray, IntArray
from host.models.spec import ModelError

Form = Literal["level", "log", "calendar"]
STALE = 5  # bars that an old variance may stand for missing ones
_MIN_ROWS = 60
_DAY_NS = 86_400 * 10**9


class Volatility(NamedTuple):
    """Forecasts: standard deviation in percent, variance in percent squared."""

    deviation: FloatArray
    variance: FloatArray


def walk_har(
    realised: FloatArray,
    days_ns: IntArray,
    first: int,
    refits: Sequence[int],
    form: Form,
    windows: tuple[int, int],
) -> Volatility:
    """Forecasts of realised[first:], refitted like `walk_forward`.

    `windows` are the lengths of week and month in bars. A missing (NaN) variance counts as the one
    before it where it is looked back at, for at most STALE bars: after that the forecast is NaN too.
    It is never fitted to. ModelError for too few.
    """
    known = np.isfinite(realised)
    filled = _carried(realised)
    target = np.sqrt(filled) if form == "level" else np.log(filled)
    x = _features(target, days_ns, windows, calendar=form == "calendar")
    usable = known & np.isfinite(x).all(axis=1)
    found = Volatility(*(np.empty(len(realised) - first) for _ in range(2)))
    stops = [first, *(stop for stop in sorted(refits) if first < stop < len(realised))]
    for start, stop in zip(stops, [*stops[1:], len(realised)], strict=True):
        rows = np.flatnonzero(usable[:start])
        if len(rows) < _MIN_ROWS:
            raise ModelError(f"HAR: {len(rows)} days of realised variance: {_MIN_ROWS} are needed")
        slopes, *_ = np.linalg.lstsq(x[rows], target[rows], rcond=None)
        rest = target[rows] - x[rows] @ slopes
        expected = x[start:stop] @ slopes
        part = slice(start - first, stop - first)
        if form == "level":
            # A line can reach below what was ever seen, and a negative deviation is none.
            found.deviation[part] = np.maximum(expected, target[rows].min())
            found.variance[part] = found.deviation[part] ** 2 + rest.var()
        else:
            found.deviation[part] = np.exp(expected / 2.0) * np.exp(rest / 2.0).mean()
            found.variance[part] = np.exp(expected) * np.exp(rest).mean()
    return found


def _features(
    values: FloatArray, days_ns: IntArray, windows: tuple[int, int], *, calendar: bool
) -> FloatArray:
    """Row t holds what is known before t: constant, last value, two means, and the day of t."""
    columns = [np.ones(len(values))]
    for width in (1, *windows):
        mean = np.full(len(values), np.nan)
        views = np.lib.stride_tricks.sliding_window_view(values[:-1], width)
        mean[width:] = views.mean(axis=1)  # NaN where one of them is
        columns.append(mean)
    if calendar:
        weekday = (np.asarray(days_ns) // _DAY_NS + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
        columns += [(weekday == day).astype(float) for day in np.unique(weekday)[1:]]
    return np.column_stack(columns)


def _carried(values: FloatArray) -> FloatArray:
    """`values` with each NaN replaced by the last number at most STALE before it."""
    index = np.arange(len(values))
    last = np.maximum.accumulate(np.where(np.isfinite(values), index, 0))
    return np.where(index - last <= STALE, values[last], np.nan)
