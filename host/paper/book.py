"""The paper venue's account and order book: pure logic, no I/O and no clock.

One account. An order can only fill on rows that come after it was accepted: `on_row` is called
with one row at a time, and an accepted order first meets the next one.

- Market: at the first price of the next row, half a tick worse, never better.
- Limit: when a row trades at or through it; at the better of limit and first price of the row.
- A row with volume fills at most VOLUME_SHARE of it, market orders first, then price, then time.
- Stop: when a row trades at or through it; at the worse of stop and first price, and half a tick.
- Below the smallest notional, at the limit price or the last one seen, an order is refused.
- Reduce-only: clipped to the position, and cancelled once there is nothing left to reduce.
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal, localcontext

from host.venues import events as ev
from host.venues import messages as m

# assumed: the base tier that large spot venues published in 2024-2025 was 10 bps a side, and
# derivative venues took about 5 (taker) and 2 (maker); a paper fill should not flatter, but the
# bot trades one of each. Basis points of the notional.
TAKER_FEE_BPS = Decimal(10)
MAKER_FEE_BPS = Decimal(10)

# assumed: more than a tenth of what really traded would have moved the price we replay.
VOLUME_SHARE = Decimal("0.1")

QTY_STEP = Decimal("0.00000001")
FEE_STEP = Decimal("0.00000001")
# Binance spot allows 200 a symbol. All of them must fit into one answer packet (messages.OrderId).
MAX_OPEN_ORDERS = 1000

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_ZERO = Decimal(0)
# Digits enough that quantity * price and their running sum are exact.
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of data offers. Prices in quote currency, `volume` in base or None if unknown.

    `first_ask` is what a buyer pays first and `first_bid` what a seller gets: both the open of a
    bar or the price of a trade, and the two sides of a quote. A buy limit needs `low_ask` at or
    below it, a sell limit `high_bid` at or above it.
    """

    number: int
    first_ask: Decimal
    first_bid: Decimal
    low_ask: Decimal
    high_bid: Decimal
    volume: Decimal | None


@dataclass(slots=True)
class Order:
    """An accepted order and what is left of it. `price` is None for a market order."""

    id: str
    side: m.Side
    qty: Decimal
    left: Decimal
    price: Decimal | None
    reduce_only: bool
    sequence: int
    stop: Decimal | None = None
    fresh: bool = True  # has met no row yet: a limit that crosses then is a taker


