"""The engine's end: connects by itself, never waits, and trades as without when anything is wrong."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from host import layout, shm
from host.engine.enrichment import PART_NS, Opinions
from host.enrich.link import Part, socket_path
from host.enrich.opinion import Opinion
from host.enrich.serving import Server
from host.enrich.snapshot import Snapshot
from tests.desk import LOOSE, desk
from tests.enrichment.kit import run, settings


class Said:
    """Opinions of the tests' own making."""

    def __init__(self, factors: Iterator[float]) -> None:
        self.factors = factors

    def factor(self, _price: float, _lot: float, _target: int) -> float:
        return next(self.factors)


def orders(opinions: Any, prices: list[float], held: int) -> dict[int, tuple[str, float]]:
    """Return row -> side and size; every row decides anew from the same position, in lots."""
    found = {}
    with desk(LOOSE, opinions=opinions) as made:
        for row, price in enumerate(prices):
            made.position.qty = held * made.trader.lot
            made.row(row, price)
            for order in made.arrived():
                found[row] = (order["side"], float(order["qty"]))
            made.forget()
    return found


@hypothesis(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(
    st.lists(st.floats(90, 110), min_size=40, max_size=60),
    st.lists(st.floats(0, 1), min_size=60, max_size=60),
    st.integers(0, 100),
)
def test_whatever_the_model_says_no_order_is_larger_and_none_is_added(
    prices: list[float], factors: list[float], held: int
) -> None:
    alone = orders(None, prices, held)
    assert orders(Said(iter([1.0] * 60)), prices, held) == alone
    cautious = orders(Said(iter(factors)), prices, held)
    for row, (side, quantity) in alone.items():
        if side == "sell":
            assert cautious[row] == (side, quantity)
        elif row in cautious:
            assert cautious[row][0] == "buy"
            assert cautious[row][1] <= quantity
    assert set(cautious) <= set(alone)


# -- the link ---------------------------------------------------------------------------------


class Engine:
    """The engine's loop around its opinions, without the engine."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.poller = select.poll()
        wanted = settings(folder, "http://127.0.0.1:1", **changes)
        self.opinions = Opinions(
            wanted,
            "PAPER",
            folder,
            self.poller,
            lambda kind, **data: self.told.append((kind, data)),
        )
        self.now_ns = PART_NS * 10
        self.target = 0

    def turn(self, times: int = 1) -> None:
        for _time in range(times):
            self.now_ns += 10**9
            self.opinions.turn(self.now_ns)
            for fd, _event in self.poller.poll(50):
                assert self.opinions.hear(fd)

    def factor(self) -> float:
        self.target += 10  # an entry each time, or nothing could be made smaller
        return self.opinions.factor(100.0, 1.0, self.target)


def links(engine: Engine) -> list[str]:
    return [data["what"] for kind, data in engine.told if kind == "enrichment"]


PAPER = {"PAPER": Opinion(1_770_000_000, -1.0, 1.0, 60)}


def test_the_engine_finds_the_enricher_hears_of_its_end_and_finds_the_next(tmp_path: Path) -> None:
    async def play() -> None:
        engine, parts = Engine(tmp_path), list[Part]()
        engine.turn()
        assert engine.factor() == 1.0
        for _enricher in range(2):
            shown = Snapshot(["BTC", "PAPER"])
            shown.publish(PAPER, 1_770_000_000)
            server = Server(tmp_path, shown.page, parts.append)
            engine.turn()
            await breathe()
            engine.turn(2)
            assert engine.factor() == 0.5
            engine.now_ns += PART_NS
            engine.turn()
            await breathe()
            server.close()
            engine.turn(2)
            assert engine.factor() == 0.5  # the last page goes on ageing
        # One as soon as they are connected, and then one a minute.
        assert [(part.decisions, part.hits, part.changed) for part in parts] == [
            (1, 0, 0),
            (1, 1, 1),
            (2, 2, 2),
        ]
        assert links(engine) == ["connected", "lost", "connected", "lost"]

    run(play())


async def breathe() -> None:
    import asyncio

    for _turn in range(5):
        await asyncio.sleep(0.01)


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def other_page(kind: int) -> int:
    page = shm.create(kind, "test")
    return os.dup(page.fd)


@pytest.mark.parametrize(
    "what", ["nothing", "no page", "two", "other kind", "other symbols", "file"]
)
def test_an_enricher_that_is_none_changes_nothing(tmp_path: Path, what: str) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(socket_path(tmp_path)))
    listener.listen()
    engine = Engine(tmp_path)
    engine.turn()
    client, _address = listener.accept()
    (tmp_path / "file").write_bytes(b"x" * layout.PAGE_BYTES)
    fds = {
        "nothing": [],
        "no page": [],
        "two": [other_page(layout.KIND_ENRICHER), other_page(layout.KIND_ENRICHER)],
        "other kind": [other_page(layout.KIND_MODELLER)],
        "other symbols": [os.dup(Snapshot(["X"]).page.fd)],
        "file": [os.open(tmp_path / "file", os.O_RDONLY)],
    }[what]
    if what == "nothing":
        client.close()
    else:
        shm.send_fds(client, b"page", fds)
    before = open_fds()
    for _poll in range(3):
        for fd, _event in engine.poller.poll(50):
            assert engine.opinions.hear(fd)
    assert engine.factor() == 1.0
    assert links(engine) == ["lost"]
    assert open_fds() <= before  # none of theirs stays open with us
    shm.close_all(fds)
    client.close()
    listener.close()


FLOOD = """
import asyncio, os, sys
from pathlib import Path
from host.enrich.link import socket_path
from host.enrich.opinion import Opinion
from host.enrich.serving import Server
from host.enrich.snapshot import Snapshot
os.nice(10)  # as the real one
async def main():
    shown = Snapshot(["BTC", "PAPER"])
    server = Server(Path(sys.argv[1]), shown.page, lambda part: None)
    print("ready", flush=True)
    while True:
        for _publish in range(2000):
            shown.shown.clear()
            shown.publish({"PAPER": Opinion(7, -1.0, 1.0, 60)}, 7)
        await asyncio.sleep(0)
asyncio.run(main())
"""


def test_an_enricher_that_floods_or_is_stopped_or_killed_never_blocks_a_read(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen([sys.executable, "-c", FLOOD, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    try:
        engine = Engine(tmp_path)
        deadline = time.monotonic() + 20
        while "connected" not in links(engine):
            engine.turn()
            assert time.monotonic() < deadline
        for wanted in (None, signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL):
            if wanted is not None:
                process.send_signal(wanted)
            factors = {engine.factor() for _read in range(20_000)}
            assert factors <= {0.5, 1.0}  # fresh, or torn and so neutral; never anything between
    finally:
        process.kill()
        process.communicate()
    engine.turn(2)
    assert links(engine)[-1] == "lost"
