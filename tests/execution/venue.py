"""A small venue that knows the truth: orders, position and what it has said, exact and in one file.

It takes the requests of the protocol at once and keeps its events in `out` until `deliver` hands them
on, so that a test can let them wait, come twice, in another order, or not at all.
"""

from dataclasses import dataclass, field
from decimal import Decimal as D
from typing import Any

from host.execution.manager import Manager
from host.execution.repricing import Policy
from host.execution.rules import Rules
from host.execution.sending import Outcome, Request
from host.venues import events as ev
from host.venues import messages as m

MS = 1_000_000
EVERYTHING = frozenset({"amend", "oco", "ouo", "stop", "reduce_only", "post_only", "ioc"})


@dataclass
class Resting:
    """An order as the venue has it."""

    id: str
    side: m.Side
    qty: D
    price: D | None
    stop: D | None
    reduce_only: bool
    closes: bool
    filled: D = D(0)
    sibling: str = ""

    @property
    def left(self) -> D:
        return self.qty - self.filled


@dataclass
class Venue:
    """The venue's side. `refuse`: reasons for the next orders."""

    can: frozenset[str] = EVERYTHING
    fee: D = D(0)
    open: dict[str, Resting] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    position: D = D(0)
    cash: D = D(0)
    trades: int = 0
    out: list[ev.Ev] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    refuse_amends: bool = False
    refuse_cancels: bool = False

    def take(self, request: Request) -> None:
        self.requests.append(request)
        match request:
            case m.New():
                self._new(request)
            case m.Oco():
                self._oco(request)
            case m.Cancel() if self.refuse_cancels:
                self.out.append(ev.CancelReject(request.id, "NO"))
            case m.Cancel():
                order = self.open.pop(request.id, None)
                if order is None:
                    self.out.append(ev.CancelReject(request.id, m.UNKNOWN_ORDER))
                else:
                    self._gone(order)
            case m.Amend() if self.refuse_amends:
                self.out.append(ev.AmendReject(request.id, "NO"))
            case m.Amend():
                self._amend(request)

    def _new(self, request: m.New) -> None:
        if self.refuse:
            self.out.append(ev.Reject(request.id, self.refuse.pop(0)))
            return
        if request.id in self.seen:
            self.out.append(ev.Reject(request.id, m.DUPLICATE_ID))
            return
        price, stop = (None if v is None else D(v) for v in (request.price, request.stop))
        closes = request.intent != "OPEN"
        order = Resting(
            request.id, request.side, D(request.qty), price, stop, request.reduce_only, closes
        )
        if "reduce_only" not in self.can and request.intent == "REDUCE":
            locked = sum((o.left for o in self.open.values() if o.side == order.side), D(0))
            if locked + order.qty > abs(self.position):
                self.out.append(ev.Reject(request.id, "INSUFFICIENT_FUNDS"))
                return
        self._accept(order)

    def _oco(self, request: m.Oco) -> None:
        assert "oco" in self.can
        if self.refuse:
            reason = self.refuse.pop(0)
            self.out += [ev.Reject(request.id, reason), ev.Reject(request.stop_id, reason)]
            return
        qty = D(request.qty)
        self._accept(Resting(request.id, request.side, qty, D(request.price), None, True, True,
                             sibling=request.stop_id))  # fmt: skip
        self._accept(Resting(request.stop_id, request.side, qty, None, D(request.stop), True, True,
                             sibling=request.id))  # fmt: skip

    def _accept(self, order: Resting) -> None:
        self.seen.add(order.id)
        self.open[order.id] = order
        self.out.append(ev.Ack(order.id))

    def _amend(self, request: m.Amend) -> None:
        assert "amend" in self.can
        order = self.open.get(request.id)
        if order is None:
            self.out.append(ev.AmendReject(request.id, m.UNKNOWN_ORDER))
            return
        qty = order.qty if request.qty is None else D(request.qty)
        if qty <= order.filled:
            self.out.append(ev.AmendReject(request.id, "BELOW_FILLED_QTY"))
            return
        order.qty = qty
        order.price = order.price if request.price is None else D(request.price)
        order.stop = order.stop if request.stop is None else D(request.stop)
        self._tell_amended(order)

    def _tell_amended(self, order: Resting) -> None:
        price, stop = (None if v is None else m.plain(v) for v in (order.price, order.stop))
        self.out.append(ev.Amended(order.id, m.plain(order.qty), price, stop))

    def _gone(self, order: Resting) -> None:
        self.open.pop(order.id, None)
        self.out.append(ev.Cancelled(order.id))
        sibling = self.open.pop(order.sibling, None)
        if sibling is not None:
            self.out.append(ev.Cancelled(sibling.id))

    def fill(self, order_id: str, qty: D | str, price: D | str) -> None:
        """Execute some of an order, whatever the market says."""
        order, qty, price = self.open[order_id], D(qty), D(price)
        if order.reduce_only:
            qty = min(qty, self.position if order.side == "sell" else -self.position)
            if qty <= 0:
                self._gone(order)
                return
        self.trades += 1
        order.filled += qty
        self.position += qty if order.side == "buy" else -qty
        self.cash -= (qty if order.side == "buy" else -qty) * price + self.fee
        self.out.append(
            ev.Fill(order.id, order.side, m.plain(qty), m.plain(price), m.plain(self.fee),
                    m.plain(order.left), f"t{self.trades}")
        )  # fmt: skip
        sibling = self.open.get(order.sibling)
        if order.left == 0:
            del self.open[order.id]
            if sibling is not None:
                self._gone(sibling)
        elif sibling is not None and "ouo" in self.can:
            sibling.qty -= qty
            self._tell_amended(sibling)
        elif sibling is not None:  # as spot exchanges do: any execution of one ends the other
            del self.open[sibling.id]
            order.sibling = ""
            self.out.append(ev.Cancelled(sibling.id))

    def state(self, order_id: str, req: int = 0) -> ev.OrderState:
        """What the venue says when it is asked for an order."""
        order = self.open.get(order_id)
        if order is not None:
            return ev.OrderState(req, order_id, "open", m.plain(order.filled), m.plain(order.left))
        return ev.OrderState(req, order_id, "unknown", "0", "0")

    def overreach(self) -> D:
        """By how much orders could close more than the position, where nothing but us forbids it."""
        if "reduce_only" in self.can:
            return D(0)
        side = "sell" if self.position > 0 else "buy"
        closing = [o for o in self.open.values() if o.closes and o.side == side]
        # Of an OCO only one can fill.
        most = sum((o.left for o in closing if o.sibling not in self.open or o.price is None), D(0))
        return most - abs(self.position)

    def stops(self) -> list[Resting]:
        """What closes the position at a stop, or at market because its price was passed."""
        return [o for o in self.open.values() if o.closes and o.price is None]

    def targets(self) -> list[Resting]:
        return [o for o in self.open.values() if o.closes and o.price is not None]


