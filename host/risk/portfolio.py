"""Filtered historical simulation across assets.

Each past day gives one scenario: its standardised residuals of all assets together, which keeps how
they fall together, scaled by today's forecasts. Nothing is assumed about their joint distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from host.data.table import FloatArray
from host.risk import rolling

LEAST_SCENARIOS = 250


@dataclass(frozen=True, slots=True)
class Risk:
    """VaR and CVaR of a portfolio in quote currency; losses are positive."""

    var: float
    cvar: float


def simulate(
    residuals: FloatArray, mean_pct: FloatArray, sigma_pct: FloatArray, values: FloatArray
) -> FloatArray:
    """Return the profit of each scenario in quote currency.

    residuals -- scenarios x assets, returns divided by the sigma that was forecast for them
    mean_pct, sigma_pct -- of the next return of each asset
    values -- of the positions, quote currency, short ones negative
    Raises ValueError when the shapes differ, or anything is not finite.
    """
    scenarios, assets = residuals.shape
    if scenarios < LEAST_SCENARIOS:
        raise ValueError(f"{scenarios} scenarios, at least {LEAST_SCENARIOS} are needed")
    for name, given in (("mean", mean_pct), ("sigma", sigma_pct), ("value", values)):
        if given.shape != (assets,) or not np.isfinite(given).all():
            raise ValueError(f"{name}: {assets} finite numbers are needed, one for each asset")
    if not np.isfinite(residuals).all() or not (sigma_pct > 0).all():
        raise ValueError("residuals must be finite and every sigma above zero")
    return np.expm1((mean_pct + sigma_pct * residuals) / 100.0) @ values


def risk(profits: FloatArray, level: float) -> Risk:
    """Return VaR and CVaR of simulated profits."""
    padded = np.append(profits, 0.0)  # the place of the forecast itself
    quantile, mean = rolling.tails(padded, len(profits), len(profits), level)
    return Risk(-float(quantile[-1]), -float(mean[-1]))
