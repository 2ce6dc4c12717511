"""What a model has to beat. Variance forecasts of returns[first:], percent squared."""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray

DECAY = 0.94  # RiskMetrics
WINDOW = 250


def rolling(returns: FloatArray, first: int, window: int = WINDOW) -> FloatArray:
    """Sample variance of the `window` returns before each."""
    views = np.lib.stride_tricks.sliding_window_view(returns, window)
    return views[first - window : len(returns) - window].var(axis=1, ddof=1)


def ewma(returns: FloatArray, first: int, decay: float = DECAY) -> FloatArray:
    """Exponentially weighted squares; begins with the variance of the first 30 returns."""
    variance = float(np.mean(returns[:30] ** 2))
    found = np.empty(len(returns))
    for t, value in enumerate(returns.tolist()):
        found[t] = variance
        variance = decay * variance + (1.0 - decay) * value * value
    return found[first:]


def expanding_mean(returns: FloatArray, first: int) -> FloatArray:
    """Mean of all returns before each: the forecast that a model of the mean has to beat."""
    sums = np.cumsum(returns)
    return sums[first - 1 : -1] / np.arange(first, len(returns))