class Desk:
    """A manager at that venue, and a clock in ms. `outcomes`: of the next requests, if not SENT."""

    def __init__(
        self,
        can: frozenset[str] = EVERYTHING,
        max_qty: D | None = None,
        min_notional: D = D(0),
        **policy: Any,
    ) -> None:
        self.venue = Venue(can)
        self.told: list[dict[str, Any]] = []
        self.now_ns = 1_000 * MS
        self.outcomes: list[Outcome] = []
        self._ids = 0
        wanted = {"stop_bps": D(100), "target_bps": D(200), "hysteresis_bps": D(0)} | policy
        rules = Rules(
            "BTCUSDT", "BTC", "USDT", D("0.01"), D("0.001"), D(0), max_qty, min_notional, can=can
        )
        self.manager = Manager(rules, Policy(**wanted), self.new_id, self.send, self.tell)

    def new_id(self) -> str:
        self._ids += 1
        return f"trend.1.1.{self._ids}"

    def tell(self, kind: str, **data: Any) -> None:
        self.told.append({"kind": kind, **data})

    def send(self, request: Request) -> Outcome:
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.SENT
        if outcome is Outcome.SENT:
            self.venue.take(request)
        return outcome

    def enter(self, qty: str, price: str | None = None, side: m.Side = "buy") -> str:
        """Send an entry; return its id."""
        kind = "market" if price is None else "limit"
        request = m.New(self.new_id(), "OPEN", side, kind, qty, price)  # type: ignore[arg-type]
        assert self.manager.enter(request, self.now_ns) == ""
        return request.id

    def deliver(self, ms: int = 1) -> None:
        """Hand over what the venue has said, each `ms` after the last, and what it says to that."""
        while self.venue.out:
            self.now_ns += ms * MS
            self.manager.hear(self.venue.out.pop(0), self.now_ns)

    def hold(self, qty: str, price: str, side: m.Side = "buy") -> None:
        """Have a position, protected."""
        entry = self.enter(qty, price, side)
        self.venue.fill(entry, qty, price)
        self.deliver()

    def tick(self, ms: int = 0, price: str | None = None) -> None:
        self.now_ns += ms * MS
        self.manager.tick(self.now_ns, None if price is None else D(price))

    def alarms(self) -> dict[str, int]:
        return dict(self.manager.alarms.counts)
