"""The orders of the one account: those that are open, by kind and price, and what became of others."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from host.venues.messages import Side

# So many orders that are gone are remembered: their ids are not taken again, and can be asked for. More
# of them would not stay in the processor's cache, which every new order would feel.
REMEMBERED = 20_000


# There are many of them and none is part of a cycle: the collector need not look at them.
class Order(msgspec.Struct, gc=False):
    """An accepted order and what is left of it. `price` is None for a market order.

    sibling -- the other leg of an OCO
    ahead -- displayed before it at its price, as far as the tape has shown; None: not seen yet
    takes_in_row -- the count of the row in which it is a taker: it crossed when it came; 0: none
    """

    id: str
    side: Side
    qty: Decimal
    left: Decimal
    price: Decimal | None
    stop: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    ioc: bool = False
    sibling: str | None = None
    ahead: Decimal | None = None
    takes_in_row: int = 0


class Levels:
    """Resting limit orders of one side: best price first, then age."""

    def __init__(self, side: Side) -> None:
        self._highest_first = side == "buy"
        self._levels: dict[Decimal, dict[str, Order]] = {}
        self._prices: list[Decimal] | None = []  # best first; None: not sorted yet

    def add(self, order: Order, price: Decimal) -> None:
        """Rest an order, behind all others of its price."""
        level = self._levels.get(price)
        if level is None:
            self._levels[price] = {order.id: order}
            self._prices = None
        else:
            level[order.id] = order

    def drop(self, order: Order, price: Decimal) -> None:
        """Take an order off; it may not be there."""
        level = self._levels.get(price)
        if level is not None and level.pop(order.id, None) is not None and not level:
            del self._levels[price]
            self._prices = None

    def reached(self, price: Decimal) -> list[Order]:
        """The orders at `price` or better for the other side, in their order."""
        if self._prices is None:
            # Only here, because many orders come and go between two rows.
            self._prices = sorted(self._levels, reverse=self._highest_first)
        found: list[Order] = []
        for one in self._prices:
            if one < price if self._highest_first else one > price:
                break
            found += self._levels[one].values()
        return found

    def clear(self) -> None:
        """Take all off."""
        self._levels.clear()
        self._prices = []


class Orders:
    """Every order of the account; `open` by age, with those that wait to be matched by kind."""

    def __init__(self) -> None:
        self.open: dict[str, Order] = {}
        self.markets: dict[str, Order] = {}
        self.stops: dict[str, Order] = {}
        self.limits: dict[Side, Levels] = {"buy": Levels("buy"), "sell": Levels("sell")}
        self.immediate: dict[str, Order] = {}
        self._past: dict[str, Order] = {}
        self._past_ids: deque[str] = deque()

    def known(self, order_id: str) -> bool:
        """Whether the id has been used."""
        return order_id in self.open or order_id in self._past

    def past(self, order_id: str) -> Order | None:
        """An order that is gone, as it was then; None when it is open, forgotten or was never there."""
        return self._past.get(order_id)

    def place(self, order: Order) -> None:
        """Put an open order where it waits to be matched."""
        if order.stop is not None:
            self.stops[order.id] = order
        elif order.price is None:
            self.markets[order.id] = order
        else:
            self.limits[order.side].add(order, order.price)
        if order.ioc:
            self.immediate[order.id] = order

    def lift(self, order: Order) -> None:
        """Take an order from where it waits to be matched."""
        if order.stop is not None:
            self.stops.pop(order.id, None)
        elif order.price is not None:
            self.limits[order.side].drop(order, order.price)
        self.markets.pop(order.id, None)
        self.immediate.pop(order.id, None)

    def end(self, order: Order) -> None:
        """An order is gone."""
        self.lift(order)
        del self.open[order.id]
        self._past[order.id] = order
        self._remember([order.id])

    def end_all(self) -> list[str]:
        """All orders are gone; returns their ids, oldest first."""
        ids = list(self.open)
        self._past.update(self.open)
        for waiting in (self.open, self.markets, self.stops, self.immediate):
            waiting.clear()
        for levels in self.limits.values():
            levels.clear()
        self._remember(ids)
        return ids

    def _remember(self, ids: list[str]) -> None:
        self._past_ids.extend(ids)
        while len(self._past_ids) > REMEMBERED:
            del self._past[self._past_ids.popleft()]
