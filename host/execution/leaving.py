"""Selling a part of the position at a venue without reduce-only orders (spot), where a stop rests.

The stop holds what it would sell, and both together would be more than there is: first the stop shrinks
(or goes), then the part leaves at market, and what remains keeps its stop.
"""

from collections.abc import Iterable
from decimal import Decimal

from host.execution.exact import ZERO, add, sub
from host.execution.life import State
from host.execution.order import Order, Role
from host.execution.orders import Orders
from host.execution.position import Position
from host.execution.sending import Sender
from host.venues import messages as m


class Leaving:
    """`wanted` is what is to leave and has not been sent yet; never more than the position."""

    def __init__(self, orders: Orders, position: Position, sender: Sender) -> None:
        self.wanted = ZERO
        self._orders = orders
        self._position = position
        self._sender = sender

    def begin(self, qty: Decimal) -> None:
        """Have so much of the position leave; zero: no more than is under way."""
        self.wanted = min(qty, abs(self._position.qty))

    @property
    def going(self) -> Decimal:
        """What no stop is to hold any more."""
        total = min(self.wanted, abs(self._position.qty))
        for order in self._orders.of(Role.EXIT):
            total = add(total, order.left)
        return total

    def follow(self, holding: Iterable[Order], now_ns: int) -> None:
        """Send it once the orders that hold the position leave room for it."""
        self.wanted = min(self.wanted, abs(self._position.qty))
        holding = list(holding)
        if not self.wanted or any(order.state is not State.OPEN for order in holding):
            return
        held, pairs = ZERO, set[str]()
        for order in (*holding, *self._orders.of(Role.EXIT)):
            if order.sibling not in pairs:  # the venue holds both as one
                held = add(held, order.left)
                pairs.add(order.id)
        if add(held, self.wanted) > abs(self._position.qty):
            return
        side: m.Side = "sell" if self._position.qty > 0 else "buy"
        qty, self.wanted = m.plain(self.wanted), ZERO
        request = m.New(self._sender.new_id(), "REDUCE", side, "market", qty, None, False)
        self._sender.new(request, Role.EXIT, now_ns)


def less(qty: Decimal, going: Decimal) -> Decimal:
    """Return what is left for the stop."""
    return max(ZERO, sub(qty, going))
