"""How good forecasts were: losses, and whether the difference between two is more than chance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from host.data.table import FloatArray


def squared_error(forecast: FloatArray, truth: FloatArray) -> FloatArray:
    """(forecast - truth)^2 of each."""
    return (forecast - truth) ** 2


def qlike(variance: FloatArray, realised: FloatArray) -> FloatArray:
    """x - ln x - 1 with x = realised / forecast: 0 for a perfect forecast, scale-free."""
    x = realised / variance
    return x - np.log(x) - 1.0


class DieboldMariano(NamedTuple):
    """t > 0 when the second series of losses is the larger one; p is two-sided."""

    t: float
    p: float


def diebold_mariano(loss: FloatArray, other: FloatArray) -> DieboldMariano:
    """Test of equal expected loss, one step ahead, with a HAC variance.

    Bartlett weights (Newey-West 1987) over floor(4 (n / 100)^(2/9)) lags and the small-sample factor
    of Harvey, Leybourne and Newbold (1997); Student-t with n - 1 degrees of freedom. Equal losses
    everywhere give p = 1.
    """
    d = other - loss
    n = len(d)
    lags = int(4 * (n / 100.0) ** (2.0 / 9.0))
    centred = d - d.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / n
    if variance <= 0.0:
        return DieboldMariano(0.0, 1.0)
    t = float(d.mean()) / math.sqrt(variance / n) * math.sqrt((n - 1.0) / n)
    return DieboldMariano(t, float(2.0 * special.stdtr(n - 1, -abs(t))))


def gain(loss: float, other: float) -> float:
    """By how much `loss` is below `other`, as a share of `other`."""
    return 1.0 - loss / other
