"""From a row of market data to an order at the gate: features, decision, checks."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from host import refusals
from host.config import Strategy
from host.engine import strategy
from host.engine.enrichment import Opinions
from host.engine.forecasts import Forecasts, shares
from host.engine.orders import Book, Order
from host.engine.port import VenuePort, plain
from host.engine.predictor import MOST_AGE_NS, Predictor
from host.engine.protection import Protection
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.hotpath.pipeline import HOLD, Pipeline
from host.hotpath.riskcheck import RiskCheck
from host.modes import Intent, TradingMode

# Value of one lot: a hundredth of the largest position.
LOT_SHARE = 0.01
# Rows that an entry may rest before it is cancelled and decided anew.
ENTRY_ROWS = 3


class Trader:
    """One strategy on one instrument.

    mode() -> (mode, epoch); ready() -- the venue has been reconciled
    tell(kind, **data) -- pushes an event for the audit log
    opinions -- may make entries smaller, and nothing else
    predictor -- may hold entries back and sell what is held
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
        predictor: Predictor | None = None,
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
        self._predictor = predictor
        self._protection = Protection(
            port,
            who.stop_distance_bps,
            checks,
            lambda: ids.make(who.id, mode()[1]),
            tell,
        )
        self._path = Pipeline(
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
            MOST_AGE_NS,
            sizing.capital,
        )
        self._account: tuple[Decimal, Decimal] | None = None
        self.lot = Decimal(0)
        self._row = 0
        self._row_ns = 0
        self._price = 0.0
        self._refused_epoch = 0
        self._factor = 1.0

    @property
    def equity(self) -> float | None:
        """Equity at the last price, quote currency; None before the first price."""
        return self._path.equity if self._price else None

    def take_row(self, row: dict[str, Any]) -> None:
        """Take one event of the feed, and do what follows from it."""
        price = row.get("close") or row.get("price") or (row["bid"] + row["ask"]) / 2
        self._row = row["row"]
        self._row_ns = time.monotonic_ns()
        self._port.seen(price, self._row_ns)
        self._forecasts.seen(self._row, self._row_ns)
        if not self.lot:
            self._set_lot(price)
        self._follow_account()
        self._path.seen(price, self._row_ns)
        if self._predictor is not None:
            self._predictor.take(self._path.features)
        self._price = price
        self._protect()
        self._cancel_stale()
        self._look_out(price)
        if not self._book.open:
            self._decide()

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

    def _set_lot(self, price: float) -> None:
        self.lot = plain(strategy.lot_size(price, self._sizing.position_value * LOT_SHARE))
        decimals = max(0, -int(self.lot.as_tuple().exponent))
        self._path.set_lot(int(self.lot.scaleb(decimals)), decimals)

    def _follow_account(self) -> None:
        """Hand position and cash over when the venue has changed them: decimals are made anew then."""
        book, known = self._book, self._account
        if known is None or known[0] is not book.position or known[1] is not book.cash:
            self._account = (book.position, book.cash)
            lots = int(book.position / self.lot)
            self._path.account(float(book.position) + 0.0, lots, float(book.cash))

    def _look_out(self, price: float) -> None:
        """Tell the compiled path what the forecast allows, and the enrichment's word on its wish."""
        age_s, last = self._forecasts.look(self._row_ns), self._forecasts.last
        most_value = self._sizing.position(self._path.equity, last)
        self._path.outlook(most_value, *shares(last), age_s)
        if self._opinions is not None:
            lot = float(self.lot)
            self._factor = self._opinions.factor(price, lot, self._path.wish())
            self._path.outlook(most_value, *shares(last), age_s, self._factor)

    def _decide(self) -> None:
        """Let the compiled path lead the position to the target; keep book of what has left."""
        path = self._path
        code = path.decide(self._port.descriptor(), self._ready())
        if code == HOLD:
            return
        request = msgspec.json.decode(path.request) if path.request else {"id": path.id}
        if code != refusals.SENT:
            self._refused(code, path.epoch, request)
            return
        opens = path.lots > 0
        quantity, price = abs(path.lots) * self.lot, plain(self._price)
        self._book.sent(Order(path.id, 1 if opens else -1, quantity, price, opens, self._row))
        # On record where the enrichment had a say in it.
        said = {"factor": self._factor} if opens and self._factor < 1 else {}
        var_share, _cvar_share = shares(self._forecasts.last)
        known = {"equity": self._path.equity, "var_share": var_share, **said}
        self._tell("order", row=self._row, **known, **request)

    def _refused(self, code: int, epoch: int, request: dict[str, Any]) -> None:
        """Record the first refusal of each mode epoch; the page counts all of the gate's."""
        if epoch != self._refused_epoch:
            self._refused_epoch = epoch
            self._tell("order_refused", code=refusals.NAMES[code], epoch=epoch, **request)
