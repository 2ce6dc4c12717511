"""What a number of presses can show: order statistics and exact binomials, no distribution assumed.

Sources: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed., 7.1 (intervals for quantiles);
C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) (bound on a proportion; without a failure it is
the rule of three, 3 / n).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats as distributions

from rig.latency import PERMILLE

CONFIDENCE = 0.95
# Those of latency.stats that a sample can bound; no sample bounds the largest value there can be.
PERCENTILES = {name: permille / 1000 for name, permille in PERMILLE.items() if permille < 1000}

Samples = NDArray[np.float64]


class Interval(NamedTuple):
    """Where a quantile lies; None at an end that the sample cannot bound."""

    low: float | None
    high: float | None


def quantile_interval(samples: Iterable[float], p: float, level: float = CONFIDENCE) -> Interval:
    """Distribution-free interval for the p-quantile, covering it with at least `level`.

    Its ends are samples: how many of n lie below the quantile is binomial(n, p), whatever is sampled.
    """
    values = np.sort(np.asarray(list(samples), dtype=np.float64))
    n, outside = values.size, (1 - level) / 2
    if n == 0 or not np.isfinite(values).all():
        return Interval(None, None)
    below = int(distributions.binom.ppf(outside, n, p))
    above = int(distributions.binom.ppf(1 - outside, n, p)) + 1
    low = float(values[below - 1]) if below >= 1 else None
    return Interval(low, float(values[above - 1]) if above <= n else None)


def presses_needed(p: float, level: float = CONFIDENCE) -> int:
    """Return the fewest samples that bound the p-quantile from above."""
    return math.ceil(math.log((1 - level) / 2) / math.log(p))


def failure_bound(failures: int, presses: int, level: float = CONFIDENCE) -> float | None:
    """Return the largest failure rate (0..1) that `failures` of `presses` leave possible.

    One-sided, exact (Clopper-Pearson). None without a press.
    """
    if presses <= 0:
        return None
    if failures >= presses:
        return 1.0
    return float(distributions.beta.ppf(level, failures + 1, presses - failures))


def confidence(stages_us: Mapping[str, Samples], *, failures: int, presses: int) -> dict[str, Any]:
    """Return what the samples bound, as JSON types: each percentile of each stage, and the failures.

    `needs` -- presses from which on the percentile has an upper end
    """
    bounds = {
        stage: {
            name: {**quantile_interval(values, p)._asdict(), "needs": presses_needed(p)}
            for name, p in PERCENTILES.items()
        }
        for stage, values in stages_us.items()
    }
    return {
        "level": CONFIDENCE,
        "percentiles_us": bounds,
        "failures": failures,
        "presses": presses,
        "failure_rate_at_most": failure_bound(failures, presses),
    }


class Difference(NamedTuple):
    """How much larger a percentile of B is than of A, and the interval of that difference."""

    value: float
    low: float
    high: float


def difference(a: Samples, b: Samples, p: float, level: float = CONFIDENCE) -> Difference | None:
    """Quantile p of `b` minus that of `a`; None where a sample is too small to bound it.

    Two independent intervals of sqrt(level) each hold together with `level`, so their difference
    does: wider than a bootstrap's, and true in the tail too, where that one is not.
    """
    ours, theirs = (quantile_interval(each, p, math.sqrt(level)) for each in (a, b))
    if None in (*ours, *theirs):
        return None
    low, high = theirs.low - ours.high, theirs.high - ours.low  # type: ignore[operator]
    return Difference(_nearest_rank(b, p) - _nearest_rank(a, p), low, high)


def _nearest_rank(samples: Samples, p: float) -> float:
    return float(np.sort(samples)[math.ceil(round(p * samples.size, 6)) - 1])


class Shift(NamedTuple):
    """Mann-Whitney: p-value of "A and B are one population", and how often B is the slower of a pair."""

    p_value: float
    b_slower: float


def shift(a: Samples, b: Samples) -> Shift:
    """Compare all of `a` with all of `b`, two-sided, with ties."""
    found = distributions.mannwhitneyu(b, a, alternative="two-sided", method="asymptotic")
    p_value = 1.0 if math.isnan(found.pvalue) else float(found.pvalue)  # all values the same
    return Shift(p_value, float(found.statistic) / (a.size * b.size))
