"""What the variance of a day turned out to be: from intraday bars, or from high and low."""

from __future__ import annotations

import math

import numpy as np

from host.data.reader import Series
from host.data.table import BadData, FloatArray, IntArray

DAY_NS = 86_400 * 10**9
MIN_COVERAGE = 0.75  # of the bars of a full day; a day with fewer has no realised variance


def realised_variance(intraday: Series, days_ns: IntArray) -> FloatArray:
    """Sum of squared returns (percent squared) of each UTC day; NaN where bars are missing.

    `days_ns` are the starts of the daily bars. A return belongs to the day its bar starts in; the
    first of a day goes back to the last price of the day before.
    """
    if intraday.rows < 2:
        raise BadData(f"{intraday.source}: {intraday.rows} rows make no realised variance")
    step_ns = int(np.median(np.diff(intraday.time_ns)))
    if not 0 < step_ns <= DAY_NS // 4:
        raise BadData(f"{intraday.source}: bars of {step_ns / 1e9:g} s are not intraday")
    squares = (100.0 * np.diff(np.log(intraday.price))) ** 2
    day = intraday.time_ns[1:] // DAY_NS
    base = int(day[0])
    sums = np.bincount(day - base, squares)
    counts = np.bincount(day - base)
    sums[counts < MIN_COVERAGE * (DAY_NS / step_ns)] = np.nan
    place = np.asarray(days_ns) // DAY_NS - base
    inside = (place >= 0) & (place < len(sums))
    found = np.full(len(place), np.nan)
    found[inside] = sums[place[inside]]
    found[found <= 0.0] = np.nan  # no price moved: nothing was measured
    if np.isfinite(found).sum() < 2:
        raise BadData(f"{intraday.source}: has no full day in common with the daily prices")
    return found


def parkinson_variance(high: FloatArray, low: FloatArray) -> FloatArray:
    """Variance of each bar from its range, percent squared (Parkinson 1980); NaN for no range."""
    found = (100.0 * np.log(high / low)) ** 2 / (4.0 * math.log(2.0))
    found[found <= 0.0] = np.nan
    return found
