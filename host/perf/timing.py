"""The method: calls in batches of 64, the empty loop subtracted, both shown.

A batch is timed by CLOCK_MONOTONIC around it, so that the timer's cost is shared by 64 calls; a
figure is the mean of one batch, and percentiles are over batches.
"""

import gc
import math
import time
from collections.abc import Callable, Sequence
from itertools import repeat

BATCH = 64
Row = dict[str, str | float | bool | None]


def python_batches(call: Callable[..., object], arguments: tuple, batches: int) -> list[int]:
    """Return what each batch of `call(*arguments)` took, in ns."""
    taken, clock = [], time.monotonic_ns
    gc.collect()
    gc.disable()
    try:
        for _batch in range(batches):
            began_ns = clock()
            for _call in repeat(None, BATCH):
                call(*arguments)
            taken.append(clock() - began_ns)
    finally:
        gc.enable()
    return taken


def empty_batches(batches: int) -> list[int]:
    """Return what each batch of the same loop around nothing took, in ns."""
    taken, clock = [], time.monotonic_ns
    for _batch in range(batches):
        began_ns = clock()
        for _call in repeat(None, BATCH):
            pass
        taken.append(clock() - began_ns)
    return taken


def row(
    what: str, taken_ns: Sequence[int], empty_ns: Sequence[int] = (), limit_ns: float | None = None
) -> Row:
    """Return the figures of one call in ns; `limit_ns` is for p99, and None holds always."""
    loop_ns = percentile(sorted(empty_ns), 0.5) if empty_ns else 0
    each = sorted(max(0.0, (ns - loop_ns) / BATCH) for ns in taken_ns)
    p99 = percentile(each, 0.99)
    return {
        "what": what,
        "p50": round(percentile(each, 0.5), 2),
        "p99": round(p99, 2),
        "p999": round(percentile(each, 0.999), 2),
        "max": round(each[-1], 2),
        "unit": "ns",
        "limit": limit_ns,
        "pass": limit_ns is None or p99 <= limit_ns,
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of an ordered sequence that is not empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
