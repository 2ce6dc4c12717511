"""Stop and target of the whole position: they follow every fill, and shrink with each other's.

    OTO  the position is the parent: with every fill of an entry both are placed, or grow
    OUO  each is for all that is left: with every fill of one the other shrinks
    OCO  the end of one is the end of the other; in between a reduce-only sibling keeps its size

How the venue holds the pair:

    NATIVE  as one order (`oco`); it shrinks the sibling itself where it says `ouo`
    BOTH    as two reduce-only orders, kept in step by us
    ONE     neither: the stop rests; at the target's price it goes, and the position with it, at market
"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from host.execution.alarms import Alarms
from host.execution.budget import Budget
from host.execution.exact import sub
from host.execution.fills import Execution
from host.execution.leaving import Leaving, less
from host.execution.order import Role
from host.execution.orders import Orders
from host.execution.position import Position
from host.execution.repricing import MS, Leg, Policy, Want
from host.execution.rules import Refused, Rules
from host.execution.sending import Sender
from host.venues import messages as m

TOO_SMALL = frozenset({"LOT", "MIN_QTY", "MIN_NOTIONAL"})


class Held(StrEnum):
    """How the pair is held."""

    NATIVE = "native"
    BOTH = "both"
    ONE = "one"


class Protection:
    """Keeps the pair in step with the position; `dust` when what is left is too small for an order."""

    def __init__(
        self,
        rules: Rules,
        policy: Policy,
        orders: Orders,
        position: Position,
        sender: Sender,
        alarms: Alarms,
    ) -> None:
        self.dust = False
        self.held = how(rules, policy)
        self._rules = rules
        self._policy = policy
        self._orders = orders
        self._position = position
        self._sender = sender
        self._alarms = alarms
        self._factors = _factors(policy)
        self._goals: tuple[m.Side, Decimal, Decimal, Decimal | None] | None = None
        self._qty, self._basis = position.qty, position.basis
        self._budget = Budget(policy.per_s, policy.burst, policy.reserve)
        self.leaving = Leaving(orders, position, sender)
        self._stop, self._target = (
            Leg(role, orders, sender, rules, policy, self._budget, alarms)
            for role in (Role.STOP, Role.TARGET)
        )

    def executed(self, execution: Execution) -> None:
        """Take an execution: the venue shrinks the other leg by as much, where it does that."""
        order = self._orders.find(execution.order)
        other = self._orders.find(order.sibling) if order is not None else None
        if other is not None and not other.ended and "ouo" in self._rules.can:
            other.qty = max(sub(other.qty, execution.qty), other.filled)

    def follow(self, mark: Decimal | None, now_ns: int) -> None:
        """Do the next step; call after every event and every pass. `mark` is the last price."""
        position = self._position
        if position.qty is not self._qty or position.basis is not self._basis:
            self._qty, self._basis = position.qty, position.basis
            self._goals = self._new_goals(now_ns)
        stop, target = self._wants(mark)
        self._legs(stop, target, mark, now_ns)
        self.leaving.follow((*self._stop.live, *self._target.live), now_ns)

    def _legs(
        self, stop: Want | None, target: Want | None, mark: Decimal | None, now_ns: int
    ) -> None:
        match self.held:
            case Held.NATIVE if stop and target and self._pairs(stop, target, mark):
                self._native(stop, target, now_ns)
            case Held.NATIVE | Held.ONE if "reduce_only" not in self._rules.can:
                self._one(stop, target, mark, now_ns)
            case _:
                self._stop.follow(stop, now_ns)
                self._target.follow(target, now_ns)

    def stands(self, mark: Decimal | None) -> bool:
        """Return True when stop and target stand as wanted, or none is wanted and none is there."""
        if self._position.qty is not self._qty or self._position.basis is not self._basis:
            return False
        stop, target = self._wants(mark)
        return self._stop.stands(stop) and self._target.stands(target)

    def _wants(self, mark: Decimal | None) -> tuple[Want | None, Want | None]:
        if self._goals is None:
            return None, None
        side, qty, at, goal = self._goals
        if "reduce_only" not in self._rules.can:
            qty = less(qty, self.leaving.going)
            if qty < max(self._rules.min_qty, self._rules.lot):
                return None, None
        at = self._stop.nearest(side, at)
        through = mark is not None and (mark <= at if side == "sell" else mark >= at)
        if through and not any(o.standing and o.stop is not None for o in self._stop.live):
            return Want(side, qty, None, mark), None
        target = None if goal is None else Want(side, qty, goal, mark)
        return Want(side, qty, at, mark), target

    def _new_goals(self, now_ns: int) -> tuple[m.Side, Decimal, Decimal, Decimal | None] | None:
        """(side, quantity, trigger, target's price) for the position, or None when there is none."""
        if not self._qty:
            self.dust = False
            return None
        side: m.Side = "sell" if self._qty > 0 else "buy"
        qty = self._rules.qty(abs(self._qty))
        if self._rules.max_qty is not None:
            qty = min(qty, self._rules.max_qty)
        stop, target = self._factors[side]
        at = self._away(side, stop)
        if self._is_dust(qty, at, now_ns):
            return None
        return side, qty, at, None if target is None else self._away(side, target)

    def _away(self, side: m.Side, factor: Fraction) -> Decimal:
        """The average entry times `factor`, on the grid and not below one tick."""
        held_above, held_below = self._qty.as_integer_ratio()
        above = self._basis.numerator * held_below * factor.numerator
        below = self._basis.denominator * held_above * factor.denominator
        return max(self._rules.price_of(side, abs(above), abs(below)), self._rules.tick)

    def _is_dust(self, qty: Decimal, at: Decimal, now_ns: int) -> bool:
        was, self.dust = self.dust, False
        try:
            self._rules.check(qty, at, None)
        except Refused as refused:
            self.dust = refused.rule in TOO_SMALL
            if self.dust and not was:
                self._alarms("DUST", now_ns, why=str(refused))
        return self.dust

    def _pairs(self, stop: Want, target: Want, mark: Decimal | None) -> bool:
        """A venue takes both as one only with the price between them; what stands may go on standing."""
        if stop.at is None or target.at is None:
            return False
        if self._stop.live and self._target.live:
            return True
        low, high = (stop.at, target.at) if stop.side == "sell" else (target.at, stop.at)
        return low < high if mark is None else low < mark < high

    def _native(self, stop: Want, target: Want, now_ns: int) -> None:
        stops, targets = self._stop.live, self._target.live
        if not stops and not targets:
            ready = self._stop.ready(now_ns) and self._target.ready(now_ns)
            if ready and self._budget.take(now_ns, urgent=True):
                self._send_pair(stop, target, now_ns)
        elif stops and targets or "reduce_only" in self._rules.can:
            self._stop.follow(stop, now_ns)
            self._target.follow(target, now_ns)
        else:
            # One half is gone and the other holds what is to be sold: it goes as well, then both anew.
            for order in (*stops, *targets):
                if order.standing:
                    self._sender.cancel(order, now_ns, self._policy.retry_ms * MS)

    def _send_pair(self, stop: Want, target: Want, now_ns: int) -> None:
        request = m.Oco(
            self._sender.new_id(),
            self._sender.new_id(),
            "REDUCE",
            stop.side,
            m.plain(stop.left),
            m.plain(target.at or self._rules.tick),
            m.plain(stop.at or self._rules.tick),
        )
        sold, stopped = self._sender.oco(request, now_ns)
        self._target.placed(sold, now_ns)
        self._stop.placed(stopped, now_ns)

    def _one(
        self, stop: Want | None, target: Want | None, mark: Decimal | None, now_ns: int
    ) -> None:
        reached = False
        if target is not None and target.at is not None and mark is not None:
            reached = mark >= target.at if target.side == "sell" else mark <= target.at
        # Only one of the two can rest: the other one waits until it is gone.
        first, second = (self._stop, self._target) if reached else (self._target, self._stop)
        # At the target's price it goes out at market: while a limit waits, nothing protects.
        want = Want(target.side, target.left, None, mark) if target and reached else stop
        first.follow(None, now_ns)
        if not first.live:
            second.follow(want, now_ns)


def how(rules: Rules, policy: Policy) -> Held:
    """Return how a venue of these rules holds the pair."""
    if policy.target_bps is not None and "oco" in rules.can:
        return Held.NATIVE
    return Held.BOTH if policy.target_bps is None or "reduce_only" in rules.can else Held.ONE


def _factors(policy: Policy) -> dict[m.Side, tuple[Fraction, Fraction | None]]:
    """What the average is multiplied with for stop and target, by the side that closes."""
    stop, target = Fraction(policy.stop_bps) / 10_000, policy.target_bps
    goal = None if target is None else Fraction(target) / 10_000
    return {
        "sell": (1 - stop, None if goal is None else 1 + goal),
        "buy": (1 + stop, None if goal is None else 1 - goal),
    }
