"""What the engine shows a model of a price: host.engine.strategy.MODEL_FEATURES, all at once.

The averages are recursive and are taken one price after the other, with the engine's own operations in
its own order; only what follows from them is an operation on whole columns, each of which IEEE-754 rounds
correctly (a quotient, a root).
"""

from __future__ import annotations

import math

import numpy as np

from host.data.reader import Series
from host.data.table import FloatArray
from host.engine import strategy
from host.features.bar import Bar
from host.hotpath.features import Features

NAMES = strategy.MODEL_FEATURES
# The slowest average halves in strategy.VARIANCE_ROWS: 30 times that is a share of 1e-9.
LOOKS_BACK_ROWS = 30 * max(strategy.FAST_ROWS, strategy.SLOW_ROWS, strategy.VARIANCE_ROWS)
TOLERANCE = 1e-6


class Incremental:
    """The engine's own compiled features."""

    def __init__(self) -> None:
        self._features = Features()

    def take(self, bar: Bar) -> tuple[float, ...] | None:
        """Take the next bar; return its row."""
        self._features.update(bar.close)
        return strategy.model_row(self._features)


def batch(series: Series) -> FloatArray:
    """Return one row a price."""
    fast, slow, variance = _averages(series.price)
    sigma = np.sqrt(variance)
    ready = (np.arange(series.rows) >= strategy.WARM_UP_ROWS - 1) & (variance > 0)
    rows = np.full((series.rows, len(NAMES)), np.nan)
    fast, slow, sigma, price = (column[ready] for column in (fast, slow, sigma, series.price))
    share = 0.5 + (fast - slow) / (slow * sigma) / 4
    signal = np.minimum(1.0, np.maximum(0.0, share))
    rows[ready] = np.column_stack([fast / price - 1, slow / price - 1, sigma, signal])
    return rows


def _averages(price: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    to_fast, to_slow, to_variance = strategy.WEIGHTS
    prices = price.tolist()
    last = fast = slow = prices[0]
    variance = 0.0
    found = [(fast, slow, variance)]
    for now in prices[1:]:
        change = math.log(now / last)
        fast += to_fast * (now - fast)
        slow += to_slow * (now - slow)
        variance += to_variance * (change * change - variance)
        last = now
        found.append((fast, slow, variance))
    table = np.array(found)
    return table[:, 0], table[:, 1], table[:, 2]
