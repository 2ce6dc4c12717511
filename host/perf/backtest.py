"""What a backtest costs: ticks a second through forecast, features, decision, checks and paper venue.

Ticks are seeded and made here: a quiet market with a burst now and then in which the strategy trades.
Rows that reach no order go through compiled code; a row on which something happens goes through the
engine's own execution and the venue's book in Python. So the rate depends on how often that is, and both
are shown. Times are of the CPU: what else runs is not in them. The modeller's fits are among them.
"""

import time
from typing import Any

import msgspec
import numpy as np

from host import config
from host.backtest import DEFAULT
from host.backtest.market import of
from host.backtest.run import Ran, Run
from host.data.reader import Series
from host.perf.judging import judge
from host.perf.timing import Row

# Issue: a million ticks a second on one core.
TICKS_K_PER_S = 1_000.0
TICKS, DENSE_TICKS, ROUNDS = 1_000_000, 5_000, 3
BURST_EVERY, BURST_TICKS, BURST_SHARE = 100_000, 40, 0.001
START_NS, STEP_NS, PRICE, TICK = 1_704_067_200_000_000_000, 100_000_000, 20_000.0, 0.5


def ticks(count: int, seed: int = 1) -> Series:
    """Return trades of a random walk with bursts."""
    rng = np.random.default_rng(seed)
    step = rng.integers(-1, 2, count) * (TICK / PRICE)
    for first in range(BURST_EVERY // 2, count, BURST_EVERY):
        step[first : first + BURST_TICKS] = BURST_SHARE
        step[first + BURST_TICKS : first + 2 * BURST_TICKS] = -BURST_SHARE
    price = np.round(PRICE * np.exp(np.cumsum(step)), 2)
    at_ns = START_NS + np.arange(count) * STEP_NS
    return Series("ticks", "trade", at_ns, price, 2, qty=np.full(count, 5.0))


def rows(count: int = TICKS, dense: int = DENSE_TICKS, rounds: int = ROUNDS) -> list[Row]:
    """Measure. Raises RuntimeError when nothing was traded: then not all of it was timed."""
    quiet, busy = [], []
    timed(ticks(dense))  # what is loaded once is not measured
    for _round in range(rounds):
        taken_s, ran = timed(ticks(count))
        quiet.append(count / taken_s / 1e3)
        every = count / max(1, len(ran.orders))
        taken_s, traded = timed(ticks(dense), entry_pays=False, spread_bps=0.0)
        busy.append(len(traded.orders) / taken_s / 1e3)
        if not ran.ledger.fills or not traded.ledger.fills:
            raise RuntimeError("the ticks of the measurement led to no trade")
    what = f"backtest, 1 order in {every:,.0f} ticks"
    return [
        judge(what, quiet, "k/s", TICKS_K_PER_S, "p50", at_least=True),
        judge(
            f"backtest, 1 order in {dense / len(traded.orders):.1f} ticks",
            busy,
            "k orders/s",
            at_least=True,
        ),
    ]


def timed(series: Series, **costs: Any) -> tuple[float, Ran]:
    """Return (s of CPU time, what was run); the series is in memory already."""
    wanted = config.load(DEFAULT)
    wanted = msgspec.structs.replace(wanted, costs=msgspec.structs.replace(wanted.costs, **costs))
    began = time.process_time()
    ran = Run(of(series, wanted.costs.spread_bps), wanted).go()
    return time.process_time() - began, ran
