"""GARCH(1,1) one bar at a time, and the tail of what comes next."""

from __future__ import annotations

import math

import msgspec

from host.forecast import Forecast


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the fitter found; percent units. `variance` is of the bar after the last one it saw.

    quantile, tail_mean -- of the unit-variance innovation, below zero
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    variance: float
    quantile: float
    tail_mean: float
    seconds: float


class Filter:
    """The state of one fit; `update` takes one return after the other."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self.variance = fit.variance

    def update(self, return_pct: float) -> None:
        """Take the next log return, in percent."""
        fit, shock = self._fit, return_pct - self._fit.mean
        self.variance = fit.omega + fit.alpha * shock * shock + fit.beta * self.variance

    def over(self, bars: int) -> tuple[float, float]:
        """Return mean (percent) and variance of the return over so many bars: the sum of each one's.

        The variance decays to its long-run level by alpha + beta a bar.
        """
        fit, persistence = self._fit, self._fit.alpha + self._fit.beta
        level = fit.omega / (1.0 - persistence)
        decayed = (1.0 - persistence**bars) / (1.0 - persistence)
        return bars * fit.mean, bars * level + (self.variance - level) * decayed

    def forecast(self, row: int, bars: int, fits: int, failures: int) -> Forecast:
        """Return what to publish after `row`; the shares are of whichever side loses more."""
        mean, variance = self.over(bars)
        sigma = math.sqrt(variance)
        var, cvar = (
            max(-math.expm1((mean + sigma * z) / 100.0), math.expm1((mean - sigma * z) / 100.0))
            for z in (self._fit.quantile, self._fit.tail_mean)
        )
        return Forecast(row, mean, sigma, var, cvar, fits, failures)
