"""What the tail of an innovation means for a return, and a return for a position.

The t is scaled to unit variance: nu = 4 at 99 % gives -2.6495, where the raw quantile is -3.7469 (the
classic mistake); see host.models.innovations.
"""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray
from host.models import quantile, tail_mean


def of_returns(
    mean: FloatArray, variance: FloatArray, nu: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return (quantile, tail mean) of returns with these moments, in percent; `nu` NaN is normal."""
    both = np.empty((2, len(nu)))
    for one in np.unique(nu):
        freedom = None if np.isnan(one) else float(one)
        at = np.isnan(nu) if freedom is None else nu == one
        both[:, at] = [[quantile(freedom, level)], [tail_mean(freedom, level)]]
    sigma = np.sqrt(variance)
    return mean + sigma * both[0], mean + sigma * both[1]


def loss_pct(return_pct: float) -> float:
    """Return what a long position loses at a log return, in percent of its value; a gain is negative."""
    return float(-100.0 * np.expm1(return_pct / 100.0))
