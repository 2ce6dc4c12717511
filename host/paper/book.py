"""The paper venue's account and order book: pure logic, no I/O and no clock.

One account and one symbol. Rows come by `on_row`, one at a time; what they do is told in
host.paper.matching, why a request is refused in host.paper.admission.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Literal

from host.paper.account import Account
from host.paper.admission import Admission, changed
from host.paper.fees import Fees
from host.paper.latency import Latency
from host.paper.market import ZERO, Row, Rules, number
from host.paper.matching import SLIP_TICKS, Matching, amended
from host.paper.orders import Order, Orders
from host.venues import events as ev
from host.venues import messages as m


class Book:
    """Orders, position and cash of the one account.

    mark -- the last price seen
    late -- requests take their time
    """

    def __init__(
        self,
        rules: Rules,
        fees: Fees | None = None,
        latency: Latency | None = None,
        slip_ticks: Decimal = SLIP_TICKS,
        slip_share: Decimal = ZERO,
    ) -> None:
        self.rules = rules
        self.mark: Decimal | None = None
        self._now_ns = 0
        self._latency = latency or Latency()
        self.late = not self._latency.none
        self.orders = Orders()
        self.account = Account(fees or Fees(), rules.base)
        self.matching = Matching(self.orders, self.account, rules, slip_ticks, slip_share)
        self._admission = Admission(rules, self.orders, self.account, self.matching)

    @property
    def position(self) -> Decimal:
        """The account's position, in base."""
        return self.account.position

    @property
    def cash(self) -> Decimal:
        """The account's cash since the beginning, in quote."""
        return self.account.cash

    def new(self, message: m.New) -> ev.Ack | ev.Reject:
        """Accept or refuse an order; it never fills before the next row."""
        qty, price, stop = number(message.qty), number(message.price), number(message.stop)
        code = self._admission.new(message, qty, price, stop)
        if code or qty is None:
            return ev.Reject(message.id, code or m.BAD_QTY)
        self._accept(
            Order(
                message.id,
                message.side,
                qty,
                qty,
                price,
                stop,
                message.reduce_only,
                message.post_only,
                message.tif == "ioc",
            )
        )
        return ev.Ack(message.id)

    def oco(self, message: m.Oco) -> list[ev.Ev]:
        """Accept or refuse a target and a stop: both or none."""
        ids, code = (message.id, message.stop_id), self._admission.oco(message)
        if code:
            return [ev.Reject(order_id, code) for order_id in ids]
        qty, side = Decimal(message.qty), message.side
        self._accept(
            Order(message.id, side, qty, qty, Decimal(message.price), None, True,
                  sibling=message.stop_id)
        )  # fmt: skip
        self._accept(
            Order(message.stop_id, side, qty, qty, None, Decimal(message.stop), True,
                  sibling=message.id)
        )  # fmt: skip
        return [ev.Ack(order_id) for order_id in ids]

    def cancel(self, order_id: str) -> list[ev.Ev]:
        """Cancel one order; refused when it is not open. Empty: it is on its way."""
        if order_id not in self.orders.open:
            return [ev.CancelReject(order_id, m.UNKNOWN_ORDER)]
        self._latency.carry(self._now_ns, partial(self._cancel, order_id))
        return self.take_events()

    def amend(self, message: m.Amend) -> list[ev.Ev]:
        """Change an open order. Empty: it is on its way."""
        code = self._admission.amend(message)
        if code:
            return [ev.AmendReject(message.id, code)]
        self._latency.carry(self._now_ns, partial(self._amend, message))
        return self.take_events()

    def cancel_all(self, stops: bool = True) -> list[ev.Ev]:
        """Cancel everything that is open, or all but the stops. Empty: it is on its way."""
        ids = [order.id for order in self.orders.open.values() if stops or order.stop is None]
        self._latency.carry(self._now_ns, partial(self._cancel_these, ids))
        return self.take_events()

    def on_row(self, row: Row) -> list[ev.Ev]:
        """Fill what this row fills, in order, and return the account events."""
        self._now_ns = row.time_ns
        self._latency.arrive(row.time_ns)
        if not row.beside_book:
            self.mark = row.first_bid
        self.matching.on_row(row)
        return self.take_events()

    def reach(self) -> tuple[Decimal | None, Decimal | None] | None:
        """Return (low, high): rows that stay between them do nothing, so they may be passed over.

        None for an end says that there is none; None alone, that the next row matters whatever it is.
        """
        orders = self.orders
        if self.late or orders.markets or orders.immediate or not self.matching.liquidity.whole:
            return None
        ends: dict[bool, list[Decimal]] = {False: [], True: []}
        for order in orders.open.values():
            at = order.price if order.stop is None else order.stop
            if at is not None:
                ends[(order.side == "sell") == (order.stop is None)].append(at)
        return max(ends[False], default=None), min(ends[True], default=None)

    def pass_over(self, row: Row, rows: int) -> None:
        """So many rows went by within `reach`, `row` the last of them."""
        self._now_ns, self.mark = row.time_ns, row.first_bid
        self.matching.pass_over(row, rows)

    def no_more_rows(self) -> list[ev.Ev]:
        """Let everything arrive that is on its way: the data's time stands still."""
        self._latency.arrive()
        return self.take_events()

    def take_events(self) -> list[ev.Ev]:
        """What has happened since the last time."""
        events, self.matching.events = self.matching.events, []
        return events

    def open_orders(self) -> list[ev.OpenOrder]:
        """All open orders, oldest first."""
        return [
            ev.OpenOrder(
                order.id,
                order.side,
                m.plain(order.qty),
                m.plain(order.left),
                None if order.price is None else m.plain(order.price),
                order.reduce_only,
                None if order.stop is None else m.plain(order.stop),
            )
            for order in self.orders.open.values()
        ]

    def state(self, req: int, order_id: str) -> ev.OrderState:
        """What has become of an order."""
        order, past = self.orders.open.get(order_id), self.orders.past(order_id)
        if order is not None:
            filled = m.plain(order.qty - order.left)
            return ev.OrderState(req, order_id, "open", filled, m.plain(order.left))
        if past is not None:
            state: Literal["filled", "cancelled"] = "cancelled" if past.left > 0 else "filled"
            filled = m.plain(past.qty - past.left)
            return ev.OrderState(req, order_id, state, filled, m.plain(past.left))
        return ev.OrderState(req, order_id, "unknown", "0", "0")

    def _accept(self, order: Order) -> None:
        self.orders.open[order.id] = order
        if self._latency.none:
            self.matching.join(order)
        else:
            self._latency.carry(self._now_ns, partial(self._join, order))

    def _join(self, order: Order) -> None:
        if order.id in self.orders.open:
            self.matching.join(order)

    def _cancel(self, order_id: str) -> None:
        order = self.orders.open.get(order_id)
        if order is None:  # a fill was faster
            self.matching.events.append(ev.CancelReject(order_id, m.UNKNOWN_ORDER))
        else:
            self.matching.end(order)

    def _cancel_these(self, ids: list[str]) -> None:
        """Cancel what of these is still open; what was sent after the request is not among them."""
        if len(ids) == len(self.orders.open):
            gone = self.orders.end_all()
        else:
            gone = [order_id for order_id in ids if order_id in self.orders.open]
            for order_id in gone:
                self.orders.end(self.orders.open[order_id])
        self.matching.events.append(ev.CancelledAll(gone))

    def _amend(self, message: m.Amend) -> None:
        code = self._admission.amend(message)
        if code:  # a fill or the price was faster
            self.matching.events.append(ev.AmendReject(message.id, code))
            return
        order = self.orders.open[message.id]
        qty, price, stop = changed(order, message)
        more = qty - order.qty
        for leg in filter(None, (order, self.orders.open.get(order.sibling or ""))):
            leg.qty += more
            leg.left += more
        if more > 0 or price != order.price or stop != order.stop:
            self.orders.lift(order)
            order.price, order.stop, order.ahead = price, stop, None
            self.matching.join(order)
            if order.id not in self.orders.open:
                return  # post-only, and the price was faster
        self.matching.events.append(amended(order))
        sibling = self.orders.open.get(order.sibling or "")
        if more and sibling is not None:
            self.matching.events.append(amended(sibling))
