"""A million orders through the compiled path, and a run of the trader around it: memory stays flat."""

import os
import time
from typing import Any

import numpy as np
import pytest
from host.hotpath.pathbench import orders

from host.perf import engine
from host.perf.audit import resident_kb
from tests.desk import desk

ORDERS, WARM = 1_000_000, 50_000
ROWS, WARM_ROWS = 60_000, 20_000
# KiB. Arenas of the allocator come and go; a leak of one byte an order would be 977.
FLAT_KB = 512


def resident() -> int:
    return resident_kb(os.getpid())


def flat(work: Any, long: int, warm: int) -> int:
    """Return by how many KiB the memory grew while `work(long)` ran, after `work(warm)`."""
    work(warm)
    before = resident()
    work(long)
    return resident() - before


def test_a_million_orders_leave_no_memory_behind(capsys: pytest.CaptureFixture) -> None:
    none = np.zeros(0, np.int64)
    values = engine.prices(10_000)
    with engine.path() as (pipeline, guard, ours, theirs):
        at_ns = time.monotonic_ns()

        def work(count: int) -> None:
            nonlocal at_ns
            for _part in range(count // len(values)):
                orders(pipeline, guard, values, ours.fileno(), theirs.fileno(), at_ns,
                       engine.STEP_NS, none)  # fmt: skip
                at_ns += len(values) * engine.STEP_NS

        grown = flat(work, ORDERS, WARM)
    with capsys.disabled():
        print(f"\n  {ORDERS} orders through the compiled path: {grown:+} KiB", end=" ")
    assert grown < FLAT_KB


def test_the_trader_leaves_no_memory_behind(capsys: pytest.CaptureFixture) -> None:
    orders_made = 0
    prices = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, ROWS)))
    with desk() as made:

        def work(count: int) -> None:
            nonlocal orders_made
            for row in range(count):
                made.row(row, float(prices[row]))
                made.fill(float(prices[row]))
                orders_made += sum(kind == "order" for kind, _data in made.told)
                made.told.clear()

        grown = flat(work, ROWS, WARM_ROWS)
        position = made.position.qty
    with capsys.disabled():
        print(f"\n  {orders_made} orders of the trader over {ROWS} rows: {grown:+} KiB", end=" ")
    assert orders_made > 1_000
    assert position >= 0
    assert grown < FLAT_KB
