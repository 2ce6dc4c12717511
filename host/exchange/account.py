"""What is known of the account at one exchange: orders by our id, executions by theirs. No I/O.

Whatever the exchange repeats, loses, reorders or tells late, an execution becomes one `fill`, and an
order is called cancelled only after all its executions have been told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from host.exchange.dialect import ZERO, Hostile, Report, Trade
from host.exchange.ids import Ids
from host.venues import events as ev
from host.venues.messages import Side, plain

# Orders that are over are forgotten beyond this many: their ids are refused by the exchange then.
MOST_OVER = 20_000
# Executions are told apart by id among this many.
MOST_TRADES = 50_000
_REF = re.compile(r"[A-Za-z0-9._:-]{1,54}", re.ASCII)
FOREIGN = "foreign:"


@dataclass
class Known:
    """One order.

    mine -- this process has placed it: side and quantity are what we asked for, whatever anybody says
    busy -- a request about it is on its way: its events wait for the answer
    sure -- the exchange has it, or has had it
    filled -- sum of the executions that have been told
    """

    id: str
    wire: str
    side: Side
    qty: Decimal
    report: Report | None = None
    refs: set[str] = field(default_factory=set)
    mine: bool = False
    busy: bool = False
    sure: bool = False
    over: bool = False
    filled: Decimal = ZERO
    until_ns: int = 0

    @property
    def state(self) -> str:
        """What the exchange said last."""
        return "" if self.report is None else self.report.state


class Account:
    """Orders and executions of one symbol."""

    def __init__(self, ids: Ids, base: str, quote: str) -> None:
        self._ids = ids
        self._base, self._quote = base, quote
        self.moved = ZERO  # what the executions that were told have done to the position
        self.orders: dict[str, Known] = {}
        self._by_ref: dict[str, Known] = {}
        self._told: dict[str, None] = {}
        self.newest_ms = 0

    def name(self, report: Report) -> str:
        """Return our id of an order; of one that we cannot have made, a name that says so."""
        ours = self._ids.ours(report.wire) if report.wire else None
        if ours is not None:
            return ours
        plain_ref = _REF.fullmatch(report.ref) is not None
        return FOREIGN + (
            report.ref if plain_ref else hashlib.sha256(report.ref.encode()).hexdigest()[:32]
        )

    def begin(self, order_id: str, wire: str, side: Side, qty: Decimal, until_ns: int) -> Known:
        """Note that an order is about to be placed."""
        order = Known(order_id, wire, side, qty, mine=True, busy=True, until_ns=until_ns)
        self.orders[order_id] = order
        self._forget()
        return order

    def drop(self, order: Known) -> None:
        """Forget an order that never came to be."""
        if self.orders.get(order.id) is order:
            del self.orders[order.id]

    def learn(self, report: Report) -> Known:
        """Take what the exchange says of an order. Raises Hostile when it cannot be."""
        name = self.name(report)
        order = self.orders.get(name)
        self._believable(report, order)
        if order is None:
            order = self.orders[name] = Known(name, report.wire, report.side, report.qty)
        order.sure, order.report = True, report
        order.side, order.qty = report.side, report.qty
        for ref in {report.ref, *report.refs}:
            other = self._by_ref.get(ref)
            if other is not None and other is not order:
                order.filled += other.filled  # the exchange gave it another name before
                self.drop(other)
            order.refs.add(ref)
            self._by_ref[ref] = order
        return order

    def recall(self, report: Report) -> Known:
        """Take an order of the past: what has become of it until now is not news. Raises Hostile."""
        order = self.learn(report)
        order.filled, order.over = report.filled, report.state != "open"
        return order

    def _believable(self, report: Report, order: Known | None) -> None:
        if (
            report.qty <= 0
            or report.filled > report.qty
            or (report.state == "filled" and report.filled < report.qty)
        ):
            raise Hostile(
                f"order {report.ref}: {report.filled} of {report.qty} filled, {report.state}"
            )
        if (
            order is not None
            and order.mine
            and (order.side, order.qty) != (report.side, report.qty)
        ):
            raise Hostile(f"order {report.ref} is not what was ordered")
        for ref in {report.ref, *report.refs}:
            owner = self._by_ref.get(ref)
            if owner is not None and owner.mine and owner is not order:
                raise Hostile(f"order {ref} has changed its client order id")

    def open(self) -> list[Known]:
        """Return the orders that are not known to be over."""
        return [order for order in self.orders.values() if not order.over]

    def of(self, trade: Trade) -> Known | None:
        """Return the order that an execution belongs to, when it is known."""
        return self._by_ref.get(trade.ref)

    def fresh(self, trades: Iterable[Trade]) -> Iterator[Trade]:
        """Yield the executions that have not been told, oldest first, each once."""
        listed = {trade.trade: trade for trade in trades}
        for trade in sorted(listed.values(), key=lambda trade: (trade.at_ms, trade.trade)):
            if trade.trade not in self._told:
                yield trade

    def tell(self, trade: Trade, order: Known) -> ev.Fill:
        """Return the event of an execution; it counts as told from here on."""
        self.skip(trade)
        signed = trade.qty if trade.side == "buy" else -trade.qty
        self.moved += signed - (trade.fee if trade.currency == self._base else ZERO)
        order.filled += trade.qty
        return self.fill(trade, order.id, max(ZERO, order.qty - order.filled))

    def skip(self, trade: Trade) -> None:
        """Let an execution count as told."""
        self._told[trade.trade] = None
        while len(self._told) > MOST_TRADES:
            del self._told[next(iter(self._told))]
        self.newest_ms = max(self.newest_ms, trade.at_ms)

    def fill(self, trade: Trade, order_id: str, left: Decimal) -> ev.Fill:
        """Return an execution as an event."""
        currency = "" if trade.currency == self._quote else trade.currency
        return ev.Fill(
            order_id, trade.side, plain(trade.qty), plain(trade.price), plain(trade.fee),
            plain(left), trade.trade, currency, trade.maker,
        )  # fmt: skip

    def _forget(self) -> None:
        if len(self.orders) <= 2 * MOST_OVER:
            return
        over = [order for order in self.orders.values() if order.over]
        for order in over[: max(0, len(over) - MOST_OVER)]:
            del self.orders[order.id]
            for ref in order.refs:
                self._by_ref.pop(ref, None)


def shown(order: Known, spot: bool) -> ev.OpenOrder:
    """Return an open order as the venue lists it. Raises ValueError for one never reported."""
    report = order.report
    if report is None:
        raise ValueError(f"order {order.id} was never reported")
    return ev.OpenOrder(
        order.id, report.side, plain(report.qty), plain(report.qty - report.filled),
        None if report.price is None else plain(report.price), report.reduces(spot),
        None if report.stop is None else plain(report.stop),
    )  # fmt: skip
