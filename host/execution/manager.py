"""All of execution for one symbol at one venue: what the engine talks to.

An event goes through the table, executions into the position, then everything that follows from it is
sent: stop and target, remainders. What no code here has foreseen may raise an alarm, and never more.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from host.execution.alarms import Alarms
from host.execution.contingent import Protection
from host.execution.exact import ZERO
from host.execution.fills import BadEvent, check_id
from host.execution.life import Event, State
from host.execution.order import Order, Role, noted
from host.execution.orders import Orders
from host.execution.position import Position
from host.execution.remainder import Remainders
from host.execution.repricing import MS, Policy
from host.execution.rules import Refused, Rules, fit
from host.execution.sending import Outcome, Request, Sender
from host.execution.watch import Watch
from host.venues import events as ev
from host.venues import messages as m

EVENTS: dict[str, type[ev.Ev]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        ev.Ack, ev.Reject, ev.Fill, ev.Cancelled, ev.CancelReject, ev.CancelledAll, ev.OpenOrders,
        ev.Amended, ev.AmendReject, ev.Unknown, ev.OrderState, ev.Fills,
    )
}  # fmt: skip
# Told on the same connections, and none of our business.
OTHERS = frozenset(
    {"welcome", "end", "position", "mark", "rules", "deadman", "bar", "trade", "quote"}
)
# An answer is awaited.
WAITING = frozenset({State.SENT, State.AMENDING, State.CANCELLING})


class Manager:
    """See host.execution for what is given and what is called.

    active -- False: nothing is placed, repriced or chased (in an emergency the ladder decides)
    mark -- the last price
    """

    def __init__(
        self,
        rules: Rules,
        policy: Policy,
        make_id: Callable[[], str],
        send: Callable[[Request], Outcome],
        tell: Callable[..., None],
    ) -> None:
        self.rules = rules
        self.policy = policy
        self.active = True
        self.mark: Decimal | None = None
        self.alarms = Alarms(tell)
        self.position = Position(rules.base, rules.quote)
        self._qty = self._lots = self.position.qty
        self.orders = Orders(self.alarms, self.position.check)
        self.sender = Sender(self.orders, send, make_id)
        self.watch = Watch(policy.naked_ms, self.alarms, tell)
        self._protection = Protection(
            rules, policy, self.orders, self.position, self.sender, self.alarms
        )
        self._remainders = Remainders(policy, self.orders, self.sender, self.fit, tell)

    # -- events -----------------------------------------------------------------------------

    def hear(self, event: dict[str, Any] | ev.Ev, now_ns: int) -> None:
        """Take one event; what is not about orders is not looked at, what is bad is an alarm."""
        try:
            said = event if isinstance(event, ev.Ev) else _read(event)
            executions = [] if said is None else self.orders.take(said, now_ns)
        except (BadEvent, msgspec.MsgspecError, RecursionError) as error:
            self.alarms("BAD_EVENT", now_ns, why=str(error))
            return
        for execution in executions:
            self.position.take(execution)
            self._protection.executed(execution)
        self._follow(now_ns)

    def tick(self, now_ns: int, price: Decimal | None = None) -> None:
        """Look at the clock, and at a new price when there is one; call every pass."""
        if price is not None and price > 0:
            self.mark = price
        for order in list(self.orders.live.values()):
            self._overdue(order, now_ns)
        for order in self.orders.owing():
            if now_ns - order.owed_ns > self.policy.owed_ms * MS:
                owed = m.plain(order.told - order.filled)
                self.alarms("LOST_FILL", now_ns, id=order.id, qty=owed)
        self._follow(now_ns)

    def questions(self) -> tuple[list[str], bool]:
        """Return (ids to ask the venue for with `order`, whether to ask for `fills`)."""
        return [order.id for order in self.orders.unknown()], bool(self.orders.owing())

    @property
    def settled(self) -> bool:
        """True when nothing follows from another price, or from the clock, until the venue speaks."""
        orders = self.orders
        protecting = all(o.role in (Role.STOP, Role.TARGET) for o in orders.live.values())
        quiet = self.active and protecting and not self.watch.naked and not any(self.questions())
        return quiet and self._protection.stands(self.mark)

    # -- orders -----------------------------------------------------------------------------

    def fit(self, request: m.New, role: Role) -> m.New:
        """Return an order as the venue takes it. Raises Refused."""
        live = self.orders.live.values()
        return fit(request, role, self.rules, self.mark, self.position.qty, live)

    def enter(self, request: m.New, now_ns: int, role: Role = Role.ENTRY) -> str:
        """Send an entry (or exit); return "" or the name of the rule that refuses it."""
        try:
            if role is Role.ENTRY and not self.rules.can & {"stop", "oco"}:
                raise Refused("STOP_UNSUPPORTED", "a position could not be protected")
            self.sender.new(self.fit(request, role), role, now_ns)
        except Refused as refused:
            return refused.rule
        return ""

    def sent(self, request: m.New, now_ns: int, role: Role = Role.ENTRY) -> None:
        """Note an order that has left by another way (compiled path, ladder)."""
        order = self.orders.note(noted(request, role), now_ns)
        self.orders.step(order, Event.SEND, now_ns)

    def lost(self, order_id: str, now_ns: int) -> None:
        """Nobody knows what became of an order's last request (restart, lost connection)."""
        order = self.orders.find(order_id)
        if order is not None and not order.ended:
            self.orders.step(order, Event.LOSE, now_ns)

    def disconnected(self, now_ns: int) -> None:
        """The connection is lost: nobody knows what became of anything that was on its way."""
        for order in list(self.orders.live.values()):
            if order.state in WAITING:
                self.orders.step(order, Event.LOSE, now_ns)

    def leave(self, qty: Decimal) -> None:
        """Have a part of the position leave at market, where no order is reduce-only (spot)."""
        self._protection.leaving.begin(qty)

    @property
    def leaving(self) -> Decimal:
        """What is to leave and has not been sent yet."""
        return self._protection.leaving.wanted

    def cancel(self, order_id: str, now_ns: int) -> bool:
        """Ask for the end of an order; False when there is none or it did not leave."""
        order = self.orders.find(order_id)
        return order is not None and self.sender.cancel(order, now_ns)

    def cancel_entries(self, now_ns: int) -> None:
        """Take every entry off that is not being taken off already; nothing is chased."""
        self._remainders.drop()
        for order in self.orders.of(Role.ENTRY):
            if order.state is not State.CANCELLING:
                self.sender.cancel(order, now_ns)

    def adopt(
        self,
        listed: Iterable[ev.OpenOrder],
        qty: Decimal,
        cash: Decimal,
        price: Decimal,
        now_ns: int,
    ) -> Decimal:
        """Take over the venue's word: nothing is open but these. Return how far we were off.

        price -- what the position has cost as far as we know, where it is not what we had
        Raises BadEvent.
        """
        standing = {check_id(one.id): one for one in listed}
        for order in list(self.orders.live.values()):
            if order.id not in standing:
                self.orders.step(order, Event.CANCELLED, now_ns)
        for order_id, one in standing.items():
            if self.orders.find(order_id) is None:
                self.orders.adopt(one, now_ns)
        self.orders.take(ev.OpenOrders(0, list(standing.values())), now_ns)
        off = qty - self.position.qty
        if off or cash != self.position.cash:
            average = self.position.average
            self.position.adopt(qty, cash, price if off or average is None else average)
        self._remainders.drop()
        self.watch.look(qty, self.orders.of(Role.STOP), False, now_ns)
        return off

    # -- what follows -----------------------------------------------------------------------

    def _follow(self, now_ns: int) -> None:
        if not self.active:
            self._remainders.drop()
            self._protection.leaving.begin(ZERO)
        else:
            self._protection.follow(self.mark, now_ns)
            self._remainders.follow(now_ns)
        stops = self.orders.of(Role.STOP)
        if self.position.qty is not self._qty:
            # What is less than a lot nobody can sell, and so nobody can protect.
            self._qty = self.position.qty
            self._lots = self.rules.qty(abs(self._qty)).copy_sign(self._qty)
        self.watch.look(self._lots, stops, self._protection.dust, now_ns)

    def _overdue(self, order: Order, now_ns: int) -> None:
        waited_ms = (now_ns - order.since_ns) // MS
        if order.state in WAITING and waited_ms > self.policy.answer_ms:
            self.alarms("NO_ANSWER", now_ns, id=order.id, state=order.state.value)
            self.orders.step(order, Event.LOSE, now_ns)
        elif order.state is State.UNKNOWN and waited_ms > self.policy.resolve_ms:
            self.alarms("UNRESOLVED", now_ns, id=order.id, ms=waited_ms)


def _read(event: dict[str, Any]) -> ev.Ev | None:
    """The event of a packet, or None for one that is not about orders. Raises BadEvent."""
    tag = event.get("ev")
    kind = EVENTS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        if isinstance(tag, str) and tag in OTHERS:
            return None
        raise BadEvent(f"ev: {str(tag)[:60]!r}")
    return msgspec.convert(event, kind)
