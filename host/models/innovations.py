"""The innovations z: normal, or Student-t scaled to unit variance. Pure functions of nu and z.

The raw t quantile is larger than that of the scaled t by sqrt(nu / (nu - 2)): for nu = 4 and 1 % it
reads -3.747 where the innovation has -2.650.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from host.data.table import FloatArray


def unit(nu: float) -> float:
    """What a raw t of `nu` degrees of freedom is multiplied by to have variance 1."""
    return math.sqrt((nu - 2.0) / nu)


def cdf(z: FloatArray, nu: float | None) -> FloatArray:
    """P(innovation <= z)."""
    return special.ndtr(z) if nu is None else special.stdtr(nu, z / unit(nu))


def quantile(nu: float | None, p: float) -> float:
    """The p-quantile, 0 < p < 1: -2.6495 for nu = 4 and p = 0.01."""
    return float(special.ndtri(p) if nu is None else special.stdtrit(nu, p) * unit(nu))


def tail_mean(nu: float | None, p: float) -> float:
    """Mean of the innovation below its p-quantile: what CVaR is made of (negative for small p)."""
    z = quantile(nu, p)
    if nu is None:
        return -math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / p
    raw = z / unit(nu)
    log_density = (
        math.lgamma((nu + 1.0) / 2.0)
        - math.lgamma(nu / 2.0)
        - 0.5 * math.log(nu * math.pi)
        - (nu + 1.0) / 2.0 * math.log1p(raw * raw / nu)
    )
    return -math.exp(log_density) * (nu + raw * raw) / (nu - 1.0) / p * unit(nu)


def draw(nu: float | None, n: int, random: np.random.Generator) -> FloatArray:
    """`n` independent innovations."""
    return random.standard_normal(n) if nu is None else random.standard_t(nu, n) * unit(nu)


def nu_score(nu: float) -> float:
    """Derivative by nu of the part of the log density that does not depend on the data."""
    half = float(special.psi((nu + 1.0) / 2.0) - special.psi(nu / 2.0))
    return 0.5 * half - 0.5 / (nu - 2.0)
