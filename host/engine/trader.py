"""From a row of market data to an order at the gate: features, decision, checks."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from host import modes, refusals
from host.config import Strategy
from host.engine import strategy
from host.engine.enrichment import Opinions
from host.engine.forecasts import Forecasts, shares
from host.engine.orders import Book, Order
from host.engine.port import VenuePort, plain
from host.engine.protection import Protection
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.riskorder import Facts, Proposal
from host.modes import Intent, TradingMode

# Value of one lot: a hundredth of the largest position.
LOT_SHARE = 0.01
# Rows that an entry may rest before it is cancelled and decided anew.
ENTRY_ROWS = 3
# In a stopped mode the decision goes on at full limits, and the gate refuses it.
STOPPED_SHARE = 1.0


class Trader:
    """One strategy on one instrument.

    mode() -> (mode, epoch); ready() -- the venue has been reconciled
    tell(kind, **data) -- pushes an event for the audit log
    opinions -- may make entries smaller, and nothing else
    """

    def __init__(
        self,
        who: Strategy,
        sizing: Sizing,
        forecasts: Forecasts,
        checks: RiskCheck,
        book: Book,
        ids: Ids,
        port: VenuePort,
        mode: Callable[[], tuple[TradingMode, int]],
        ready: Callable[[], bool],
        tell: Callable[..., None],
        opinions: Opinions | None = None,
    ) -> None:
        self._who = who
        self._sizing = sizing
        self._forecasts = forecasts
        self._checks = checks
        self._book = book
        self._ids = ids
        self._port = port
        self._mode = mode
        self._ready = ready
        self._tell = tell
        self._opinions = opinions
        self._features = strategy.Features()
        self._protection = Protection(
            port,
            who.stop_distance_bps,
            checks,
            lambda: ids.make(who.id, mode()[1]),
            tell,
        )
        self.lot = Decimal(0)
        self._row = 0
        self._row_ns = 0
        self._price = 0.0
        self._refused_epoch = 0

    def take_row(self, row: dict[str, Any]) -> None:
        """Take one event of the feed, and do what follows from it."""
        price = row.get("close") or row.get("price") or (row["bid"] + row["ask"]) / 2
        self._row = row["row"]
        self._row_ns = time.monotonic_ns()
        self._features.update(price)
        self._port.seen(price, self._row_ns)
        self._forecasts.seen(self._row, self._row_ns)
        self._checks.seen(price, self._equity(price), self._row_ns)
        if not self.lot:
            self.lot = plain(strategy.lot_size(price, self._sizing.position_value * LOT_SHARE))
        self._price = price
        self._protect()
        self._cancel_stale()
        mode, epoch = self._mode()
        share = modes.LIMIT_SHARE.get(mode, STOPPED_SHARE)
        most_value = self._sizing.position(self._equity(price), self._forecasts.last)
        max_lots = int(most_value / (price * float(self.lot)))
        target = strategy.target_lots(self._features.signal(), max_lots, share)
        factor = 1.0
        if self._opinions is not None:
            factor = self._opinions.factor(price, float(self.lot), target)
        if not self._book.open:
            self._decide(price, target, factor, share, epoch)

    def heard(self, event: dict[str, Any]) -> None:
        """Take one event of our orders; what it changes of the position is protected at once."""
        self._protection.take(event)
        self._protect()

    def reconciled(self, stops: list[dict[str, Any]]) -> None:
        """The venue lists these stops, and nothing else of ours is open."""
        self._protection.adopt(stops)

    def _protect(self) -> None:
        # In EMERGENCY the ladder decides what stays.
        if self._price and self._ready() and self._mode()[0] != TradingMode.EMERGENCY:
            self._protection.follow(self._book.position, plain(self._price))

    def cancel_entries(self) -> None:
        """Take every entry off that is not being taken off already."""
        for order in self._book.open.values():
            if order.opens and not order.cancelling:
                self._cancel(order)

    def _cancel_stale(self) -> None:
        for order in self._book.open.values():
            if order.opens and not order.cancelling and self._row - order.sent_row >= ENTRY_ROWS:
                self._cancel(order)

    def _cancel(self, order: Order) -> None:
        request = {"op": "cancel", "id": order.id, "intent": "CANCEL"}
        code = self._port.send(request, Intent.CANCEL)
        order.cancelling = code == refusals.SENT
        self._tell("cancel", id=order.id, outcome=refusals.NAMES[code])

    def _decide(self, price: float, target: int, factor: float, share: float, epoch: int) -> None:
        """Propose what leads from the position to the target: never through zero in one order."""
        held = int(self._book.position / self.lot)
        delta = strategy.cautious(target, held, factor) - held
        most = int(self._sizing.order_value * share / (price * float(self.lot)))
        lots = max(-most, min(most, delta))
        if lots:
            # On record where the enrichment had a say in it.
            said = {"factor": factor} if lots > 0 and factor < 1 else {}
            self._propose(lots, price, share, epoch, said)

    def _propose(
        self, lots: int, price: float, share: float, epoch: int, said: dict[str, float]
    ) -> None:
        opens = lots > 0
        quantity = abs(lots) * self.lot
        proposal = Proposal(
            self._ids.make(self._who.id, epoch),
            self._who.id,
            self._who.instrument,
            1 if opens else -1,
            float(quantity),
            price,
            opens,
        )
        intent = Intent.OPEN if opens else Intent.REDUCE
        request = {
            "op": "new",
            "id": proposal.id,
            "intent": intent.name,
            "side": "buy" if opens else "sell",
            "type": "limit" if opens else "market",
            "qty": f"{quantity:f}",
            "price": f"{plain(price):f}" if opens else None,
            "reduce_only": not opens,
        }
        code = self._checks.check(proposal, self._facts(price, share))
        if code == refusals.SENT and not self._ready():
            code = refusals.NOT_RECONCILED
        code = code or self._port.send(request, intent)
        if code != refusals.SENT:
            self._refused(code, epoch, request)
            return
        self._checks.sent(proposal, time.monotonic_ns())
        order = Order(proposal.id, proposal.side, quantity, plain(price), opens, self._row)
        self._book.sent(order)
        var_share, _cvar_share = shares(self._forecasts.last)
        known = {"equity": self._equity(price), "var_share": var_share, **said}
        self._tell("order", row=self._row, **known, **request)

    def _facts(self, price: float, share: float) -> Facts:
        book, now_ns = self._book, time.monotonic_ns()
        forecast_age_s = self._forecasts.look(now_ns)
        var_share, cvar_share = shares(self._forecasts.last)
        # Plus 0.0: a venue may write an empty position as -0, and the checks refuse a negative zero.
        return Facts(
            now_ns=now_ns,
            share=share,
            last_price=price,
            data_age_s=(now_ns - self._row_ns) / 1e9,
            position=float(book.position) + 0.0,
            open_buy=float(book.entries(1)),
            open_sell=float(book.entries(-1)),
            open_orders=len(book.open),
            others_value=0.0,  # this engine is the only holder of keys, and it has one strategy
            equity=self._equity(price),
            var_share=var_share,
            cvar_share=cvar_share,
            forecast_age_s=forecast_age_s,
            others_var=0.0,
            others_cvar=0.0,
        )

    def _equity(self, price: float) -> float:
        return self._sizing.capital + self._book.equity(price) + 0.0

    def _refused(self, code: int, epoch: int, request: dict[str, Any]) -> None:
        """Record the first refusal of each mode epoch; the page counts all of the gate's."""
        if epoch != self._refused_epoch:
            self._refused_epoch = epoch
            self._tell("order_refused", code=refusals.NAMES[code], epoch=epoch, **request)
