"""Back-tests of one file or of several, and the limits that they are held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from host.data.table import FloatArray
from host.risk import coverage, severity
from host.risk.bars import Bars
from host.risk.methods import Methods

LEVEL = 0.01  # the limits are for a confidence of 99 %
# 16 to 34 of 2450 days.
VIOLATIONS = (16 / 2450, 34 / 2450)
LEAST_P, MOST_Z2 = 0.05, 0.7
POOLED = (0.0085, 0.0115)
GAIN_EQUITY, GAIN_POOLED, GAIN_HOURLY, GAIN_WORST = 0.18, 0.05, 0.10, -0.02


@dataclass(frozen=True)
class Tested:
    """Forecasts of one file beside what came; from the first tested bar on."""

    bars: Bars
    level: float
    times: np.ndarray
    returns: FloatArray
    quantile: FloatArray
    tail_mean: FloatArray
    losses: FloatArray
    baseline: FloatArray

    @property
    def hits(self) -> coverage.Hits:
        """Where the return fell below the quantile."""
        return self.returns < self.quantile

    @property
    def gains(self) -> FloatArray:
        """Pinball loss below the baseline's, in units of the baseline's mean."""
        return (self.baseline - self.losses) / self.baseline.mean()


def test(made: Methods, method: str) -> Tested:
    """Walk one file forward."""
    bars, first, level = made.bars, made.first, made.level
    quantile, mean = (each[first:] for each in made.tails(method))
    returns = bars.returns[first:]
    against, _mean = made.hs()
    return Tested(
        bars,
        level,
        bars.times()[first:],
        returns,
        quantile,
        mean,
        severity.pinball(returns, quantile, level),
        severity.pinball(returns, against[first:], level),
    )


def backtest(all_of: list[Tested]) -> dict[str, Any]:
    """Return the figures of one file, or of several pooled."""
    hits = [one.hits for one in all_of]
    n, violations = sum(map(len, hits)), sum(int(each.sum()) for each in hits)
    level = all_of[0].level
    returns, quantile, mean = (
        np.concatenate([getattr(one, name) for one in all_of])
        for name in ("returns", "quantile", "tail_mean")
    )
    gains = np.concatenate([one.gains for one in all_of])
    by_time = severity.by_time([one.times for one in all_of], [one.gains for one in all_of])
    window = all_of[0].bars.baseline
    found: dict[str, Any] = {
        "n": n,
        "violations": violations,
        "violations_share": violations / n,
        "kupiec_p": coverage.kupiec(violations, n, level),
        "christoffersen_p": coverage.christoffersen(hits, level),
        "independence_p": coverage.independence(hits),
        "z2": severity.acerbi_szekely(returns, quantile, mean, level),
        "mean_VaR": float(-100.0 * np.expm1(quantile / 100.0).mean()),
        "pinball": float(np.concatenate([one.losses for one in all_of]).mean()),
        f"gain_over_hs{window}": float(gains.mean()),
        "gain_p": severity.diebold_mariano(by_time),
    }
    if len(all_of) == 1:
        one = all_of[0]
        if one.bars.daily and level == LEVEL and n >= coverage.LIGHT_DAYS:
            found["traffic_light"], found["last_250"] = coverage.traffic_light(one.hits)
        found["crises"] = coverage.crises(one.times, one.hits, level)
    return found


def limits(all_of: list[Tested], found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what holds for these files: limit, reached, pass; nothing but for 99 %."""
    bars = all_of[0].bars
    if all_of[0].level != LEVEL or not (bars.daily or bars.hourly):
        return []
    gain = found[f"gain_over_hs{bars.baseline}"]
    if bars.hourly:
        return [_least("gain over HS720", GAIN_HOURLY, gain)]
    if not bars.every_day:
        return [_least("gain over HS250", GAIN_EQUITY, gain)]
    if len(all_of) > 1:
        worst = min(float(one.gains.mean()) for one in all_of)
        return [
            _within("violations, share", POOLED, found["violations_share"]),
            _least("gain over HS250", GAIN_POOLED, gain),
            _most("p of the gain", LEAST_P, found["gain_p"]),
            _least("gain of the worst file", GAIN_WORST, worst),
        ]
    low, high = (round(share * found["n"]) for share in VIOLATIONS)
    return [
        _within("violations", (low, high), found["violations"]),
        _least("Kupiec p", LEAST_P, found["kupiec_p"]),
        _least("Christoffersen p", LEAST_P, found["christoffersen_p"]),
        _most("|Z2|", MOST_Z2, abs(found["z2"])),
        _least("gain over HS250", GAIN_WORST, gain),
    ]


def _line(limit: str, reached: float, good: bool) -> dict[str, Any]:
    return {"limit": limit, "reached": reached, "pass": bool(good)}


def _least(what: str, bound: float, reached: float) -> dict[str, Any]:
    return _line(f"{what} >= {bound:g}", reached, reached >= bound)


def _most(what: str, bound: float, reached: float) -> dict[str, Any]:
    return _line(f"{what} <= {bound:g}", reached, reached <= bound)


def _within(what: str, bounds: tuple[float, float], reached: float) -> dict[str, Any]:
    low, high = bounds
    return _line(f"{what} in {low:g}..{high:g}", reached, low <= reached <= high)
