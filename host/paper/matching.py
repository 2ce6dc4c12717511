"""What one row does to the orders. An order can only fill on rows that come after it was accepted.

- Market: at the first price of the next row, and worse by `slip_ticks` and `slip_share` of it.
- Limit: when a row trades at or through it, or a quote comes to it; at the better of limit and first
  price of the row. On a tape with trades beside the book it also fills by them, in its turn.
- A row fills what host.paper.liquidity leaves: market orders first, then price, then time.
- Stop: when a row trades at or through it; at the worse of stop and first price, and the slip.
- Reduce-only: clipped to the position, and cancelled once there is nothing left to reduce.
- Post-only: cancelled where it would take. Immediate-or-cancel: what the first row leaves is cancelled.
- One leg of an OCO shrinks with each fill of the other, and ends with it.
"""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from host.paper import queue
from host.paper.account import Account
from host.paper.liquidity import Liquidity
from host.paper.market import ZERO, Row, Rules
from host.paper.orders import Order, Orders
from host.venues import events as ev
from host.venues import messages as m

# assumed: half a spread of one tick on top, so that a market order never gets the price it saw.
SLIP_TICKS = Decimal("0.5")


class Matching:
    """Fills orders against rows; `events` gathers what happens until it is taken."""

    def __init__(
        self,
        orders: Orders,
        account: Account,
        rules: Rules,
        slip_ticks: Decimal,
        slip_share: Decimal = ZERO,
    ) -> None:
        self.bid: Decimal | None = None  # of the last row
        self.ask: Decimal | None = None
        self.liquidity = Liquidity(rules)
        self.events: list[ev.Ev] = []
        self._orders = orders
        self._account = account
        self._slip = slip_ticks * rules.tick
        self._slip_share = slip_share
        self._rules = rules
        self._shrinks = "ouo" in rules.can
        self._rows = 0

    def crosses(self, side: m.Side, price: Decimal) -> bool | None:
        """Whether a limit at `price` would take by the last row; None before the first."""
        if self.bid is None or self.ask is None:
            return None
        return price >= self.ask if side == "buy" else price <= self.bid

    def join(self, order: Order) -> None:
        """An order begins to wait for rows."""
        if order.price is not None and self.crosses(order.side, order.price) is not False:
            order.takes_in_row = self._rows + 1
            if order.post_only and self.bid is not None:
                self.end(order, m.POST_ONLY_WOULD_TAKE)
                return
        self._orders.place(order)

    def end(self, order: Order, reason: str = "") -> None:
        """Cancel an order, and with it the other leg of its OCO."""
        self._orders.end(order)
        self.events.append(cancelled(order, reason))
        self._end_sibling(order)

    def on_row(self, row: Row) -> None:
        """Fill what this row fills, in order."""
        self._trigger(row)
        if row.beside_book:
            self._fill_by_trade(row)
            return
        self._rows += 1
        self.bid, self.ask = row.first_bid, row.first_ask
        self.liquidity.meet(row)
        for order in list(self._orders.markets.values()):
            self._execute(order, self._market_price(order, row))
            order.stop = None  # what is left of a triggered stop goes on as a market order
        self._match_limits("buy", row.low_ask, row.first_ask)
        self._match_limits("sell", row.high_bid, row.first_bid)
        for order in list(self._orders.immediate.values()):
            if order.id in self._orders.open:
                self.end(order, m.IMMEDIATE)
        if row.volume is None:
            queue.displayed(self._orders.limits["buy"], row.first_bid, row.bid_qty)
            queue.displayed(self._orders.limits["sell"], row.first_ask, row.ask_qty)

    def pass_over(self, row: Row, rows: int) -> None:
        """So many rows went by and reached no order (see Book.reach); `row` is the last of them."""
        self._rows += rows
        self.bid, self.ask = row.first_bid, row.first_ask
        self.liquidity.renew()
        self.liquidity.meet(row)

    def _trigger(self, row: Row) -> None:
        """Make market orders of the stops that this row reaches, oldest first."""
        if not self._orders.stops:
            return
        low, high = min(row.first_bid, row.low_ask), max(row.first_ask, row.high_bid)
        for order in list(self._orders.stops.values()):
            stop = order.stop
            if stop is not None and (low <= stop if order.side == "sell" else high >= stop):
                self._orders.markets[order.id] = self._orders.stops.pop(order.id)

    def _market_price(self, order: Order, row: Row) -> Decimal:
        first = row.first_ask if order.side == "buy" else row.first_bid
        if order.stop is not None:
            first = max(first, order.stop) if order.side == "buy" else min(first, order.stop)
        slip = self._slip
        if self._slip_share:
            slip += (first * self._slip_share).quantize(self._rules.tick, ROUND_UP)
        slip = min(slip, first / 2)  # a sell far below one tick still gets something
        return first + slip if order.side == "buy" else first - slip

    def _match_limits(self, side: m.Side, reach: Decimal, first: Decimal) -> None:
        """Match the limits of one side; `reach` is the best price for them in the row."""
        for order in self._orders.limits[side].reached(reach):
            price = order.price
            if price is None or order.id not in self._orders.open:
                continue
            price = min(price, first) if side == "buy" else max(price, first)
            takes = order.takes_in_row == self._rows and price == first
            if takes and order.post_only:
                self.end(order, m.POST_ONLY_WOULD_TAKE)
            else:
                self._execute(order, price, maker=not takes)

    def _fill_by_trade(self, row: Row) -> None:
        """Fill resting orders by a trade of others at their price or through it."""
        left = row.volume or ZERO
        for side in ("buy", "sell"):
            for order in self._orders.limits[side].reached(row.first_bid):
                ours = min(left, self._rules.lots(queue.traded(order, row)))
                if ours > 0 and order.price is not None and order.id in self._orders.open:
                    left -= self._execute_at_most(order, order.price, ours, maker=True)

    def _execute(self, order: Order, price: Decimal, maker: bool = False) -> None:
        """Fill what the row has left for it."""
        left = self.liquidity.left(order.side)
        room = order.left if left is None else min(left, order.left)
        if room > 0 and order.id in self._orders.open:
            self.liquidity.take(order.side, self._execute_at_most(order, price, room, maker))

    def _execute_at_most(self, order: Order, price: Decimal, qty: Decimal, maker: bool) -> Decimal:
        """Fill at most `qty` of an open order, note what follows, and return what was filled."""
        qty = min(qty, order.left)
        if order.reduce_only:
            qty = min(qty, max(ZERO, self._account.reducible(order.side)))
        if qty > 0:
            self.events.append(self._account.fill(order, qty, price, maker))
        if order.left <= 0:
            self._orders.end(order)
            self._end_sibling(order)
        elif order.reduce_only and self._account.reducible(order.side) <= 0:
            self.end(order, m.NOTHING_TO_REDUCE)
        elif qty > 0 and self._shrinks:
            self._shrink_sibling(order, qty)
        return qty

    def _end_sibling(self, order: Order) -> None:
        sibling = self._orders.open.get(order.sibling or "")
        if sibling is not None:
            self._orders.end(sibling)
            self.events.append(cancelled(sibling, m.SIBLING))

    def _shrink_sibling(self, order: Order, qty: Decimal) -> None:
        sibling = self._orders.open.get(order.sibling or "")
        if sibling is not None:
            sibling.qty -= qty
            sibling.left -= qty
            self.events.append(amended(sibling))


def cancelled(order: Order, reason: str) -> ev.Cancelled:
    """An order that is gone, with what it had got."""
    got = order.qty - order.left
    return ev.Cancelled(order.id, reason, m.plain(got) if got else "")


def amended(order: Order) -> ev.Amended:
    """An order as it stands now."""
    price, stop = (None if at is None else m.plain(at) for at in (order.price, order.stop))
    return ev.Amended(order.id, m.plain(order.qty), price, stop)
