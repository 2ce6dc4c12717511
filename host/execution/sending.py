"""Everything that leaves: noted first, then handed over, and the outcome led through the table."""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum

from host.execution.life import Event, State
from host.execution.order import Order, Role, noted
from host.execution.orders import Orders
from host.venues import messages as m

# States in which there is something to cancel at the venue.
CANCELLABLE = frozenset({State.SENT, State.UNKNOWN, State.OPEN, State.AMENDING, State.CANCELLING})

Request = m.New | m.Cancel | m.Amend | m.Oco


class Outcome(Enum):
    """What became of a request on this side of the socket."""

    SENT = "sent"
    UNSENT = "it never left"
    UNKNOWN = "it may have left"


_STEPS = {
    Outcome.SENT: Event.SEND,
    Outcome.UNSENT: Event.REFUSE,
    Outcome.UNKNOWN: Event.LOSE,
}


class Sender:
    """send(request) -- hands it to gate and socket; make_id() -- a new client order id."""

    def __init__(
        self,
        orders: Orders,
        send: Callable[[Request], Outcome],
        make_id: Callable[[], str],
    ) -> None:
        self.new_id = make_id
        self._orders = orders
        self._send = send

    def new(self, request: m.New, role: Role, now_ns: int) -> Order:
        """Send an order and return it; its state says whether it left."""
        order = self._orders.note(noted(request, role), now_ns)
        self._orders.step(order, _STEPS[self._send(request)], now_ns)
        return order

    def oco(self, request: m.Oco, now_ns: int) -> tuple[Order, Order]:
        """Send a target and a stop as one; return both."""
        side, qty = request.side, Decimal(request.qty)
        target = Order(
            request.id, side, qty, Role.TARGET, Decimal(request.price), None, True, request.stop_id
        )
        stop = Order(
            request.stop_id, side, qty, Role.STOP, None, Decimal(request.stop), True, request.id
        )
        for order in (target, stop):
            self._orders.note(order, now_ns)
        step = _STEPS[self._send(request)]
        for order in (target, stop):
            self._orders.step(order, step, now_ns)
        return target, stop

    def cancel(self, order: Order, now_ns: int, again_ns: int = 0) -> bool:
        """Ask for the end of an order; False when there is nothing to cancel or it did not leave.

        again_ns -- not so soon after the last time, for who asks with every event
        """
        if order.state not in CANCELLABLE or 0 < order.cancel_ns > now_ns - again_ns:
            return False
        order.cancel_ns = now_ns
        outcome = self._send(m.Cancel(order.id, "CANCEL"))
        if outcome is Outcome.UNSENT:
            return False
        self._orders.step(order, Event.CANCEL, now_ns)
        if outcome is Outcome.UNKNOWN:
            self._orders.step(order, Event.LOSE, now_ns)
        return True

    def amend(self, order: Order, left: Decimal, at: Decimal | None, now_ns: int) -> bool:
        """Change what is left of an open order and its price (or trigger); None: it stays."""
        if order.state is not State.OPEN:
            return False
        price = stop = None
        if at is not None:
            price, stop = (m.plain(at), None) if order.stop is None else (None, m.plain(at))
        intent = "OPEN" if order.role is Role.ENTRY else "REDUCE"
        request = m.Amend(order.id, intent, m.plain(order.filled + left), price, stop)  # type: ignore[arg-type]
        outcome = self._send(request)
        if outcome is Outcome.UNSENT:
            return False
        order.change = request
        order.asked = max(order.asked, order.filled + left)
        self._orders.step(order, Event.AMEND, now_ns)
        if outcome is Outcome.UNKNOWN:
            self._orders.step(order, Event.LOSE, now_ns)
        return True
