"""What is behind the local exchanges: one symbol's orders, executions and balances. No dialect here."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
TAKER, MAKER = Decimal("0.001"), Decimal("0.0005")


class Refused(Exception):
    """The exchange refuses; `why` is in no dialect yet."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Order:
    """One order of the account; `kind` is limit, market or stop."""

    ref: int
    wire: str
    side: str
    kind: str
    qty: Decimal
    price: Decimal | None
    stop: Decimal | None
    reduce_only: bool
    post_only: bool
    ioc: bool
    at_ms: int
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    state: str = "open"
    triggered: int = 0  # the number under which a stop is executed
    rested: bool = False

    @property
    def left(self) -> Decimal:
        """What is not filled."""
        return self.qty - self.filled


@dataclass(frozen=True)
class Execution:
    """One execution of an order under the number `ref`."""

    trade: int
    ref: int
    wire: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    maker: bool
    at_ms: int


@dataclass
class Market:
    """The account and the market of one symbol; calls may come from any thread.

    spot -- a sell needs the base currency; otherwise positions go below zero
    stops_apart -- a stop that triggers becomes an order of another number
    skew_ms -- how far the exchange's clock is ahead
    """

    spot: bool
    stops_apart: bool
    tick: Decimal = Decimal("0.1")
    lot: Decimal = Decimal("0.001")
    min_notional: Decimal = Decimal(5)
    last: Decimal = Decimal(100)
    base: Decimal = Decimal(1000)
    quote: Decimal = Decimal(10_000_000)
    skew_ms: int = 0
    orders: dict[int, Order] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    received: list[str] = field(default_factory=list)  # wire ids of new orders, as they came
    listeners: list[Callable[[Order], None]] = field(default_factory=list)
    followers: list[Callable[[Decimal, Decimal], None]] = field(default_factory=list)
    deadline_s: float = 0.0
    deadman_fired: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers = itertools.count(70_000_001)
        self._bid = self._ask = ZERO
        self._room = {"buy": ZERO, "sell": ZERO}
        if not self.spot:
            self.base = ZERO

    def now_ms(self) -> int:
        """The exchange's clock."""
        return time.time_ns() // 1_000_000 + self.skew_ms

    def open(self) -> list[Order]:
        """Every open order, oldest first; the dead man's switch is looked at before."""
        with self.lock:
            if self.deadline_s and time.monotonic() >= self.deadline_s:
                self.deadline_s = 0.0
                self.deadman_fired += 1
                for order in list(self.orders.values()):
                    if order.state == "open":
                        self._end(order, "cancelled")
            return [order for order in self.orders.values() if order.state == "open"]

    def arm(self, seconds: float) -> None:
        """Set or (0) clear the dead man's switch."""
        with self.lock:
            self.open()
            self.deadline_s = time.monotonic() + seconds if seconds else 0.0

    def by_wire(self, wire: str) -> Order | None:
        """The newest order of a client order id."""
        found = [order for order in self.orders.values() if order.wire == wire]
        return found[-1] if found else None

    def new(
        self,
        wire: str,
        side: str,
        kind: str,
        qty: str,
        price: str | None = None,
        stop: str | None = None,
        reduce_only: bool = False,
        post_only: bool = False,
        ioc: bool = False,
    ) -> Order:
        """Take an order, and fill what the standing quote fills. Raises Refused."""
        with self.lock:
            self.received.append(wire)
            order = Order(
                next(self._numbers),
                wire,
                side,
                kind,
                Decimal(qty),
                None if price is None else Decimal(price),
                None if stop is None else Decimal(stop),
                reduce_only,
                post_only,
                ioc,
                self.now_ms(),
            )
            self._check(order)
            self.orders[order.ref] = order
            self._tell(order)
            if kind != "stop":
                self._match([order])
                if ioc and order.state == "open":
                    self._end(order, "cancelled")
            return order

    def cancel(self, ref: int) -> Order:
        """Cancel an order. Raises Refused."""
        with self.lock:
            order = self.orders.get(ref)
            if order is None or order.state != "open":
                raise Refused("unknown")
            self._end(order, "cancelled")
            return order

    def amend(self, ref: int, qty: str | None, price: str | None, stop: str | None) -> Order:
        """Change an open order. Raises Refused."""
        with self.lock:
            order = self.orders.get(ref)
            if order is None or order.state != "open":
                raise Refused("unknown")
            if qty is not None and Decimal(qty) <= order.filled:
                raise Refused("qty")
            order.qty = order.qty if qty is None else Decimal(qty)
            order.price = order.price if price is None else Decimal(price)
            order.stop = order.stop if stop is None else Decimal(stop)
            self._tell(order)
            return order

    def move(self, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Let the market stand so, with `size` once on either side."""
        with self.lock:
            self._bid, self._ask, self.last = bid, ask, bid
            self._room = {"buy": size, "sell": size}
            for follower in self.followers:
                follower(bid, ask)
            for order in self.open():
                if order.kind == "stop" and self._reached(order):
                    order.kind = "market"
                    order.triggered = next(self._numbers) if self.stops_apart else order.ref
            kinds = {"market": 0, "limit": 1}
            resting = [order for order in self.open() if order.kind in kinds]
            self._match(sorted(resting, key=lambda order: (kinds[order.kind], order.ref)))

    def _check(self, order: Order) -> None:
        if order.qty <= 0 or order.qty % self.lot:
            raise Refused("lot")
        for price in (order.price, order.stop):
            if price is not None and (price <= 0 or price % self.tick):
                raise Refused("tick")
        if any(other.wire == order.wire for other in self.open()):
            raise Refused("duplicate")
        if order.reduce_only and order.kind != "stop" and self._reducible(order) <= 0:
            raise Refused("reduce_only")
        if (
            order.price is not None
            and not order.reduce_only
            and order.qty * order.price < self.min_notional
        ):
            raise Refused("notional")
        if self.spot and order.side == "sell" and order.qty > self.base:
            raise Refused("funds")
        if order.post_only and order.price is not None and self._crosses(order):
            raise Refused("post_only")

    def _crosses(self, order: Order) -> bool:
        if not self._bid or order.price is None:
            return False
        return self._ask <= order.price if order.side == "buy" else self._bid >= order.price

    def _reached(self, order: Order) -> bool:
        assert order.stop is not None
        return self._bid <= order.stop if order.side == "sell" else self._ask >= order.stop

    def _reducible(self, order: Order) -> Decimal:
        return self.base if order.side == "sell" else -self.base

    def _match(self, orders: list[Order]) -> None:
        for order in orders:
            resting, order.rested = order.rested, True
            if order.state != "open" or not self._bid:
                continue
            if order.kind == "limit" and not self._crosses(order):
                continue
            qty = min(order.left, self._room[order.side])
            if order.reduce_only:
                qty = min(qty, max(ZERO, self._reducible(order)))
            if qty > 0:
                self._execute(order, qty, resting and order.kind == "limit")
            if order.state == "open" and order.reduce_only and self._reducible(order) <= 0:
                self._end(order, "cancelled")

    def _execute(self, order: Order, qty: Decimal, maker: bool) -> None:
        touch = self._ask if order.side == "buy" else self._bid
        price = touch if order.price is None or not maker else order.price
        self._room[order.side] -= qty
        order.filled += qty
        order.cost += qty * price
        signed = qty if order.side == "buy" else -qty
        fee = qty * price * (MAKER if maker else TAKER)
        self.base += signed
        self.quote -= signed * price + fee
        self.last = price
        self.executions.append(Execution(
            next(self._numbers), order.triggered or order.ref, order.wire, order.side, qty, price,
            fee, maker, self.now_ms(),
        ))  # fmt: skip
        if not order.left:
            self._end(order, "filled")
        else:
            self._tell(order)

    def _end(self, order: Order, state: str) -> None:
        order.state = state
        self._tell(order)

    def _tell(self, order: Order) -> None:
        for listener in list(self.listeners):
            listener(order)
