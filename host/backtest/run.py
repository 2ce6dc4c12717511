"""One run: the order in which a row goes through venue, forecast, features, decision and execution.

    mode        changes of the script that are due
    forecast    takes the row in; a fit, when one is due
    venue       fills what the row fills; stop and target follow at once
    strategy    features, decision, checks, gate; what leaves can fill by the next row at the earliest
    execution   looks at clock and price

Rows that reach no order while nothing is waited for need no venue and no execution: they go through
the same steps in one compiled loop (host.hotpath.forward), which gives the same results.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from host import refusals
from host.backtest.broker import Broker
from host.backtest.exchange import Event, Exchange
from host.backtest.forecasts import Forecasts
from host.backtest.ledger import Ledger
from host.backtest.market import Market
from host.backtest.script import Change, by_row
from host.config import Config
from host.costs import MONTH_S
from host.data.table import FloatArray
from host.engine.checks.limits import number
from host.engine.predictor import Predictor
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.hotpath.forward import REACHED, STOPPED, Forward
from host.hotpath.riskcheck import RiskCheck
from host.inference.card import Training
from host.modes import Reason, TradingMode
from host.paper.latency import Latency

# A model's word is of the row that is decided on, however long this process was kept from it.
NEVER_OLD_NS = 2**62


@dataclass(frozen=True)
class Options:
    """latency_ms, jitter_ms, seed -- of requests on their way; fast -- with the compiled loop."""

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 0
    changes: Sequence[Change] = ()
    fast: bool = True


@dataclass
class Ran:
    """What a run leaves: the account, the orders that left, and what was told on the way.

    var_share -- of the forecast after each row, NaN without one
    halted_row, halted_by -- when and why the run ended before the data did, if so
    rows -- that were worked off; all figures are of them
    passed -- rows that went through the compiled loop
    """

    ledger: Ledger
    var_share: FloatArray
    orders: list[dict[str, Any]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    refused: dict[str, int] = field(default_factory=dict)
    modes: list[tuple[int, TradingMode]] = field(default_factory=list)
    fits: int = 0
    failed_fits: int = 0
    halted_row: int | None = None
    halted_by: str = ""
    passed: int = 0
    rows: int = 0
    model: dict[str, Any] | None = None
    training: Training | None = None


class Run:
    """A backtest; `go(progress)` does it, and tells the rows that are done now and then.

    Raises host.inference.card.ModelRefused.
    """

    def __init__(self, market: Market, config: Config, options: Options | None = None) -> None:
        options = options or Options()
        self.predictor = Predictor(config.model, NEVER_OLD_NS) if config.model.file else None
        self._market, self._fast = market, options.fast and self.predictor is None
        self._now_ns = int(market.at_ns[0])
        self._number = 0
        self._cost_per_ns = config.costs.monthly_quote / MONTH_S / 1e9
        self.ran = Ran(Ledger(), np.full(market.rows, math.nan))
        self._script = by_row(options.changes, market.at_ns)
        who = config.strategy
        checks, sizing = RiskCheck(config.limits), Sizing(who, config.limits)
        latency = Latency(options.latency_ms, options.jitter_ms, options.seed)
        self._checks = checks
        self._exchange = Exchange(market, config.costs, latency, self._clock)
        ids = Ids(who.id, self._now_ns // 1_000_000)
        self._broker = Broker(
            self._exchange, config, checks, ids, self._clock, self._tell, self._heard
        )
        self._forecasts = Forecasts(market, config.modeller)
        self._trader = Trader(
            who,
            sizing,
            self._forecasts,  # type: ignore[arg-type]
            checks,
            lambda: self._broker.manager,
            ids,
            self._broker.port,
            lambda: True,
            self._tell,
            predictor=self.predictor,
            least_edge=config.costs.least_edge(sizing.position_value),
            clock=self._clock,
        )
        limits = config.limits
        self._forward = Forward(
            self._trader.path, self._forecasts.tail, market.price, market.change, market.low,
            market.high, market.at_ns, self.ran.var_share, sizing.position_value,
            number(limits.max_exposure_share), number(limits.max_var_share),
            number(limits.max_cvar_share), who.target_sigma_pct or 0.0, self._cost_per_ns,
        )  # fmt: skip

    def go(self, progress: Any = None) -> Ran:
        """Work all rows off."""
        row, rows, shown = 0, self._market.rows, 0
        while row < rows and not self._over():
            row = self._pass(row) if self._may_pass() else self._work_off(row)
            if progress is not None and row - shown > rows // 100:
                progress(row)
                shown = row
        ran, trader = self.ran, self._trader
        ran.rows = row
        if self.predictor is not None:
            ran.model = self.predictor.told() | {"silent": self.predictor.silent}
            ran.training = self.predictor.training
        codes = Counter(trader.refused) + Counter(self._forward.refused)
        ran.refused = {refusals.NAMES[code]: count for code, count in sorted(codes.items())}
        ran.fits, ran.failed_fits = self._forecasts.fits, self._forecasts.failed
        return ran

    # -- one row ----------------------------------------------------------------------------

    def _work_off(self, row: int) -> int:
        self._turn_to(row)
        mode = self._script.get(row)
        if mode is not None and self.ran.halted_row is None:
            self._broker.step(mode, Reason.OPERATOR)
            self.ran.modes.append((row, mode))
        self._forward.forecast(row)
        if row >= self._forecasts.due():
            self._forecasts.fit(row)
            fresh = self._forecasts.tail.age_s == 0
            self.ran.var_share[row] = self._forecasts.tail.var_share if fresh else math.nan
        self._broker.play(row)
        self._trader.take_row(self._exchange.packet(row))
        self._finish(row)
        return row + 1

    def _finish(self, row: int) -> None:
        self._broker.settle()
        self._broker.tick(self._broker.mode == TradingMode.PAUSED)
        self._broker.settle()
        why = self._ending()
        if why and self.ran.halted_row is None:
            self.ran.halted_row, self.ran.halted_by = row, why
            self._broker.close_out()
        position = self._broker.manager.position
        self.ran.ledger.stands(row, position.qty, position.cash)

    def _ending(self) -> str:
        """Return why the run ends now, else nothing."""
        if self._checks.lost:
            return "more was lost than [limits] let"
        fixed = self._cost_per_ns * float(self._now_ns - int(self._market.at_ns[0]))
        return "nothing is left after all costs" if self._trader.path.equity - fixed <= 0 else ""

    def _over(self) -> bool:
        """Return True when the run has ended, and everything is closed."""
        manager = self._broker.manager
        idle = not manager.position.qty and not manager.orders.live
        return self.ran.halted_row is not None and idle

    # -- many rows --------------------------------------------------------------------------

    def _may_pass(self) -> bool:
        ready = self._fast and self._trader.lot and self._broker.manager.settled
        return bool(ready) and self._exchange.book.reach() is not None

    def _pass(self, first: int) -> int:
        """Let rows go by in compiled code; return the row to go on with."""
        low, high = self._exchange.book.reach() or (None, None)
        floor = -math.inf if low is None else float(low) * (1 + 1e-12)
        ceiling = math.inf if high is None else float(high) * (1 - 1e-12)
        due = [row for row in self._script if row >= first]
        stop = min(self._market.rows, self._forecasts.due(), *due)
        if stop <= first:
            return self._work_off(first)
        row, code = self._forward.run(first, stop, floor, ceiling, self._trader.refused_epoch)
        decided = code not in (REACHED, STOPPED)
        if decided or row > first:
            self._passed(first, row if decided else row - 1, code, decided)
        if decided:
            return row + 1
        return row if row == self._market.rows else self._work_off(row)

    def _passed(self, first: int, last: int, code: int, decided: bool) -> None:
        """Bring everybody up to `last`, on which the compiled loop may have decided something."""
        self.ran.passed += last + 1 - first
        self._exchange.pass_over(last, last + 1 - first)
        before = last - 1 if decided else last
        if before >= first:
            self._go_by(before)
        if decided:
            self._turn_to(last)
            self._trader.passed(last, self._now_ns, float(self._market.price[last]), code)
            self._finish(last)

    def _go_by(self, row: int) -> None:
        self._turn_to(row)
        self._trader.passed(row, self._now_ns, float(self._market.price[row]))
        self._broker.tick(False)

    # -- what is told -----------------------------------------------------------------------

    def _turn_to(self, row: int) -> None:
        self._number, self._now_ns = row, int(self._market.at_ns[row])

    def _clock(self) -> int:
        return self._now_ns

    def _tell(self, kind: str, **data: Any) -> None:
        self.ran.told[kind] += 1
        if kind == "alert":
            self.ran.alerts[data["code"]] += 1
        elif kind == "order":
            self.ran.orders.append(data)

    def _heard(self, event: Event) -> None:
        order = self._broker.manager.orders.find(event["id"]) if event["ev"] == "fill" else None
        if order is not None and self._exchange.row is not None:
            self.ran.ledger.filled(self._number, event, order, self._exchange.row)
