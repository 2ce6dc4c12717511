"""What a number of daily returns can show.

Sharpe ratio with its standard error for returns of any shape (Mertens 2002), probabilistic and deflated
Sharpe ratio (Bailey and Lopez de Prado 2012 and 2014), mean with a HAC interval (Newey and West 1987).
Ratios are of a day unless they are called annual; a year has 365 days, as the markets here have.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

YEAR_DAYS = 365
LEVEL = 0.95
EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Sharpe(NamedTuple):
    """Of a day; `psr` is the probability that the true ratio is above zero."""

    ratio: float
    error: float
    psr: float

    @property
    def annual(self) -> float:
        """The ratio of a year."""
        return self.ratio * math.sqrt(YEAR_DAYS)

    @property
    def annual_error(self) -> float:
        """Standard error of the annual ratio."""
        return self.error * math.sqrt(YEAR_DAYS)


def sharpe(returns: Sequence[float]) -> Sharpe | None:
    """Return the Sharpe ratio of daily returns; None for less than 3, or without any spread."""
    values = np.asarray(returns, dtype=np.float64)
    if values.size < 3 or not np.isfinite(values).all() or values.std() <= 1e-15:
        return None
    ratio = float(values.mean() / values.std(ddof=1))
    error = _error(values, ratio)
    return Sharpe(ratio, error, _NORMAL.cdf(ratio / error))


def _error(values: Any, ratio: float) -> float:
    """Standard error of the ratio, by skewness and kurtosis of the returns."""
    standard = (values - values.mean()) / values.std()
    skew, kurtosis = float((standard**3).mean()), float((standard**4).mean())
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    # Zero or below only for returns of two values; then nothing is known but the normal part.
    return math.sqrt(max(variance, 1e-12) / (values.size - 1))


def deflated(found: Sharpe, trials: int, trials_sd: float) -> float:
    """Return the probability that the ratio is better than the best of so many worthless trials.

    trials_sd -- standard deviation of the daily Sharpe ratios over the trials
    """
    if trials < 1:
        raise ValueError(f"trials: {trials}, at least 1")
    if trials == 1:
        return found.psr
    best = trials_sd * (
        (1 - EULER) * _NORMAL.inv_cdf(1 - 1 / trials)
        + EULER * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    )
    return _NORMAL.cdf((found.ratio - best) / found.error)


class Mean(NamedTuple):
    """A mean and the ends of its two-sided 95 % interval."""

    value: float
    low: float
    high: float


def mean(values: Sequence[float], level: float = LEVEL) -> Mean | None:
    """Return the mean with its interval under serial correlation; None for less than 3 values."""
    data = np.asarray(values, dtype=np.float64)
    n = data.size
    if n < 3 or not np.isfinite(data).all():
        return None
    centred = data - data.mean()
    lags = math.floor(4 * (n / 100) ** (2 / 9))
    variance = float(centred @ centred) / n
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag]) / n
    half = _NORMAL.inv_cdf(0.5 + level / 2) * math.sqrt(max(variance, 0.0) / (n - 1))
    value = float(data.mean())
    return Mean(value, value - half, value + half)
