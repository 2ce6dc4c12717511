"""How often a VaR was violated: tests of the count, of its clustering, and counts without a test.

Kupiec 1995 (unconditional coverage), Christoffersen 1998 (independence; conditional coverage is both
together), the traffic light of the Basel Committee (1996). `hits` are booleans in time order; several
sequences are pooled, and no transition is counted across the border of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Hits = np.ndarray[Any, np.dtype[np.bool_]]

LIGHT_DAYS = 250
YELLOW_FROM, RED_FROM = 5, 10

# Name, first and last day. One window expects one violation or so: counts, never a verdict.
CRISES = (
    ("2008-09 financial crisis", "2008-09-01", "2009-03-31"),
    ("2011-08 US downgrade", "2011-08-01", "2011-12-31"),
    ("2018-11 crypto winter", "2018-11-01", "2019-02-28"),
    ("2020-03 pandemic", "2020-02-20", "2020-05-31"),
    ("2021-05 crypto crash", "2021-05-01", "2021-07-31"),
    ("2022-05 Terra, 2022-06 Celsius", "2022-05-01", "2022-07-31"),
    ("2022-11 FTX", "2022-11-01", "2022-12-31"),
)


def kupiec(violations: int, days: int, level: float) -> float:
    """Return the p-value of so many violations in so many days at `level` (likelihood ratio)."""
    return _chi2(_coverage_ratio(violations, days, level), 1)


def independence(sequences: Sequence[Hits]) -> float:
    """Return the p-value that a violation says nothing about the next day."""
    return _chi2(_independence_ratio(sequences), 1)


def christoffersen(sequences: Sequence[Hits], level: float) -> float:
    """Return the p-value of conditional coverage: the right number, and independent."""
    days = sum(len(hits) for hits in sequences)
    violations = sum(int(hits.sum()) for hits in sequences)
    ratio = _coverage_ratio(violations, days, level) + _independence_ratio(sequences)
    return _chi2(ratio, 2)


def traffic_light(hits: Hits) -> tuple[str, int]:
    """Return the zone (green, yellow, red) and the violations of the last 250 days.

    Defined for a VaR of 99 %. Raises ValueError with fewer days.
    """
    if len(hits) < LIGHT_DAYS:
        raise ValueError(f"the traffic light needs {LIGHT_DAYS} days, there are {len(hits)}")
    count = int(hits[-LIGHT_DAYS:].sum())
    zone = "red" if count >= RED_FROM else "yellow" if count >= YELLOW_FROM else "green"
    return zone, count


def crises(times: np.ndarray, hits: Hits, level: float) -> list[dict[str, Any]]:
    """Count violations in each crisis that the times (datetime64) reach into."""
    found = []
    days = times.astype("datetime64[D]")
    for name, first, last in CRISES:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        if inside.any():
            n = int(inside.sum())
            count = int(hits[inside].sum())
            found.append({"window": name, "n": n, "violations": count, "expected": n * level})
    return found


def _coverage_ratio(violations: int, days: int, level: float) -> float:
    if not 0 <= violations <= days or days < 1:
        raise ValueError(f"{violations} violations in {days} days")
    found = _log_likelihood(violations, days)
    fixed = violations * math.log(level) + (days - violations) * math.log1p(-level)
    return max(0.0, 2.0 * (found - fixed))


def _independence_ratio(sequences: Sequence[Hits]) -> float:
    steps = np.zeros((2, 2), dtype=np.int64)
    for hits in sequences:
        np.add.at(steps, (hits[:-1].astype(int), hits[1:].astype(int)), 1)
    after_quiet, after_hit = steps.sum(axis=1)
    each = _log_likelihood(steps[0, 1], after_quiet) + _log_likelihood(steps[1, 1], after_hit)
    both = _log_likelihood(steps[:, 1].sum(), steps.sum())
    return max(0.0, 2.0 * (each - both))


def _log_likelihood(hits: int, of: int) -> float:
    """Of so many hits under their own rate; 0 ln 0 is 0."""
    parts = (int(hits), int(of - hits))
    return sum(part * math.log(part / of) for part in parts if part)


def _chi2(ratio: float, freedom: int) -> float:
    from scipy import stats

    return float(stats.chi2.sf(ratio, freedom))
