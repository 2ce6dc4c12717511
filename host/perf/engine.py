"""What the compiled path costs: a price in, an order on the venue's socket, and what it allocates.

Every tick passes features, forecast, decision, all checks, the gate and the journal, and sends one
order. One figure is one order: the timer's own cost is in it.
"""

import contextlib
import gc
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from host import layout, shm
from host.decisions import Thresholds
from host.execution.journal import Journal
from host.hotpath.decision import Decision
from host.hotpath.ordertext import Serial
from host.hotpath.pathbench import orders
from host.hotpath.pipeline import Pipeline
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words
from host.perf.checks import every_rail, open_gate
from host.perf.judging import judge
from host.perf.timing import Row

TICKS = 100_000
# us. Blueprint.
TICK_US = 20.0
PRICE, VALUE, CAPITAL, STEP_NS = 100.0, 1_000.0, 100_000.0, 1_000_000
FAR_NS = 1 << 62
# The journal lies in memory, as it does in a run directory.
MEMORY = Path("/dev/shm")


def rows(ticks: int = TICKS) -> list[Row]:
    """Measure. Raises RuntimeError when an order did not leave."""
    with path() as (pipeline, guard, ours, theirs):
        fd, venue = ours.fileno(), theirs.fileno()
        taken = np.zeros(ticks, np.int64)
        orders(pipeline, guard, prices(ticks), fd, venue, time.monotonic_ns(), STEP_NS, taken)
        allocated = allocations(pipeline, guard, fd, venue, ticks)
    taken_us = [ns / 1e3 for ns in taken[ticks // 100 :].tolist()]
    return [
        judge("tick -> order handed to the venue", taken_us, "us", TICK_US),
        judge("allocations per tick", [allocated], "blocks", 0.0, "max"),
    ]


def prices(count: int) -> np.ndarray:
    """Prices that never rest, within half a percent."""
    return PRICE * (1 + 0.005 * np.random.default_rng(1).uniform(-1, 1, count))


@contextlib.contextmanager
def path() -> Iterator[tuple[Pipeline, Words, socket.socket, socket.socket]]:
    """A warm path whose orders pass everything; (it, the guard's words, both ends of a socket)."""
    gate, pages = open_gate()
    page = shm.create(layout.KIND_MODELLER, "perf-forecast")
    forecast = Seqlock(page.words, layout.FORECAST, len(layout.FORECAST_FIELDS))
    forecast.publish((0.01, 0.02, 0.5))
    word: dict[str, Any] = {
        "decision": Decision(Thresholds(0.2, 0.05, 0.3, 0.1)),
        "forecast": forecast,
        "forecast_age_ns": FAR_NS,
    }
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
    journal = Journal(Path(folder.name) / "orders.journal")
    run = f"{time.time_ns() // 1_000_000:x}"
    checks = RiskCheck(every_rail(price_collar_share=0.5, price_window_share=0.5))
    made = Pipeline(
        "trend", "PAPER", run, Serial(), checks, gate, VALUE, VALUE, **word, capital=CAPITAL,
        wal=journal.wal,
    )  # fmt: skip
    made.outlook(VALUE, 0.01, 0.013, 0.1)
    made.set_lot(1, 2)
    made.account(0.0, 0, 0.0)
    # A rise first, so that the trend stands above zero whatever the prices do then.
    for price in np.linspace(0.9 * PRICE, PRICE, 64).tolist():
        made.seen(price, time.monotonic_ns())
    try:
        yield made, pages[0].words, ours, theirs
    finally:
        for held in (ours, theirs, page, *pages, journal):
            held.close()
        folder.cleanup()


def allocations(pipeline: Pipeline, guard: Words, fd: int, venue: int, ticks: int) -> float:
    """Return the blocks of Python's allocator that a tick leaves or takes, over a long run."""
    values, none = prices(ticks), np.zeros(0, np.int64)
    began_ns = time.monotonic_ns() + ticks * STEP_NS
    orders(pipeline, guard, values, fd, venue, began_ns, STEP_NS, none)  # warm
    collected = sum(generation["collections"] for generation in gc.get_stats())
    before = sys.getallocatedblocks()
    orders(pipeline, guard, values, fd, venue, began_ns + ticks * STEP_NS, STEP_NS, none)
    more = sys.getallocatedblocks() - before
    if sum(generation["collections"] for generation in gc.get_stats()) != collected:
        raise RuntimeError("the collector ran during the measurement")
    return abs(more) / ticks
