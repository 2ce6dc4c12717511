"""How far the memory of a process grows: `python -m tests.hotpath.growth path|trader|planted`.

Prints {orders, grown_kb}. A process of its own: what other tests have loaded moves in its memory, too.
`planted` keeps a little of every order, and has to be found.
"""

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
from host.hotpath.pathbench import orders

from host.perf import engine
from host.perf.audit import resident_kb
from tests.desk import desk

ORDERS, WARM = 1_000_000, 50_000
ROWS, WARM_ROWS = 60_000, 20_000


def flat(work: Callable[[int], None], long: int, warm: int) -> int:
    """Return by how many KiB the memory grew while `work(long)` ran, after `work(warm)`."""
    work(warm)
    before = resident_kb(os.getpid())
    work(long)
    return resident_kb(os.getpid()) - before


def path(keep: bytearray | None = None) -> tuple[int, int]:
    """Orders through the compiled path; `keep` gets two bytes for each."""
    none, values = np.zeros(0, np.int64), engine.prices(10_000)
    with engine.path() as (pipeline, guard, ours, theirs):
        at_ns = time.monotonic_ns()

        def work(count: int) -> None:
            nonlocal at_ns
            for _part in range(count // len(values)):
                orders(pipeline, guard, values, ours.fileno(), theirs.fileno(), at_ns,
                       engine.STEP_NS, none)  # fmt: skip
                at_ns += len(values) * engine.STEP_NS
                if keep is not None:
                    keep.extend(b"xy" * len(values))

        grown_kb = flat(work, ORDERS, WARM)
    return ORDERS, grown_kb


def trader() -> tuple[int, int]:
    """The trader over a market that is filled at once."""
    made_orders = 0
    prices = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, ROWS)))
    with desk() as made:

        def work(count: int) -> None:
            nonlocal made_orders
            for row in range(count):
                made.row(row, float(prices[row]))
                made.fill(float(prices[row]))
                made_orders += sum(kind == "order" for kind, _data in made.told)
                made.told.clear()

        grown_kb = flat(work, ROWS, WARM_ROWS)
    return made_orders, grown_kb


if __name__ == "__main__":
    measured = {"path": path, "trader": trader, "planted": lambda: path(bytearray())}
    found = measured[sys.argv[1]]()
    print(json.dumps(dict(zip(("orders", "grown_kb"), found, strict=True))))