def _decimal(text: str | None) -> Decimal | None:
    """A positive decimal in plain notation, else None."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if value > 0 else None


class Book:
    """Orders, position and cash of the one account.

    `tick` is the price step of the data; `min_notional` the least value of an order, in quote
    currency; `mark` the last price seen.
    """

    def __init__(self, tick: Decimal, min_notional: Decimal = _ZERO) -> None:
        if tick <= 0:
            raise ValueError(f"tick must be above zero, not {tick}")
        self.tick = tick
        self.min_notional = min_notional
        self.mark: Decimal | None = None
        self.position = _ZERO
        self.cash = _ZERO
        self._half_tick = tick / 2
        self._used_ids: set[str] = set()
        self._orders: dict[str, Order] = {}  # by age
        self._markets: dict[str, Order] = {}
        self._stops: dict[str, Order] = {}
        # Best price first, then oldest. Entries of orders that are gone are dropped when met.
        self._limits: dict[m.Side, list[tuple[Decimal, int, Order]]] = {"buy": [], "sell": []}

    def new(self, message: m.New) -> ev.Ack | ev.Reject:
        """Accept or refuse an order; it never fills before the next row."""
        qty, price, stop = _decimal(message.qty), _decimal(message.price), _decimal(message.stop)
        code = self._fault(message, qty, price, stop)
        if code or qty is None:
            return ev.Reject(message.id, code or m.BAD_QTY)
        order = Order(
            message.id,
            message.side,
            qty,
            qty,
            price,
            message.reduce_only,
            len(self._used_ids),
            stop,
        )
        self._used_ids.add(order.id)
        self._orders[order.id] = order
        if stop is not None:
            self._stops[order.id] = order
        elif order.price is None:
            self._markets[order.id] = order
        else:
            self._rest(order, order.price)
        return ev.Ack(order.id)

    def cancel(self, order_id: str) -> ev.Cancelled | ev.CancelReject:
        """Cancel one order; refused when it is not open."""
        order = self._orders.get(order_id)
        if order is None:
            return ev.CancelReject(order_id, m.UNKNOWN_ORDER)
        self._remove(order)
        return ev.Cancelled(order_id)

    def cancel_all(self) -> ev.CancelledAll:
        """Cancel everything that is open."""
        ids = list(self._orders)
        self._orders.clear()
        self._markets.clear()
        self._stops.clear()
        for heap in self._limits.values():
            heap.clear()
        return ev.CancelledAll(ids)

    def open_orders(self) -> list[ev.OpenOrder]:
        """All open orders, oldest first."""
        return [
            ev.OpenOrder(
                o.id,
                o.side,
                m.plain(o.qty),
                m.plain(o.left),
                None if o.price is None else m.plain(o.price),
                o.reduce_only,
                None if o.stop is None else m.plain(o.stop),
            )
            for o in self._orders.values()
        ]

    def on_row(self, row: Row) -> list[ev.Fill | ev.Cancelled]:
        """Fill what this row fills, in order, and return the account events."""
        events: list[ev.Fill | ev.Cancelled] = []
        room = None
        if row.volume is not None:
            room = (row.volume * VOLUME_SHARE).quantize(QTY_STEP, ROUND_DOWN, _EXACT)
        self.mark = row.first_bid
        for order in self._triggered(row):
            self._markets[order.id] = self._stops.pop(order.id)
        for order in list(self._markets.values()):
            if room is not None and room <= 0:
                break
            room = self._execute(order, self._market_price(order, row), True, room, events)
        for order in self._markets.values():
            order.stop = None  # what is left of a triggered stop goes on as a market order
        for side in ("buy", "sell"):
            room = self._match_limits(side, row, room, events)
        return events

    def _triggered(self, row: Row) -> list[Order]:
        """The stops that this row reaches, oldest first."""
        low, high = min(row.first_bid, row.low_ask), max(row.first_ask, row.high_bid)
        return [
            order
            for order in self._stops.values()
            if order.stop is not None
            and (low <= order.stop if order.side == "sell" else high >= order.stop)
        ]

    def _fault(
        self, message: m.New, qty: Decimal | None, price: Decimal | None, stop: Decimal | None
    ) -> str | None:
        if message.id in self._used_ids:
            return m.DUPLICATE_ID
        if qty is None:
            return m.BAD_QTY
        for wanted, number, text in (("limit", price, message.price), ("stop", stop, message.stop)):
            if (message.type == wanted) != (number is not None) or (
                message.type != wanted and text is not None
            ):
                return m.BAD_PRICE
        if message.type == "stop" and not message.reduce_only:
            return m.BAD_MESSAGE
        if message.reduce_only and self._reducible(message.side) <= 0:
            return m.REDUCE_ONLY_WOULD_INCREASE
        at = price or stop or self.mark
        if at is not None and qty * at < self.min_notional:
            return m.BELOW_MIN_NOTIONAL
        if len(self._orders) >= MAX_OPEN_ORDERS:
            return m.TOO_MANY_ORDERS
        return None

    def _reducible(self, side: m.Side) -> Decimal:
        """How much an order of this side can take off the position; zero or less: nothing."""
        return self.position if side == "sell" else -self.position

    def _rest(self, order: Order, price: Decimal) -> None:
        key = -price if order.side == "buy" else price
        heapq.heappush(self._limits[order.side], (key, order.sequence, order))

    def _remove(self, order: Order) -> None:
        del self._orders[order.id]
        self._markets.pop(order.id, None)
        self._stops.pop(order.id, None)

    def _market_price(self, order: Order, row: Row) -> Decimal:
        first = row.first_ask if order.side == "buy" else row.first_bid
        if order.stop is not None:
            first = max(first, order.stop) if order.side == "buy" else min(first, order.stop)
        slip = min(self._half_tick, first / 2)  # a sell far below one tick still gets something
        return first + slip if order.side == "buy" else first - slip

    def _match_limits(
        self, side: m.Side, row: Row, room: Decimal | None, events: list[ev.Fill | ev.Cancelled]
    ) -> Decimal | None:
        heap, unfinished = self._limits[side], []
        while heap and (room is None or room > 0):
            entry = heap[0]
            order = entry[2]
            if order.id not in self._orders:
                heapq.heappop(heap)
                continue
            price = self._limit_price(order, row)
            if price is None:
                break  # the heap is in price order: no other crosses either
            heapq.heappop(heap)
            first = row.first_ask if side == "buy" else row.first_bid
            taker = order.fresh and price == first
            room = self._execute(order, price, taker, room, events)
            if order.id in self._orders:
                unfinished.append(entry)
        for entry in unfinished:
            heapq.heappush(heap, entry)
        return room

    def _limit_price(self, order: Order, row: Row) -> Decimal | None:
        """The price at which this row fills the order, or None when it does not reach it."""
        limit = order.price
        if limit is None:
            return None
        if order.side == "buy":
            return min(limit, row.first_ask) if row.low_ask <= limit else None
        return max(limit, row.first_bid) if row.high_bid >= limit else None

    def _execute(
        self,
        order: Order,
        price: Decimal,
        taker: bool,
        room: Decimal | None,
        events: list[ev.Fill | ev.Cancelled],
    ) -> Decimal | None:
        """Fill what fits, note the events, and return the room that is left in the row."""
        order.fresh = False
        qty = order.left if room is None else min(order.left, room)
        if order.reduce_only:
            qty = min(qty, max(_ZERO, self._reducible(order.side)))
        if qty > 0:
            events.append(self._fill(order, qty, price, taker))
        if order.left <= 0:
            self._remove(order)
        elif order.reduce_only and self._reducible(order.side) <= 0:
            self._remove(order)
            events.append(ev.Cancelled(order.id))
        return None if room is None else room - qty

    def _fill(self, order: Order, qty: Decimal, price: Decimal, taker: bool) -> ev.Fill:
        rate_bps = TAKER_FEE_BPS if taker else MAKER_FEE_BPS
        with localcontext(_EXACT):
            notional = qty * price
            fee = (notional * rate_bps / 10_000).quantize(FEE_STEP, ROUND_UP)
            signed = qty if order.side == "buy" else -qty
            self.position += signed
            self.cash -= signed * price + fee
            order.left -= qty
        return ev.Fill(
            order.id, order.side, m.plain(qty), m.plain(price), m.plain(fee), m.plain(order.left)
        )
