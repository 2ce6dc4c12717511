"""A million orders through the compiled path, and a run of the trader around it: memory stays flat."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host.hotpath.pathbench import orders
from host.hotpath.riskcheck import RiskCheck

from host import config, forecast, layout, shm
from host.engine.forecasts import Forecasts
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.forecast import Forecast
from host.perf import engine
from host.perf.audit import resident_kb
from host.perf.checks import every_rail, open_gate, renew
from tests.trading import Port, Venue

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


def test_the_trader_leaves_no_memory_behind(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    wanted = config.load(config.DEFAULT)
    venue, told = Venue(), 0
    prices = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, ROWS)))

    def tell(kind: str, **data: Any) -> None:
        nonlocal told
        told += kind == "order"

    gate, pages = open_gate()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    limits = every_rail(price_collar_share=0.5, price_window_share=0.5)
    sizing, forecasts = Sizing(wanted.strategy, limits), Forecasts(tmp_path)
    said = forecasts._page = shm.create(layout.KIND_MODELLER, "said")
    port = Port(gate, ours.fileno(), tmp_path)
    trader = Trader(wanted.strategy, sizing, forecasts, RiskCheck(limits), lambda: venue.manager,
                    Ids(wanted.strategy.id, 7), port,  # type: ignore[arg-type]
                    lambda: True, tell)  # fmt: skip

    def work(count: int) -> None:
        for row in range(count):
            renew(pages[0])
            forecast.publish(
                said.words, Forecast(row, 0, 1, 0.01, 0.013, 1, 0), time.monotonic_ns()
            )
            trader.take_row({"row": row, "close": float(prices[row])})
            venue.fill(float(prices[row]), theirs, port.journal)

    grown = flat(work, ROWS, WARM_ROWS)
    for held in (ours, theirs, said, *pages):
        held.close()
    with capsys.disabled():
        print(f"\n  {told} orders of the trader over {ROWS} rows: {grown:+} KiB", end=" ")
    assert told > 1_000
    assert venue.manager.position.qty >= 0
    assert grown < FLAT_KB
