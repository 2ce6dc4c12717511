"""Rows of the table: figures of one measurement, judged at one percentile.

what, p50, p99, p999, max, unit, limit, judged (which figure the limit is for), at_least (the limit is
the least and not the most), pass. All figures are over batches, by host.perf.timing's method.
"""

from collections.abc import Sequence

from host.perf.timing import BATCH, Row, percentile

SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}


class Missing(Exception):
    """Something that a measurement needs is not on this machine; the text says what to do."""


def call_ns(
    taken_ns: Sequence[int], empty_ns: Sequence[int], calls: int = BATCH
) -> Sequence[float]:
    """Return ns a call of each batch, less the p50 of the empty loop."""
    loop_ns = percentile(sorted(empty_ns), 0.5) if empty_ns else 0
    return [max(0.0, (ns - loop_ns) / calls) for ns in taken_ns]


def judge(
    what: str,
    values: Sequence[float],
    unit: str = "ns",
    limit: float | None = None,
    judged: str = "p99",
    at_least: bool = False,
) -> Row:
    """Return a row. Where more is better, p99 is what 99 % of the batches reach."""
    ordered = sorted(values, reverse=at_least)
    figures = {name: round(percentile(ordered, share), 2) for name, share in SHARES.items()}
    held = figures[judged] >= limit if at_least and limit else True
    if limit is not None and not at_least:
        held = figures[judged] <= limit
    return {"what": what, **figures, "unit": unit, "limit": limit, "judged": judged,
            "at_least": at_least, "pass": held}  # fmt: skip
