"""From a row of market data to an order at the gate: features, decision, checks."""

import math
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from host import refusals
from host.config import Strategy
from host.engine import strategy
from host.engine.enrichment import Opinions
from host.engine.forecasts import Forecasts, shares
from host.engine.port import LEFT, VenuePort, plain
from host.engine.predictor import MOST_AGE_NS, Predictor
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.execution.life import State
from host.execution.manager import Manager
from host.execution.order import Role
from host.execution.rules import Rules
from host.hotpath.pipeline import HOLD, Pipeline
from host.hotpath.riskcheck import RiskCheck
from host.venues import messages as m

# Value of one lot: a hundredth of the largest position.
LOT_SHARE = 0.01
# While one of these is open, or nobody knows of it, nothing is decided.
DECIDED = (Role.ENTRY, Role.EXIT, Role.LADDER)
# Rows that an entry may rest before it is cancelled and decided anew.
ENTRY_ROWS = 3


class Trader:
    """One strategy on one instrument.

    manager() -- orders and position, None before the venue has told its rules
    ready() -- everything agrees with the venue
    tell(kind, **data) -- pushes an event for the audit log
    opinions -- may make entries smaller, and nothing else
    predictor -- may hold entries back and sell what is held
    least_edge -- what an entry has to be expected to bring, as a share of the price (host.costs)
    clock() -- ns: the machine's, or the time of the data in a backtest
    """

    def __init__(
        self,
        who: Strategy,
        sizing: Sizing,
        forecasts: Forecasts,
        checks: RiskCheck,
        manager: Callable[[], Manager | None],
        ids: Ids,
        port: VenuePort,
        ready: Callable[[], bool],
        tell: Callable[..., None],
        opinions: Opinions | None = None,
        predictor: Predictor | None = None,
        least_edge: float = -math.inf,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._sizing = sizing
        self._forecasts = forecasts
        self._manager = manager
        self._port = port
        self._ready = ready
        self._tell = tell
        self._opinions = opinions
        self._predictor = predictor
        self._clock = clock
        self.path = Pipeline(
            who.id,
            who.instrument,
            ids.run,
            ids.serial,
            checks,
            port.gate,
            sizing.position_value,
            sizing.order_value,
            predictor.decision if predictor else None,
            predictor.forecast if predictor else None,
            predictor.most_age_ns if predictor else MOST_AGE_NS,
            sizing.capital,
            port.journal.wal,
        )
        self.path.set_least_edge(least_edge)
        self._sent_rows: dict[str, int] = {}
        self._account: tuple[Decimal, Decimal] | None = None
        self.lot = Decimal(0)
        self._row = 0
        self._row_ns = 0
        self._price = 0.0
        self.refused: Counter[int] = Counter()
        self.refused_epoch = 0
        self._factor = 1.0

    @property
    def equity(self) -> float | None:
        """Equity at the last price, quote currency; None before the first price."""
        return self.path.equity if self._price else None

    def take_row(self, row: dict[str, Any]) -> None:
        """Take one event of the feed, and do what follows from it."""
        price = row.get("close") or row.get("price") or (row["bid"] + row["ask"]) / 2
        self._row = row["row"]
        self._row_ns = self._clock()
        self._port.seen(price, self._row_ns)
        self._forecasts.seen(self._row, self._row_ns)
        manager = self._manager()
        if not self.lot and manager is not None:
            self._set_lot(price, manager.rules)
        self._follow_account()
        self.path.seen(price, self._row_ns)
        if self._predictor is not None:
            self._predictor.take(self.path.features)
        self._price = price
        self._look_out(price)
        if manager is not None:
            self._cancel_stale(manager)
            if not manager.leaving and not any(manager.orders.of(role) for role in DECIDED):
                self._decide(manager)

    def _cancel_stale(self, manager: Manager) -> None:
        """Take entries off that have rested for too long; those of an earlier run have."""
        entries = manager.orders.of(Role.ENTRY)
        self._sent_rows = {
            order.id: self._sent_rows.get(order.id, self._row - ENTRY_ROWS) for order in entries
        }
        for order in entries:
            old = self._row - self._sent_rows[order.id] >= ENTRY_ROWS
            if old and order.state is State.OPEN:
                manager.cancel(order.id, self._row_ns)

    def _set_lot(self, price: float, rules: Rules) -> None:
        """Take the strategy's lot as the venue takes it, and tell the compiled path its rules."""
        wanted = plain(strategy.lot_size(price, self._sizing.position_value * LOT_SHARE))
        self.lot = Decimal(m.plain(max(rules.qty(wanted), rules.lot)))
        least = float(rules.min_qty), float(rules.min_notional)
        self.path.set_rules(*_units(rules.tick), *least)
        if "reduce_only" not in rules.can:
            self.path.exits_by_hand()
        self.path.set_lot(*_units(self.lot))

    def _follow_account(self) -> None:
        """Hand position and cash over when the venue has changed them: decimals are made anew then."""
        manager, known = self._manager(), self._account
        if manager is None:
            return
        qty, cash = manager.position.qty, manager.position.cash
        if known is None or known[0] is not qty or known[1] is not cash:
            self._account = (qty, cash)
            self.path.account(float(qty) + 0.0, int(qty / self.lot), float(cash))

    def _look_out(self, price: float) -> None:
        """Tell the compiled path what the forecast allows, and the enrichment's word on its wish."""
        age_s, last = self._forecasts.look(self._row_ns), self._forecasts.last
        most_value = self._sizing.position(self.path.equity, last)
        self.path.outlook(most_value, *shares(last), age_s)
        if self._opinions is not None and self.lot:
            lot = float(self.lot)
            self._factor = self._opinions.factor(price, lot, self.path.wish())
            self.path.outlook(most_value, *shares(last), age_s, self._factor)

    def _decide(self, manager: Manager) -> None:
        """Let the compiled path lead the position to the target."""
        path = self.path
        code = path.decide(self._port.descriptor(), self._ready(), self._clock())
        if code == HOLD and path.lots < 0:  # an exit by hand (Pipeline.exits_by_hand)
            manager.leave(-path.lots * self.lot)
            self._tell("leaving", row=self._row, qty=m.plain(-path.lots * self.lot))
        self._decided(manager, code)

    def passed(self, row: int, at_ns: int, price: float, code: int = HOLD) -> None:
        """Rows have gone by in compiled code (host.hotpath.forward), which decided on the last one."""
        self._row, self._row_ns, self._price = row, at_ns, price
        self._port.seen(price, at_ns)
        manager = self._manager()
        if manager is not None:
            self._decided(manager, code)

    def _decided(self, manager: Manager, code: int) -> None:
        """Keep book of what has left, or was refused."""
        path = self.path
        if code == HOLD:
            return
        request = msgspec.json.decode(path.request) if path.request else {"id": path.id}
        if code not in LEFT:
            self._refused(code, path.epoch, request)
            return
        opens, now_ns = path.lots > 0, self._clock()
        asked = msgspec.json.decode(path.request, type=m.New)
        self._port.journal.sent(request)
        manager.sent(asked, now_ns, Role.ENTRY if opens else Role.EXIT)
        self._sent_rows[path.id] = self._row
        if code == refusals.OUTCOME_UNKNOWN:
            manager.lost(path.id, now_ns)
        # On record where the enrichment had a say in it.
        said = {"factor": self._factor} if opens and self._factor < 1 else {}
        var_share, _cvar_share = shares(self._forecasts.last)
        known = {"equity": self.path.equity, "var_share": var_share, **said}
        self._tell("order", row=self._row, **known, **request)

    def _refused(self, code: int, epoch: int, request: dict[str, Any]) -> None:
        """Record the first refusal of each mode epoch; the page counts all of the gate's."""
        self.refused[code] += 1
        if epoch != self.refused_epoch:
            self.refused_epoch = epoch
            self._tell("order_refused", code=refusals.NAMES[code], epoch=epoch, **request)


def _units(step: Decimal) -> tuple[int, int]:
    """Return a step as (units, decimals): units of 10^-decimals."""
    decimals = max(0, -int(step.as_tuple().exponent))
    return int(step.scaleb(decimals)), decimals
