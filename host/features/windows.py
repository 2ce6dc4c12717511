"""Features over fixed windows of bars: a row depends on its window and on nothing before it.

return_1, return_5, return_20   log return over so many bars
sigma_20                        root mean square of 20 one-bar log returns
range_20                        root mean square of 20 ranges ln(high / low), by Parkinson's factor
below_high_50                   ln(close / highest high of 50 bars)
volume_20                       ln((1 + volume) / (1 + mean volume of 20 bars))
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from host.data.reader import Series
from host.data.table import FloatArray
from host.features.bar import Bar, require_bars

NAMES = (
    "return_1", "return_5", "return_20", "sigma_20", "range_20", "below_high_50", "volume_20"
)  # fmt: skip
RETURNS, WINDOW, HIGH_WINDOW = (1, 5, 20), 20, 50
LOOKS_BACK_ROWS, TOLERANCE = HIGH_WINDOW, 0.0
PARKINSON = 4 * math.log(2)


class Incremental:
    """Holds the bars that a row depends on."""

    def __init__(self) -> None:
        self._close: deque[float] = deque(maxlen=WINDOW + 1)
        self._return2: deque[float] = deque(maxlen=WINDOW)
        self._range2: deque[float] = deque(maxlen=WINDOW)
        self._volume: deque[float] = deque(maxlen=WINDOW)
        self._high: deque[float] = deque(maxlen=HIGH_WINDOW)

    def take(self, bar: Bar) -> tuple[float, ...] | None:
        """Take the next bar; return its row, None for the first HIGH_WINDOW - 1."""
        if self._close:
            change = math.log(bar.close / self._close[-1])
            self._return2.append(change * change)
        spread = math.log(bar.high / bar.low)
        self._range2.append(spread * spread)
        self._close.append(bar.close)
        self._volume.append(bar.volume)
        self._high.append(bar.high)
        if len(self._high) < HIGH_WINDOW:
            return None
        return (
            *(math.log(bar.close / self._close[-1 - back]) for back in RETURNS),
            math.sqrt(_sum(self._return2) / WINDOW),
            math.sqrt(_sum(self._range2) / (WINDOW * PARKINSON)),
            math.log(bar.close / max(self._high)),
            math.log((1 + bar.volume) / (1 + _sum(self._volume) / WINDOW)),
        )


def batch(series: Series) -> FloatArray:
    """Return one row a bar. Raises BadData for trades and quotes."""
    require_bars(series)
    assert series.high is not None
    assert series.low is not None
    assert series.volume is not None
    rows = np.full((series.rows, len(NAMES)), np.nan)
    first = HIGH_WINDOW - 1
    if series.rows <= first:
        return rows
    close, volume = series.price, series.volume
    change, spread = _log(close[1:] / close[:-1]), _log(series.high / series.low)
    highest = np.lib.stride_tricks.sliding_window_view(series.high, HIGH_WINDOW).max(axis=1)
    columns = [_log(close[first:] / close[first - back : -back]) for back in RETURNS]
    columns.append(np.sqrt(_sums(change * change)[first - WINDOW :] / WINDOW))
    columns.append(np.sqrt(_sums(spread * spread)[first - WINDOW + 1 :] / (WINDOW * PARKINSON)))
    columns.append(_log(close[first:] / highest))
    mean_volume = _sums(volume)[first - WINDOW + 1 :] / WINDOW
    columns.append(_log((1 + volume[first:]) / (1 + mean_volume)))
    rows[first:] = np.column_stack(columns)
    return rows


def _sum(values: deque[float]) -> float:
    """Add in the order of time; `sum` of newer Pythons compensates, and gives other last bits."""
    total = 0.0
    for value in values:
        total += value
    return total


def _sums(values: FloatArray) -> FloatArray:
    """Return the sums over WINDOW values, each added in the order of time."""
    ends = len(values) - WINDOW + 1
    total = np.zeros(ends)
    for back in range(WINDOW):
        total += values[back : back + ends]
    return total


def _log(values: FloatArray) -> FloatArray:
    """Take the C library's logarithm: numpy has its own, with other last bits."""
    return np.array(list(map(math.log, values.tolist())))
