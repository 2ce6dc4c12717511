"""From the engine's port to the exchange and back: requests pass the gate, answers are heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from host import layout, modes
from host.backtest.exchange import Event, Exchange
from host.config import Config
from host.engine.checks.limits import number
from host.engine.loop import policy
from host.engine.port import VenuePort
from host.engine.provenance import Ids
from host.execution.manager import Manager
from host.execution.rules import Rules, unpaired
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.simgate import SimGate
from host.hotpath.words import Words
from host.modes import Intent, Reason, TradingMode
from host.venues import events as ev
from host.venues import messages as m


class Unwritten:
    """Stands where the engine has its journal: nothing survives a backtest, so nothing is written."""

    wal = None

    def sent(self, request: dict[str, Any]) -> None:
        """Take no note."""


class InProcess:
    """Stands where the engine has a connection: it is always up."""

    welcomed = True

    def fileno(self) -> int:
        """Return a descriptor that nothing is written to."""
        return 0


class Broker:
    """Gate, port and execution manager of one run; `mode` is what the gate obeys.

    heard(event) -- called with every event of the account, after all else has heard it
    """

    def __init__(
        self,
        exchange: Exchange,
        config: Config,
        checks: RiskCheck,
        ids: Ids,
        clock: Callable[[], int],
        tell: Callable[..., None],
        heard: Callable[[Event], None],
    ) -> None:
        self._exchange = exchange
        self._checks = checks
        self._clock = clock
        self._heard = heard
        self._guard = Words(bytearray(layout.HEAD_BYTES), True)
        levels = Words(bytearray(8), True)
        levels.store(0, 1)
        self.gate = SimGate(self._guard, Words(bytearray(layout.HEAD_BYTES), True), levels)
        self.epoch = 0
        self.step(TradingMode.NORMAL, Reason.REARMED)
        self.port = VenuePort(
            "paper",
            self.gate,
            ids,
            Unwritten(),  # type: ignore[arg-type]
            checks,
            number(config.limits.max_data_age_s) * 1e9,
            lambda: self.epoch,
            lambda: self.mode == TradingMode.EMERGENCY,  # only close_out begins one
            clock=clock,
        )
        self.port.connection = InProcess()  # type: ignore[assignment]
        self.manager = Manager(
            self._rules(),
            policy(config),
            lambda: ids.make(config.strategy.id, self.epoch),
            lambda request: self.port.carry(request, tell),
            tell,
        )
        self.port.manager = self.manager
        for event in exchange.carry_out(m.encode(m.AskPosition(1))):
            self.port.heard(event)

    def step(self, mode: TradingMode, reason: Reason) -> None:
        """Be in a mode from now on."""
        self.epoch += 1
        self.mode = mode
        self._guard.store(layout.GUARD_MODE, modes.pack(mode, reason, self.epoch))

    def play(self, row: int) -> None:
        """Play a row at the venue, and do what follows from it."""
        for event in self._exchange.play(row):
            self.hear(event)
        self.settle()

    def settle(self) -> None:
        """Carry out what has passed the gate, and what follows from the answers, until nothing does."""
        while packets := self.gate.taken():
            for packet in packets:
                for event in self._exchange.carry_out(packet):
                    self.hear(event)

    def hear(self, event: Event) -> None:
        """Take one event, as the engine's loop does."""
        self.port.heard(event)
        if event["ev"] == "fill":
            self._checks.executed(self._clock())
        self.manager.hear(event, self._clock())
        self._heard(event)

    def tick(self, paused: bool) -> None:
        """Look at the clock and the price, once a row; what that sends waits for `settle`."""
        now_ns = self._clock()
        self.manager.tick(now_ns, self.port.last_price())
        if paused:
            self.manager.cancel_entries(now_ns)

    def close_out(self) -> None:
        """End what is open and sell what is held, as the ladder does: reduce-only, at market."""
        self.step(TradingMode.EMERGENCY, Reason.DRAWDOWN)
        self._guard.store(layout.GUARD_LADDER_TOKEN, self.epoch)
        self.manager.active = False
        for order_id in list(self.manager.orders.live):
            self.manager.cancel(order_id, self._clock())
        held = self.manager.position.qty
        if held:
            side: m.Side = "sell" if held > 0 else "buy"
            request = m.New(self.port.new_id(), "LIQUIDATE", side, "market", m.plain(abs(held)),
                            None, True)  # fmt: skip
            self.port.send(msgspec.to_builtins(request), Intent.LIQUIDATE, self.epoch)
        self.settle()

    def _rules(self) -> Rules:
        (told,) = self._exchange.carry_out(m.encode(m.AskRules(1)))
        return unpaired(Rules.of(msgspec.convert(told, ev.Rules)))
