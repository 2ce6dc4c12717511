"""The engine's own parts at a real paper venue: a process, its sockets, its packets; by a clock of ours.

Rows come by the venue's control socket, one when everything that followed from the last one is done.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.hotpath.riskcheck import RiskCheck

from host import layout, modes
from host.backtest.forecasts import Forecasts
from host.backtest.market import Market
from host.config import Config
from host.engine.account import FEED, TRADE, Account
from host.engine.checks.limits import number
from host.engine.deadman import Deadman
from host.engine.loop import policy
from host.engine.port import VenuePort
from host.engine.provenance import Ids
from host.engine.reconciler import Reconciler
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.execution.journal import Journal
from host.modes import Reason, TradingMode
from host.perf.checks import open_gate, renew

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 10_000
BARRIER = 2**30
MS = 1_000_000


class Live:
    """One engine without its loop; `packets` is what the venue got from it, `fills` what it told."""

    def __init__(self, folder: Path, market: Market, config: Config, data: Path) -> None:
        self.fills: list[dict[str, Any]] = []
        self._market = market
        self._now_ns = int(market.at_ns[0]) - 60_000 * MS
        self._record = folder / "record.jsonl"
        self._start(folder, config, data)
        gate, self._pages = open_gate()
        self._checks = RiskCheck(config.limits)
        self._poller = select.poll()
        who = config.strategy
        ids = Ids(who.id, int(market.at_ns[0]) // MS)
        most_age_ns = number(config.limits.max_data_age_s) * 1e9
        journal = Journal(folder / "orders.journal")
        port = VenuePort(
            "paper",
            gate,
            ids,
            journal,
            self._checks,
            most_age_ns,
            lambda: 1,
            lambda: False,
            clock=self._clock,
        )
        self._reconciler = Reconciler(
            ids, port.journal, 1_000, 5_000, port.ask, self._alert, lambda *_kind, **_data: None
        )
        self._account = Account(
            str(folder / "venue"), (TRADE, FEED), port, policy(config), self._reconciler,
            Deadman(0.0, port.ask, self._alert), lambda: ids.make(who.id, 1), self._poller,
            lambda *_kind, **_data: None,
        )  # fmt: skip
        self.forecasts = Forecasts(market, config.modeller)
        sizing = Sizing(who, config.limits)
        self._trader = Trader(
            who, sizing, self.forecasts, self._checks,  # type: ignore[arg-type]
            lambda: self._account.manager, ids, port, lambda: self._reconciler.agreed,
            lambda *_kind, **_data: None, clock=self._clock,
            least_edge=config.costs.least_edge(sizing.position_value),
        )  # fmt: skip
        self._barriers = 0
        self._account.reach(self._now_ns)
        while not self._account.port.reachable():
            assert (found := self._poller.poll(PATIENCE_MS)), "no welcome"
            for fd, _event in found:
                for event in self._account.hear(fd):
                    self._take(event)
        for _round in range(100):
            self._turn()
            if self._reconciler.agreed:
                return
            self._now_ns += 200 * MS
        raise AssertionError("venue and engine do not agree")

    def row(self, row: int) -> None:
        """Have the venue play a row, and do all that follows from it."""
        self._now_ns = int(self._market.at_ns[row])
        self.forecasts.tail.update(float(self._market.change[row]), self._now_ns)
        if row >= self.forecasts.due():
            self.forecasts.fit(row)
        self._order(op="step", rows=1)
        self._turn()

    def step(self, mode: TradingMode, epoch: int) -> None:
        """Be in a mode from now on."""
        self._pages[0].words.store(layout.GUARD_MODE, modes.pack(mode, Reason.OPERATOR, epoch))

    @property
    def packets(self) -> list[bytes]:
        """Every order, amend and cancel on the venue's own record, as it came."""
        found = []
        for line in self._record.read_text().splitlines():
            msg = json.loads(line).get("msg")
            if isinstance(msg, dict) and msg.get("op") in ("new", "amend", "cancel", "oco"):
                found.append(msg)
        return found

    def close(self) -> None:
        """End the venue."""
        self._process.terminate()
        _out, complaint = self._process.communicate(timeout=PATIENCE_MS / 1000)
        for held in (*self._pages, self._control, *self._account._links.values()):
            if held is not None:
                held.close()
        self._account.port.journal.close()
        assert not complaint

    def _start(self, folder: Path, config: Config, data: Path) -> None:
        costs = config.costs
        command = [sys.executable, "-m", "host.paper", "--listen", str(folder / "venue"),
                   "--record", str(self._record), "--data", str(data), "--rows-per-s", "0",
                   "--control", str(folder / "control"), "--maker-bps", repr(costs.fee_bps),
                   "--taker-bps", repr(costs.fee_bps), "--spread-bps", repr(costs.spread_bps),
                   "--slip-bps", repr(costs.slippage_bps)]  # fmt: skip
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", self._process.communicate()
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_MS / 1000)
        self._control.connect(str(folder / "control"))

    def _order(self, **order: Any) -> None:
        self._control.send(json.dumps(order).encode())
        answer = json.loads(self._control.recv(4096))
        assert answer["ev"] == "done", answer

    def _turn(self) -> None:
        """Fills first, then the row, then the clock; each with all that the venue says to it."""
        account, rows = self._account, []
        renew(self._pages[0])
        rows += self._settle()
        for row in rows:
            self._trader.take_row(row)
        assert not self._settle()
        renew(self._pages[0])
        account.tick(self._now_ns, self._reconciler.agreed, False)
        assert not self._settle()

    def _settle(self) -> list[dict[str, Any]]:
        """Hear the venue until it has answered a question that came after all that we sent."""
        rows = []
        while True:
            sent = self._asked()
            self._barriers += 1
            self._account.port.ask("mark", BARRIER + self._barriers)
            rows += self._hear_until(BARRIER + self._barriers)
            if sent == self._asked():
                return rows

    def _asked(self) -> tuple[int, int]:
        words = self._pages[1].words
        return words.load(layout.ENGINE_SENT), self._reconciler._req

    def _hear_until(self, req: int) -> list[dict[str, Any]]:
        rows, answered = [], False
        while not answered or (quiet := self._poller.poll(0)):
            found = self._poller.poll(PATIENCE_MS) if not answered else quiet
            assert found, "the venue is silent"
            for fd, _event in found:
                for event in self._account.hear(fd):
                    if event["ev"] in ("bar", "trade", "quote"):
                        rows.append(event)
                        continue
                    answered |= event["ev"] == "mark" and event["req"] == req
                    self._take(event)
        return rows

    def _take(self, event: dict[str, Any]) -> None:
        if event["ev"] == "fill":
            self._checks.executed(self._now_ns)
            self.fills.append(event)
        self._account.take(event, self._now_ns, self._reconciler.agreed)

    def _alert(self, code: str, **data: Any) -> None:
        raise AssertionError(f"{code}: {data}")

    def _clock(self) -> int:
        return self._now_ns


@contextlib.contextmanager
def live(folder: Path, market: Market, config: Config, data: Path) -> Iterator[Live]:
    """Bring one up."""
    made = Live(folder, market, config, data)
    try:
        yield made
    finally:
        made.close()
