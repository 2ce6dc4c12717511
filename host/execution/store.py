"""The orders that we know, and how each goes through the table of order life."""

from collections import Counter, OrderedDict
from decimal import Decimal

from host.execution.alarms import Alarms
from host.execution.exact import ZERO, add
from host.execution.life import TABLE, Event, State
from host.execution.order import Order, Role
from host.venues import messages as m

# Orders that have ended are remembered so long: what is told of them late still counts.
KEEP = 1024


class Store:
    """`live` by age; `find` also knows the last KEEP that have ended.

    refused -- how often each (state, event) that the table does not know has come
    """

    def __init__(self, alarms: Alarms, keep: int = KEEP) -> None:
        self.live: dict[str, Order] = {}
        self.refused: Counter[tuple[State, Event]] = Counter()
        self._of: dict[Role, dict[str, Order]] = {role: {} for role in Role}
        self._ended: OrderedDict[str, Order] = OrderedDict()
        self._owing: dict[str, Order] = {}
        self._alarms = alarms
        self._keep = keep

    def note(self, order: Order, now_ns: int) -> Order:
        """Remember a new order. Raises ValueError for an id that was used."""
        if self.find(order.id) is not None:
            raise ValueError(f"the id {order.id!r} was used before")
        order.since_ns = now_ns
        self.live[order.id] = self._of[order.role][order.id] = order
        return order

    def find(self, order_id: str) -> Order | None:
        """Return the order of this id, live or ended not long ago."""
        return self.live.get(order_id) or self._ended.get(order_id)

    def of(self, role: Role) -> list[Order]:
        """Return the live orders of a role, oldest first."""
        return list(self._of[role].values())

    def open_entries(self, side: m.Side) -> Decimal:
        """Return what the entries of one side may still add."""
        total = ZERO
        for order in self.of(Role.ENTRY):
            total = add(total, order.left) if order.side == side else total
        return total

    def owing(self) -> list[Order]:
        """Return the orders of which the venue has counted executions that it has not told."""
        return list(self._owing.values())

    def settle(self, order: Order) -> None:
        """The position is right as it is: what the venue has counted was never missing."""
        order.told, order.owed_ns = order.filled, 0
        self._owing.pop(order.id, None)

    def unknown(self) -> list[Order]:
        """Return the orders of which nobody knows."""
        return [order for order in self.live.values() if order.state is State.UNKNOWN]

    def step(self, order: Order, event: Event, now_ns: int) -> bool:
        """Lead one order through the table; False when there is no such row."""
        row = TABLE.get((order.state, event))
        if row is None:
            self.refused[order.state, event] += 1
            self._alarms(
                "IMPOSSIBLE_EVENT", now_ns, id=order.id, state=order.state.value, event=event.value
            )
            return False
        if row.alarm:
            self._alarms("CONTRADICTION", now_ns, id=order.id, what=row.why)
        if row.next is not order.state or event is Event.CANCEL:
            order.since_ns = now_ns
        was_ended, order.state = order.ended, row.next
        if order.ended and not was_ended:
            del self.live[order.id], self._of[order.role][order.id]
            self._ended[order.id] = order
            while len(self._ended) > self._keep:
                forgotten, _order = self._ended.popitem(last=False)
                if self._owing.pop(forgotten, None) is not None:
                    self._alarms("LOST_FILL", now_ns, id=forgotten)
        elif was_ended and not order.ended:
            self._ended.pop(order.id, None)
            self.live[order.id] = self._of[order.role][order.id] = order
        return True
