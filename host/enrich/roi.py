"""Does it pay? The hours' gain over the shadow decisions, less what asking cost, with an interval.

The gain of an hour is the difference of two paper positions that saw the same prices: one followed the
opinions, the other did not (host.hotpath.shadow). Hours hang together, so the mean's interval comes from
a circular block bootstrap (Politis and Romano 1992), block length 2 n^(1/3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.enrich.money import TICKS_PER_USD
from host.enrich.records import HOUR_S, Hour

RESAMPLES = 2000
LEVEL = 0.95
# Below it nothing is concluded: a week.
LEAST_HOURS = 168
SEED = 20_260_101
PAYS, PAYS_NOT, UNDECIDED = "pays", "does not pay", "undecided"


@dataclass(frozen=True)
class Verdict:
    """Amounts in quote currency over all hours; low and high are the interval's ends."""

    hours: int
    gain: float
    cost: float
    net: float
    low: float | None
    high: float | None
    verdict: str
    why: str


def judge(hours: Sequence[Hour], quote_per_usd: float, trial_days: float) -> Verdict:
    """Return what the hours say; missing ones between first and last count as nothing gained."""
    net = _filled(hours, quote_per_usd)
    gain = float(sum(hour.gain for hour in hours))
    cost = sum(hour.cost for hour in hours) / TICKS_PER_USD * quote_per_usd
    facts = (len(net), gain, cost, gain - cost)
    if len(net) < LEAST_HOURS:
        why = f"{len(net)} of {LEAST_HOURS} hours that a verdict needs at least"
        return Verdict(*facts, None, None, UNDECIDED, why)
    low, high = interval(net)
    if low > 0:
        return Verdict(*facts, low, high, PAYS, "the whole interval is above zero")
    if high < 0:
        return Verdict(*facts, low, high, PAYS_NOT, "the whole interval is below zero")
    if len(net) >= 24 * trial_days:
        why = f"not shown to pay in a trial of {trial_days:g} days"
        return Verdict(*facts, low, high, PAYS_NOT, why)
    return Verdict(*facts, low, high, UNDECIDED, "the interval holds zero; the trial goes on")


def interval(values: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the ends of the sum's interval at LEVEL; equal input gives equal output."""
    data = np.asarray(values, dtype=float)
    count = len(data)
    length = max(1, round(2 * count ** (1 / 3)))
    rounded = -(-count // length)
    ends = np.concatenate([[0.0], np.cumsum(np.concatenate([data, data[:length]]))])
    blocks = ends[length:] - ends[:-length]
    generator = np.random.default_rng(SEED)
    picks = generator.integers(0, count, size=(resamples, rounded))
    sums = blocks[picks].sum(axis=1) * count / (rounded * length)
    low, high = np.quantile(sums, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _filled(hours: Sequence[Hour], quote_per_usd: float) -> list[float]:
    if not hours:
        return []
    net = {h.hour_s: h.gain - h.cost / TICKS_PER_USD * quote_per_usd for h in hours}
    return [net.get(at, 0.0) for at in range(hours[0].hour_s, hours[-1].hour_s + 1, HOUR_S)]
