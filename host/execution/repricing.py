"""One resting order kept as it is wanted: amended where the venue can, else replaced.

A replacement comes before the old order goes where orders can be reduce-only: two of them close no more
than the position. Elsewhere the old one goes first, and the gap is measured by the watch.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from host.execution.alarms import Alarms
from host.execution.budget import Budget
from host.execution.exact import mul, sub
from host.execution.life import State
from host.execution.order import Order, Role
from host.execution.orders import Orders
from host.execution.rules import Refused, Rules
from host.execution.sending import Sender
from host.venues import messages as m

MS = 1_000_000
FAILED = frozenset({State.REJECTED, State.UNSENT, State.UNKNOWN})
# Orders of one leg of which nobody knows: with so many, answers are waited for.
MOST_DOUBTFUL = 2
COMING = frozenset({State.NEW, State.SENT, State.AMENDING})


@dataclass(frozen=True)
class Policy:
    """How positions are protected and entries looked after.

    stop_bps, target_bps -- distance from the average entry; no target: None
    pair -- what one fill does to the other order: "ouo" or "oco" (host.execution.contingent)
    hysteresis_bps -- a smaller change of price is left alone
    loosens -- a stop may move away from the price
    per_s, burst, reserve -- requests for repricing; the last `reserve` are for the quantity of stops
    retry_ms -- after a refusal; answer_ms -- then an outcome is unknown; resolve_ms -- then a person
    owed_ms -- how long an execution may be counted and not told
    naked_ms -- how long a position may be without a live stop
    remainder, remainder_ms -- of an entry filled in part, after so long: keep, cancel or chase
    settle_ms -- fills that the venue tells after a cancel are waited for so long
    """

    stop_bps: Decimal
    target_bps: Decimal | None = None
    pair: Literal["ouo", "oco"] = "ouo"
    hysteresis_bps: Decimal = Decimal(2)
    loosens: bool = False
    per_s: int = 10
    burst: int = 20
    reserve: int = 10
    retry_ms: int = 1000
    answer_ms: int = 2000
    resolve_ms: int = 10_000
    owed_ms: int = 2000
    naked_ms: int = 1000
    remainder: Literal["keep", "cancel", "chase"] = "keep"
    remainder_ms: int = 5000
    settle_ms: int = 50


@dataclass(frozen=True, slots=True)
class Want:
    """How an order should stand.

    at -- its limit, or its trigger by `Leg.nearest`; None: out at market, now
    mark -- the last price
    """

    side: m.Side
    left: Decimal
    at: Decimal | None
    mark: Decimal | None = None


class Leg:
    """The protective stop, or the target: at most one is wanted."""

    def __init__(
        self,
        role: Role,
        orders: Orders,
        sender: Sender,
        rules: Rules,
        policy: Policy,
        budget: Budget,
        alarms: Alarms,
    ) -> None:
        self.role = role
        self.rules = rules
        self._orders = orders
        self._sender = sender
        self._policy = policy
        self._again_ns = policy.retry_ms * MS
        self._hysteresis = policy.hysteresis_bps.scaleb(-4)
        self._keeps_size = policy.pair == "oco" and "reduce_only" in rules.can
        self._budget = budget
        self._alarms = alarms
        self._side: m.Side | None = None
        self._at: Decimal | None = None  # nearest trigger that this position has had
        self._placed: Order | None = None
        self._not_before_ns = 0

    @property
    def live(self) -> list[Order]:
        """The orders of this leg that have not ended."""
        return self._orders.of(self.role)

    def nearest(self, side: m.Side, at: Decimal) -> Decimal:
        """Return a stop's trigger, or the nearer one that this position had before."""
        if self.role is Role.STOP and self._side == side and self._at and not self._policy.loosens:
            return max(at, self._at) if side == "sell" else min(at, self._at)
        return at

    def placed(self, order: Order, now_ns: int) -> None:
        """An order of this leg has been sent, here or as one half of an OCO."""
        self._placed = order
        self._remember(order.side, order.stop if order.stop is not None else order.price)

    def ready(self, now_ns: int) -> bool:
        """Return False for a while after a refusal, and while too many are of unknown outcome."""
        placed = self._placed
        if placed is not None and placed.state in FAILED:
            self._placed = None
            self._refused(now_ns, placed.state.value)
        doubtful = sum(order.state is State.UNKNOWN for order in self.live)
        return now_ns >= self._not_before_ns and doubtful < MOST_DOUBTFUL

    def stands(self, want: Want | None) -> bool:
        """Return True when `follow` has nothing to do, now or later."""
        live = self.live
        if want is None or len(live) != 1:
            return want is None and not live
        order = live[0]
        at = order.stop if order.stop is not None else order.price
        right = order.state is State.OPEN and order.side == want.side and order.left == want.left
        return right and at is not None and want.at is not None and not self._is_far(want.at, at)

    def follow(self, want: Want | None, now_ns: int) -> None:
        """Do the next step towards what is wanted; nothing while an answer is awaited."""
        if want is None:
            self._side = self._at = None
        live = self.live
        if any(order.state in COMING for order in live):
            return
        keep = None
        for order in live:
            if want is not None and order.state is State.OPEN and order.side == want.side:
                keep = order
        if keep is None or len(live) > 1:
            self._clear(live, keep, want, now_ns)
        if want is None:
            return
        if keep is not None:
            self._adjust(keep, want, now_ns)
        elif not live or "reduce_only" in self.rules.can:
            self._place(want, now_ns)

    def _clear(self, live: list[Order], keep: Order | None, want: Want | None, now_ns: int) -> None:
        """Take the others off. One of the wrong side may stay until the new one stands, if it can
        only reduce."""
        if keep is None and want is not None and "reduce_only" in self.rules.can:
            return
        for order in live:
            if order.state is State.OPEN and order is not keep:
                self._sender.cancel(order, now_ns, self._again_ns)

    def _adjust(self, order: Order, want: Want, now_ns: int) -> None:
        at = order.stop if order.stop is not None else order.price
        far = at is not None and want.at is not None and at != want.at and self._is_far(want.at, at)
        left, has = want.left, order.left
        if self._keeps_size:
            left = max(left, has)
        if has == left and not far:
            return
        urgent = self.role is Role.STOP and has != left
        if not self._budget.take(now_ns, urgent):
            return
        goal = Want(want.side, left, want.at if far else at, want.mark)
        if self._amends(order):
            if self._valid(goal, now_ns):
                self._sender.amend(order, left, goal.at if far else None, now_ns)
                self._remember(want.side, goal.at)
        elif "reduce_only" in self.rules.can:
            if self.ready(now_ns):
                self._send(goal, now_ns)
        else:
            self._sender.cancel(order, now_ns, self._again_ns)

    def _amends(self, order: Order) -> bool:
        """Half of a pair is replaced: the quantity in an amend would cross the venue's own shrinking,
        and grow both halves beyond the position."""
        return "amend" in self.rules.can and not order.sibling and not order.stuck

    def _is_far(self, goal: Decimal, at: Decimal) -> bool:
        return abs(sub(goal, at)) > mul(at, self._hysteresis)

    def _place(self, want: Want, now_ns: int) -> None:
        if self.ready(now_ns) and self._budget.take(now_ns, self.role is Role.STOP):
            self._send(want, now_ns)

    def _send(self, want: Want, now_ns: int) -> None:
        if not self._valid(want, now_ns):
            return
        at = None if want.at is None else m.plain(want.at)
        reduce_only = self.role is Role.STOP and at is not None or "reduce_only" in self.rules.can
        request = m.New(
            self._sender.new_id(),
            "REDUCE",
            want.side,
            "market" if at is None else "stop" if self.role is Role.STOP else "limit",
            m.plain(want.left),
            None if self.role is Role.STOP else at,
            reduce_only,
            at if self.role is Role.STOP else None,
        )
        self.placed(self._sender.new(request, self.role, now_ns), now_ns)

    def _valid(self, want: Want, now_ns: int) -> bool:
        try:
            self.rules.check(want.left, want.at, want.mark)
        except Refused as refused:
            self._refused(now_ns, str(refused))
            return False
        return True

    def _refused(self, now_ns: int, why: str) -> None:
        self._not_before_ns = now_ns + self._policy.retry_ms * MS
        code = "STOP_REFUSED" if self.role is Role.STOP else "TARGET_REFUSED"
        self._alarms(code, now_ns, why=why)

    def _remember(self, side: m.Side, at: Decimal | None) -> None:
        if at is not None:
            self._at = self.nearest(side, at)
            self._side = side
