"""The engine's own port: nothing of the ladder leaves that could open, nothing before the welcome."""

import contextlib
import select
import socket
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from host.hotpath.gate import Gate
from host.hotpath.riskcheck import RiskCheck

from host import config, layout, modes, refusals, shm
from host.engine.port import VenuePort
from host.engine.provenance import Ids
from host.engine.venue import WELCOME_NS, VenueConnection, VenueLost
from host.execution.journal import Journal
from host.modes import Intent, Reason, TradingMode

TOKEN = 5


class Bench:
    """A listening socket for a venue, and a port whose gate is open for LIQUIDATE."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "v")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.open: list[socket.socket | VenueConnection] = [self.listener]
        guard = shm.create(layout.KIND_GUARD, "guard")
        engine = shm.create(layout.KIND_ENGINE, "engine")
        guard.words.store(layout.GUARD_MODE, modes.pack(TradingMode.EMERGENCY, Reason.DRAWDOWN, 2))
        guard.words.store(layout.GUARD_LADDER_TOKEN, TOKEN)
        levels = shm.create(layout.KIND_RECORDER, "levels")
        gate = Gate(guard.words, engine.words, levels=levels.words, level_index=20)
        self.pages = (guard, engine, levels)
        self.ids = Ids("trend", 7)
        self.liquidates = True
        rate = RiskCheck(config.load(config.DEFAULT).limits)
        self.port = VenuePort(
            "paper",
            gate,
            self.ids,
            Journal(folder / "j"),
            rate,
            1e9,
            lambda: 2,
            lambda: self.liquidates,
        )

    def close(self) -> None:
        for sock in self.open:
            sock.close()

    def connect(self, welcomed: bool = True) -> socket.socket:
        self.port.connection = VenueConnection(self.path, "trade", 0)
        peer, _address = self.listener.accept()
        self.open += [peer, self.port.connection]
        peer.settimeout(5)
        if welcomed:
            peer.send(b'{"ev":"welcome"}')
            select.select([self.port.connection], [], [], 5)
            assert self.port.connection.receive() == [{"ev": "welcome", "role": "trade"}]
            assert msgspec.json.decode(peer.recv(4096)) == {"op": "hello", "role": "trade"}
        return peer

    def slice(self, **changed: Any) -> int:
        request = {
            "op": "new", "id": self.port.new_id(), "intent": "LIQUIDATE", "side": "sell",
            "type": "limit", "qty": "2", "price": "99", "reduce_only": True,
        }  # fmt: skip
        return self.port.send(request | changed, Intent.LIQUIDATE, TOKEN)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with contextlib.closing(Bench(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("position", [None, "0", "-2", "1.9"])
def test_an_order_of_the_ladder_that_could_open_does_not_leave(
    bench: Bench, position: str | None
) -> None:
    peer = bench.connect()
    if position is not None:
        bench.port.heard({"ev": "position", "qty": position})
    assert bench.slice() == refusals.REDUCE_WOULD_INCREASE
    assert select.select([peer], [], [], 0.1)[0] == []
    bench.port.heard({"ev": "position", "qty": "2"})
    assert bench.slice() == refusals.SENT
    assert bench.slice(side="buy") == refusals.REDUCE_WOULD_INCREASE


def test_a_fill_that_has_arrived_counts_at_once(bench: Bench) -> None:
    bench.connect()
    bench.port.heard({"ev": "position", "qty": "2"})
    bench.port.heard({"ev": "fill", "side": "sell", "qty": "0.5"})
    assert bench.port.position == D("1.5")
    assert bench.slice() == refusals.REDUCE_WOULD_INCREASE
    assert bench.slice(qty="1.5") == refusals.SENT


def test_a_stop_larger_than_the_position_does_not_leave_either(bench: Bench) -> None:
    bench.connect()
    bench.port.heard({"ev": "position", "qty": "1"})
    order = {"op": "new", "id": bench.ids.make("trend", 2), "type": "stop", "side": "sell"}
    sent = bench.port.send({**order, "qty": "2"}, Intent.REDUCE)
    assert sent == refusals.REDUCE_WOULD_INCREASE
    assert bench.port.send({**order, "qty": "1"}, Intent.REDUCE) == refusals.MODE


def test_before_the_welcome_nothing_leaves_and_nobody_waits(bench: Bench) -> None:
    peer = bench.connect(welcomed=False)
    connection = bench.port.connection
    assert connection is not None
    assert not bench.port.reachable()
    bench.port.heard({"ev": "position", "qty": "2"})
    assert bench.slice() == refusals.SEND_FAILED
    bench.port.ask("position", 1)
    assert select.select([peer], [], [], 0.1)[0] == []
    assert not connection.overdue(WELCOME_NS)
    assert connection.overdue(WELCOME_NS + 1)


@pytest.mark.parametrize("said", [b'{"ev":"bar"}', b"[]", b"\xff", b"{"])
def test_a_peer_that_is_no_venue_is_given_up(bench: Bench, said: bytes) -> None:
    peer = bench.connect(welcomed=False)
    assert bench.port.connection is not None
    peer.send(said)
    with pytest.raises(VenueLost, match="venue"):
        bench.port.connection.receive()


def test_a_venue_that_nobody_serves_is_lost_at_once(tmp_path: Path) -> None:
    with pytest.raises(VenueLost):
        VenueConnection(str(tmp_path / "none"), "trade", 0)
