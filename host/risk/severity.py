"""How badly a VaR was violated, and whether one forecast is better than another.

Acerbi and Szekely 2014 (test 2), the pinball loss, whose expectation the true quantile minimises, and
Diebold and Mariano 1995 with the HAC variance of Newey and West.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.table import FloatArray


def acerbi_szekely(
    returns: FloatArray, quantile: FloatArray, tail_mean: FloatArray, level: float
) -> float:
    """Return Z2: 0 is what a right forecast expects, below it the losses are larger than forecast.

    Z2 = 1 - sum over violations of r_t / m_t, divided by n level; m_t is the mean return in the tail.
    Raises ValueError when a tail mean is not below zero.
    """
    if not (tail_mean < 0).all():
        raise ValueError("a mean of the tail that is no loss")
    hits = returns < quantile
    return 1.0 - float((returns[hits] / tail_mean[hits]).sum()) / (len(returns) * level)


def pinball(returns: FloatArray, quantile: FloatArray, level: float) -> FloatArray:
    """Return the loss of each forecast, in percent of return."""
    miss = returns - quantile
    return np.where(miss < 0, (level - 1.0) * miss, level * miss)


def diebold_mariano(gains: FloatArray) -> float:
    """Return the two-sided p-value of a mean gain of zero; NaN when the gains do not vary.

    gains -- loss of the one forecast minus loss of the other, in time order. The variance has
    floor(4 (n / 100)^(2/9)) lags; NaN when the gains do not vary.
    """
    from scipy import stats

    n = len(gains)
    centred = gains - gains.mean()
    lags = int(4.0 * (n / 100.0) ** (2.0 / 9.0))
    variance = float(centred @ centred) / n
    for lag in range(1, min(lags, n - 1) + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / n
    if not variance > 0:
        return math.nan
    return float(2.0 * stats.norm.sf(abs(gains.mean()) / math.sqrt(variance / n)))


def by_time(times: list[np.ndarray], gains: list[FloatArray]) -> FloatArray:
    """Return the mean gain at each time over the series that have one: assets fall together, so
    that pooling them as independent would make every p-value too small.
    """
    at, place = np.unique(np.concatenate(times), return_inverse=True)
    total = np.bincount(place, np.concatenate(gains), len(at))
    return total / np.bincount(place, minlength=len(at))
