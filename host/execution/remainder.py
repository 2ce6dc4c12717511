"""What happens to the rest of an entry that was filled in part and goes on resting."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

from host.execution.exact import sub
from host.execution.life import State
from host.execution.order import Order, Role
from host.execution.orders import Orders
from host.execution.repricing import MS, Policy
from host.execution.rules import Refused
from host.execution.sending import Sender
from host.venues import messages as m


class Remainder(StrEnum):
    """The policies; each is told when it is carried out."""

    KEEP = "keep"  # it rests until something else takes it off
    CANCEL = "cancel"
    CHASE = "chase"  # cancelled, and what is left then goes as a market order


class Remainders:
    """Entries whose time is up.

    fit(request, role) -- the order as the venue takes it; raises Refused
    tell(kind, **data) -- kind "remainder": what was done
    """

    def __init__(
        self,
        policy: Policy,
        orders: Orders,
        sender: Sender,
        fit: Callable[[m.New, Role], m.New],
        tell: Callable[..., None],
    ) -> None:
        self._policy = Remainder(policy.remainder)
        self._after_ns = policy.remainder_ms * MS
        self._again_ns = policy.retry_ms * MS
        self._settle_ns = policy.settle_ms * MS
        self._orders = orders
        self._sender = sender
        self._fit = fit
        self._tell = tell
        self._chased: dict[str, Order] = {}

    def follow(self, now_ns: int) -> None:
        """Cancel what is due, and chase what has been cancelled."""
        if self._policy is Remainder.KEEP:
            return
        for order in self._orders.of(Role.ENTRY):
            due = order.filled_ns and now_ns - order.filled_ns >= self._after_ns
            if not (due and order.standing):
                continue
            if self._sender.cancel(order, now_ns, self._again_ns):
                self._tell("remainder", id=order.id, left=m.plain(order.left), policy=self._policy)
                if self._policy is Remainder.CHASE:
                    self._chased[order.id] = order
        for order in [o for o in self._chased.values() if o.ended]:
            if order.state is State.FILLED:
                del self._chased[order.id]
            elif now_ns - order.since_ns >= self._settle_ns and order.told <= order.filled:
                # Fills that crossed the cancel have had their time: this is really what is left.
                del self._chased[order.id]
                self._chase(order, sub(order.qty, order.filled), now_ns)

    def drop(self) -> None:
        """Chase nothing any more."""
        self._chased.clear()

    def _chase(self, order: Order, left: Decimal, now_ns: int) -> None:
        request = m.New(self._sender.new_id(), "OPEN", order.side, "market", m.plain(left))
        try:
            request = self._fit(request, Role.ENTRY)
        except Refused as refused:
            self._tell("remainder", id=order.id, left=m.plain(left), refused=str(refused))
            return
        chasing = self._sender.new(request, Role.ENTRY, now_ns)
        self._tell("remainder", id=order.id, left=m.plain(left), chased_by=chasing.id)
