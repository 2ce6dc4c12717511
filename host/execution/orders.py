"""What the venue says of our orders, one event at a time: each execution counts once."""

from collections.abc import Callable
from decimal import Decimal

from host.execution import fills
from host.execution.alarms import Alarms
from host.execution.exact import ZERO, add, sub
from host.execution.fills import Execution
from host.execution.life import Event, State
from host.execution.order import Order, Role
from host.execution.store import KEEP, Store
from host.venues import events as ev
from host.venues import messages as m

# No order is filled in more pieces than this; a venue that says so is not believed.
MOST_TRADES = 65_536
# These reasons are about a packet, which may have been a cancel or an amend of the order.
OF_THE_PACKET = frozenset({m.BAD_MESSAGE, m.UNKNOWN_OP, m.MAINTENANCE})


class Orders(Store):
    """The orders, and what is heard of them.

    check(execution) -- raises BadEvent for one that cannot be booked
    duplicates -- executions that were told again
    """

    def __init__(
        self, alarms: Alarms, check: Callable[[Execution], None], keep: int = KEEP
    ) -> None:
        super().__init__(alarms, keep)
        self.duplicates = 0
        self._check = check

    def adopt(self, listed: ev.OpenOrder, now_ns: int) -> None:
        """Take over an order that the venue lists and an earlier run has made. Raises BadEvent."""
        qty, left = fills.above_zero("qty", listed.qty), fills.decimal("left", listed.left)
        role = Role.EXIT if listed.reduce_only else Role.ENTRY
        if listed.reduce_only and (listed.stop or listed.price):
            role = Role.STOP if listed.stop else Role.TARGET
        order = Order(fills.check_id(listed.id), listed.side, qty, role)
        order.reduce_only = listed.reduce_only
        order.filled = order.told = max(ZERO, sub(qty, left))
        self.note(order, now_ns)

    def take(self, event: ev.Ev, now_ns: int) -> list[Execution]:
        """Take one event; return what was executed by it and not known. Raises BadEvent."""
        match event:
            case ev.Fill():
                return self._fill(event, now_ns)
            case ev.Fills():
                return [e for fill in event.fills for e in self._listed_fill(fill, now_ns)]
            case ev.CancelledAll():
                for gone in filter(None, map(self.find, event.ids)):
                    self.step(gone, Event.CANCELLED, now_ns)
            case ev.OpenOrders():
                for listed in event.orders:
                    self._listed(listed, now_ns)
            case ev.Reject(id=None):
                self._alarms("BAD_REQUEST", now_ns, reason=event.reason)
            case ev.OrderState() if self.find(event.id) is None:
                pass  # asked about what we have forgotten: no news
            case (
                ev.Ack()
                | ev.Reject()
                | ev.Cancelled()
                | ev.CancelReject()
                | ev.Amended()
                | ev.AmendReject()
                | ev.Unknown()
                | ev.OrderState()
            ):
                order = self.find(fills.check_id(str(event.id)))
                if order is None:
                    self._alarms("FOREIGN_ORDER", now_ns, id=event.id, ev=type(event).__name__)
                else:
                    self._of_one(order, event, now_ns)
        return []

    def _of_one(self, order: Order, event: ev.Ev, now_ns: int) -> None:
        match event:
            case ev.Ack():
                self.step(order, Event.ACK, now_ns)
            case ev.Reject():
                self.step(order, _rejection(order, event.reason), now_ns)
            case ev.Cancelled():
                if event.filled:
                    self._told(order, fills.decimal("filled", event.filled), now_ns)
                self.step(order, Event.CANCELLED, now_ns)
            case ev.CancelReject():
                gone = event.reason == m.UNKNOWN_ORDER
                self.step(order, Event.MISSING if gone else Event.CANCEL_REJECT, now_ns)
            case ev.AmendReject():
                order.change = None
                gone = event.reason == m.UNKNOWN_ORDER
                order.stuck = not gone
                self.step(order, Event.MISSING if gone else Event.AMEND_REJECT, now_ns)
            case ev.Amended():
                self._amended(order, event, now_ns)
            case ev.Unknown():
                self.step(order, Event.LOSE, now_ns)
                other = self.find(order.sibling) if event.op == "oco" else None
                if other is not None:
                    self.step(other, Event.LOSE, now_ns)
            case ev.OrderState():
                self._answered(order, event, now_ns)

    def _listed_fill(self, fill: ev.Fill, now_ns: int) -> list[Execution]:
        """One of a listing, which goes back beyond what we remember; a bad one hides no other."""
        try:
            return self._fill(fill, now_ns) if self.find(fill.id) is not None else []
        except fills.BadEvent as error:
            self._alarms("BAD_EVENT", now_ns, why=str(error))
            return []

    def _fill(self, fill: ev.Fill, now_ns: int) -> list[Execution]:
        done = fills.read(fill)
        order = self.find(done.order)
        if order is None:
            self._alarms("FOREIGN_ORDER", now_ns, id=done.order, ev="fill")
            return []
        if done.side != order.side:
            self._alarms("CONTRADICTION", now_ns, id=order.id, what=f"filled as a {done.side}")
            return []
        figures = done.qty, done.cost, done.fee
        if done.trade in order.trades:
            self.duplicates += 1
            if order.trades[done.trade] != figures:
                self._alarms("TRADE_CONTRADICTS", now_ns, id=order.id, trade=done.trade)
            return []
        filled = add(order.filled, done.qty)
        self._check(done)
        if filled > order.most or len(order.trades) >= MOST_TRADES:
            self._alarms(
                "OVERFILL", now_ns, id=order.id, qty=f"{done.qty:f}", left=f"{order.left:f}"
            )
            return []
        if filled > order.qty:
            order.qty = order.most  # an amend upwards has come through, or one downwards has not
        order.filled = filled
        order.filled_ns = order.filled_ns or now_ns
        order.trades[done.trade] = figures
        self.step(order, Event.FULL if filled == order.qty else Event.PART, now_ns)
        # While an amend is on its way nobody can say of which quantity this is what is left.
        told = sub(order.qty, done.left) if order.change is None else ZERO
        self._told(order, told, now_ns)
        return [done]

    def _amended(self, order: Order, event: ev.Amended, now_ns: int) -> None:
        qty = fills.above_zero("qty", event.qty)
        price, stop = (
            None if text is None else fills.above_zero(name, text)
            for name, text in (("price", event.price), ("stop", event.stop))
        )
        if not order.filled <= qty <= order.most:
            # Or told late: reports carry no number, and a later amend may have been filled already.
            self._alarms("CONTRADICTION", now_ns, id=order.id, what=f"amended to {qty:f}")
            if not order.ended:
                self.step(order, Event.LOSE, now_ns)
            return
        done = qty == order.filled
        if self.step(order, Event.AMENDED_DONE if done else Event.AMENDED, now_ns):
            order.stands(qty, price, stop)
            order.change = None

    def _listed(self, listed: ev.OpenOrder, now_ns: int) -> None:
        order = self.find(fills.check_id(listed.id))
        if order is None:
            return
        qty, left = fills.above_zero("qty", listed.qty), fills.decimal("left", listed.left)
        price, stop = (
            None if text is None else fills.above_zero(name, text)
            for name, text in (("price", listed.price), ("stop", listed.stop))
        )
        if self.step(order, Event.FOUND, now_ns) and order.state is State.OPEN:
            order.change = None
            if order.filled <= qty <= order.most:
                order.stands(qty, price, stop)
            self._told(order, sub(qty, left), now_ns)

    def _answered(self, order: Order, event: ev.OrderState, now_ns: int) -> None:
        counted, left = fills.decimal("filled", event.filled), fills.decimal("left", event.left)
        if event.state == "open" and self.step(order, Event.FOUND, now_ns):
            self._amended_or_not(order, add(counted, left))
        self._told(order, counted, now_ns)
        match event.state:
            case "filled" if order.told > order.filled:
                self.step(order, Event.TOLD_FILLED, now_ns)
            case "filled" if not order.ended:
                self._alarms("CONTRADICTION", now_ns, id=order.id, what="filled, and some is left")
                self.step(order, Event.LOSE, now_ns)
            case "cancelled":
                self.step(order, Event.CANCELLED, now_ns)
            case "rejected":
                self.step(order, Event.REJECT_REST if order.filled else Event.REJECT, now_ns)
            case "unknown":
                self.step(order, Event.REJECT_REST if order.filled else Event.ABSENT, now_ns)

    def _amended_or_not(self, order: Order, qty: Decimal) -> None:
        """The outcome of an amend was lost, and the venue says how much the order is for now."""
        waits = order.change is not None and order.state is State.OPEN
        if waits and order.filled < qty <= order.most:
            order.qty, order.change = qty, None

    def _told(self, order: Order, counted: Decimal, now_ns: int) -> None:
        if ZERO <= counted <= order.qty:
            order.told = max(order.told, counted)
        else:
            self._alarms(
                "CONTRADICTION", now_ns, id=order.id, what=f"{counted:f} counted as filled"
            )
        if order.told > order.filled:
            order.owed_ns = order.owed_ns or now_ns
            self._owing[order.id] = order
        elif self._owing.pop(order.id, None) is not None:
            order.owed_ns = 0


def _rejection(order: Order, reason: str) -> Event:
    if reason == m.DUPLICATE_ID:
        return Event.DUPLICATE
    if reason in OF_THE_PACKET and order.state in (State.AMENDING, State.CANCELLING):
        return Event.LOSE
    return Event.REJECT_REST if order.filled else Event.REJECT
