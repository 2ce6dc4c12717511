"""The connector as a process of its own, attached to the guard's own parts as one of its engines."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from host.hotpath.words import now_ns

from host import layout, modes, shm
from host.guard.clients import Client, Clients
from host.modes import Reason, TradingMode
from tests.exchanges.kraken import KrakenSpot
from tests.venues.trader import Trader

LEVEL = layout.RING_FIRST_WORD
PATIENCE_S = 20.0
ENVIRONMENT = {"BOT4_KRAKEN_KEY": "test-key", "BOT4_KRAKEN_SECRET": "c2VjcmV0"}


class Guard:
    """The guard's socket and page, served by a thread; the mode is the test's to set."""

    def __init__(self, folder: Path) -> None:
        self.page = shm.create(layout.KIND_GUARD, "guard")
        self.levels = shm.create(layout.KIND_GUARD, "levels")
        self.told: list[dict[str, Any]] = []
        self.left: list[bool] = []
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self.clients = Clients(
            folder / "guard.sock", self._register, self._unregister, self._handed_over,
            lambda _client, request: self.told.append(request), lambda _client: None,
            lambda _client, ended: self.left.append(ended), lambda: None, ("kraken",),
        )  # fmt: skip
        self.set(TradingMode.NORMAL)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _handed_over(self, _client: Client) -> tuple[dict[str, Any], list[int]]:
        return {"level": "word", "word": LEVEL}, [self.page.fd, self.levels.fd]

    def set(self, mode: TradingMode, epoch: int = 7) -> None:
        """Write what the guard writes."""
        self.levels.words.store(LEVEL, mode != TradingMode.EMERGENCY)
        self.page.words.store(layout.GUARD_MODE, modes.pack(mode, Reason.REARMED, epoch))
        self.page.words.store(layout.GUARD_LEASE_NS, now_ns() + layout.MOST_LEASE_NS * 3 // 4)

    def engine(self) -> Client:
        """The connector as the guard knows it."""
        found = self.clients.engines["kraken"]
        assert found is not None
        return found

    def heartbeat_age_ms(self) -> float:
        """How old the connector's heartbeat is."""
        page = self.engine().page
        assert page is not None
        return (now_ns() - page.words.load(layout.ENGINE_HEARTBEAT_NS)) / 1e6

    def _serve(self) -> None:
        while not self._stop.is_set():
            self.page.words.store(layout.GUARD_LEASE_NS, now_ns() + layout.MOST_LEASE_NS * 3 // 4)
            for fd, event in self._poller.poll(20):
                self._handlers.get(fd, lambda _event: None)(event)

    def _register(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poller.register(fd, select.POLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def close(self) -> None:
        """Be gone; once is enough."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self.clients.close()


class Rig:
    """Guard, exchange, connector."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.guard = Guard(folder)
        self.server = KrakenSpot()
        self.start()

    def start(self) -> None:
        """Start the connector, and wait until it serves."""
        folder = self.folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "host.exchange", "kraken", "BTC/USD", "--listen", str(folder / "v"),
             "--guard", str(folder), "--url", self.server.url, "--strategy", "trend",
             "--poll-ms", "200"],
            env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return exit code and complaints."""
        _out, complaints = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, complaints

    def close(self) -> None:
        """Take it down."""
        self.process.kill()
        self.process.communicate()
        self.guard.close()
        self.server.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Rig(Path(folder))) as made:
        yield made


@pytest.fixture
def trader(rig: Rig) -> Iterator[Trader]:
    with contextlib.closing(Trader(rig.folder / "v")) as made:
        yield made


def test_it_trades_is_halted_cancels_and_ends_in_order(rig: Rig, trader: Trader) -> None:
    name = "trend.18c2f0a1b2c.7.1"
    trader.placed(name, "buy", D(1), D(90))
    assert set(trader.open_orders()) == {name}
    rig.guard.set(TradingMode.EMERGENCY, 8)
    trader.new("trend.18c2f0a1b2c.7.2", "buy", D(1), D(90))
    assert trader.until("reject", id="trend.18c2f0a1b2c.7.2")["reason"] == "MODE"
    assert len(rig.server.market.received) == 1
    trader.cancel(name)
    trader.until("cancelled", id=name)
    deadline = time.monotonic() + PATIENCE_S
    while {"op": "ladder", "epoch": 8} not in rig.guard.told:
        assert time.monotonic() < deadline, "the guard is not told that nothing is on its way"
        time.sleep(0.01)
    rig.process.send_signal(signal.SIGTERM)
    code, complaints = rig.ended()
    assert (code, "Traceback" in complaints) == (0, False)
    assert not (rig.folder / "v").exists()
    assert not any(secret in complaints for secret in ENVIRONMENT.values())


def test_a_liquidation_needs_the_ladders_token(rig: Rig, trader: Trader) -> None:
    sell = {"intent": "LIQUIDATE", "price": None}
    rig.server.market.move(D("99.9"), D("100.1"), D(5))
    rig.guard.set(TradingMode.EMERGENCY, 8)
    trader.new("ladder.18c2f0a1b2c.8.1", "sell", D(1), **sell)
    assert trader.until("reject", id="ladder.18c2f0a1b2c.8.1")["reason"] == "NO_TOKEN"
    rig.guard.page.words.store(layout.GUARD_LADDER_TOKEN, 1234)
    trader.new("ladder.18c2f0a1b2c.8.2", "sell", D(2000), **sell)
    why = trader.until("reject", id="ladder.18c2f0a1b2c.8.2")["reason"]
    assert why == "REDUCE_ONLY_WOULD_INCREASE"  # more than there is
    trader.new("ladder.18c2f0a1b2c.8.3", "sell", D(1), **sell)
    assert trader.until("fill", id="ladder.18c2f0a1b2c.8.3")["left"] == "0"


def test_its_heart_beats_while_it_works(rig: Rig, trader: Trader) -> None:
    ages = []
    for number in range(100):
        trader.send(op="open_orders", req=number)
        time.sleep(0.01)
        ages.append(rig.guard.heartbeat_age_ms())
    trader.quiet()
    print(f"\nheartbeat of the connector: oldest {max(ages):.1f} ms of 100 looks")
    assert rig.guard.left == []


def test_without_the_guard_it_ends(rig: Rig) -> None:
    rig.guard.close()
    assert rig.ended()[0] == 3


def test_killed_with_an_order_on_its_way_nothing_more_leaves(rig: Rig, trader: Trader) -> None:
    rig.server.wrong = "timeout_lost"
    trader.new("trend.18c2f0a1b2c.7.1", "buy", D(1), D(90))
    while rig.server.wrong:
        time.sleep(0.005)
    rig.process.kill()
    rig.ended()
    deadline = time.monotonic() + PATIENCE_S
    while rig.guard.left[-1:] != [True]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert rig.server.market.received == []
    rig.start()
    with contextlib.closing(Trader(rig.folder / "v")) as again:
        again.placed("trend.18c2f0a1b2c.7.2", "buy", D(1), D(90))
