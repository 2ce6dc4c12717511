"""A connector before a local exchange, as the contract suite of tests/venues sees a venue."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from host.hotpath.wiregate import WireGate
from host.hotpath.words import Words, now_ns

from host import layout, modes, shm
from host.exchange import capabilities, client
from host.exchange.client import Settings
from host.exchange.ids import Ids
from host.exchange.keys import Keys
from host.exchange.process import serve
from host.modes import Reason, TradingMode
from tests.exchanges.binance import BinanceSpot, BinanceUsdm
from tests.exchanges.kraken import KrakenSpot
from tests.exchanges.okx import OkxSpot, OkxSwap
from tests.exchanges.serving import LocalExchange
from tests.venues.stand import Stand, Truth

PATIENCE_S = 20.0
STRATEGIES = ("a", "h")
LEVEL = 3
LEASE_NS = layout.MOST_LEASE_NS * 3 // 4
# Base64, as Kraken wants its secret.
KEYS = Keys("test-key", "c2VjcmV0", "phrase")


class Permit:
    """What the guard writes, written by the test: mode, lease, HALT; and an engine's page."""

    def __init__(self) -> None:
        self.guard = shm.create(layout.KIND_GUARD, "test-guard")
        self.engine = shm.create(layout.KIND_ENGINE, "test-connector")
        self.levels = Words(bytearray(64), True)
        self.gate = WireGate(self.guard.words, self.engine.words, -1, self.levels, LEVEL)
        self.set(TradingMode.NORMAL)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def set(self, mode: TradingMode) -> None:
        """Let the mode be so, with HALT low in an emergency."""
        self.guard.words.store(layout.GUARD_MODE, modes.pack(mode, Reason.REARMED, 7))
        self.guard.words.store(layout.GUARD_LEASE_NS, now_ns() + LEASE_NS)
        self.levels.store(LEVEL, mode != TradingMode.EMERGENCY)

    def slot(self) -> int:
        """How many sends are in flight."""
        return int(self.engine.words.load(layout.ENGINE_SLOT))

    def free(self) -> None:
        """Wait as the guard does before ACK."""
        deadline = time.monotonic() + PATIENCE_S
        while self.slot():
            assert time.monotonic() < deadline, "the slot stays taken"

    def _renew(self) -> None:
        while not self._stop.wait(0.1):
            self.guard.words.store(layout.GUARD_LEASE_NS, now_ns() + LEASE_NS)

    def close(self) -> None:
        """Renew nothing any more."""
        self._stop.set()
        self._thread.join()


class Running:
    """A connector in a thread of this process."""

    def __init__(self, settings: Settings, permit: Permit) -> None:
        self._settings, self._permit = settings, permit
        self._ready = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self._ready.wait(0.01):
            if self.failure is not None:
                raise self.failure
            assert time.monotonic() < deadline, "the connector does not start"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 (the test's thread raises it)
            self.failure = failure

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        markets = await client.markets(self._settings)
        await serve(
            self._settings,
            capabilities.of(self._settings.exchange),
            KEYS,
            self._permit.gate,
            self._permit.guard.words,
            markets,
            self._stop,
            self._ready.set,
        )

    def close(self) -> None:
        """End it in order. Raises what it died of."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the connector does not end"
        if self.failure is not None:
            raise self.failure


class ExchangeStand(Stand):
    """One tested exchange."""

    price, tick, lot, qty = Decimal(100), Decimal("0.1"), Decimal("0.001"), Decimal(1)
    misbehaves = frozenset({"timeout_accepted", "timeout_lost", "maintenance", "throttled"})
    exchange: str
    symbol: str
    local: Callable[[], LocalExchange]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.name = self.exchange
        self.server = self.local()
        self.market = self.server.market
        self.permit = Permit()
        self.ids = Ids(capabilities.of(self.exchange).ids, STRATEGIES)
        self.running = Running(self.settings(), self.permit)

    def settings(self) -> Settings:
        """Short times: what is waited for in these tests is never a slow exchange."""
        return Settings(
            self.exchange, self.symbol, str(self.socket), self.server.url,
            timeout_ms=1_000, poll_ms=300, valid_ms=1_500, strategies=STRATEGIES, throttled=False,
        )  # fmt: skip

    def quote(self, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Move the market behind the exchange."""
        self.market.move(bid, ask, size)

    def misbehave(self, what: str) -> None:
        """Tell the exchange."""
        self.server.wrong = what

    def behave(self) -> None:
        """Tell the exchange."""
        self.server.wrong = ""

    def truth(self) -> Truth:
        """Look into the exchange, once what is on its way to it has arrived."""
        seen = -1
        while seen != len(self.market.received):
            seen = len(self.market.received)
            time.sleep(0.1)
        name = self.ids.ours
        orders = {str(name(order.wire)): order.left for order in self.market.open()}
        trades = [str(name(execution.wire)) for execution in self.market.executions]
        return Truth(orders, self.market.base, trades)

    def take_down(self) -> None:
        """End connector and exchange."""
        try:
            self.running.close()
        finally:
            self.server.close()
            self.permit.close()


class BinanceStand(ExchangeStand):
    """Binance spot."""

    exchange, symbol, local = "binance", "BTC/USDT", BinanceSpot


class BinanceUsdmStand(ExchangeStand):
    """Binance USD-M."""

    exchange, symbol, local = "binanceusdm", "BTC/USDT:USDT", BinanceUsdm


class KrakenStand(ExchangeStand):
    """Kraken spot."""

    exchange, symbol, local = "kraken", "BTC/USD", KrakenSpot


class OkxStand(ExchangeStand):
    """A linear swap of OKX."""

    exchange, symbol, local = "okx", "BTC/USDT:USDT", OkxSwap
    deadman_ms = 10_000


class OkxSpotStand(ExchangeStand):
    """OKX spot."""

    exchange, symbol, local = "okx", "BTC/USDT", OkxSpot
    deadman_ms = 10_000


STANDS: dict[str, type[ExchangeStand]] = {
    "binance": BinanceStand,
    "binanceusdm": BinanceUsdmStand,
    "kraken": KrakenStand,
    "okx": OkxStand,
    "okxspot": OkxSpotStand,
}
