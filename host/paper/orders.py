"""The orders of the one account: those that are open, by kind and price, and what became of others."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from host.paper.market import ZERO
from host.venues.messages import Side

# So many orders that are gone are remembered: their ids are not taken again, and can be asked for.
REMEMBERED = 100_000


@dataclass(slots=True)
class Order:
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


class Past(NamedTuple):
    """What became of an order that is gone."""

    state: Literal["filled", "cancelled"]
    filled: Decimal
    left: Decimal


class Levels:
    """Resting limit orders of one side: best price first, then age."""

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side == "buy" else 1
        self._keys: list[Decimal] = []
        self._levels: dict[Decimal, dict[str, Order]] = {}

    def add(self, order: Order, price: Decimal) -> None:
        """Rest an order, behind all others of its price."""
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = {}
            insort(self._keys, self._sign * price)
        level[order.id] = order

    def drop(self, order: Order, price: Decimal) -> None:
        """Take an order off; it may not be there."""
        level = self._levels.get(price)
        if level is None or level.pop(order.id, None) is None or level:
            return
        del self._levels[price]
        del self._keys[bisect_left(self._keys, self._sign * price)]

    def reached(self, price: Decimal) -> list[Order]:
        """The orders at `price` or better for the other side, in their order."""
        found: list[Order] = []
        if not self._keys:
            return found
        end = self._sign * price
        for key in self._keys:
            if key > end:
                break
            found += self._levels[self._sign * key].values()
        return found

    def clear(self) -> None:
        """Take all off."""
        self._keys.clear()
        self._levels.clear()


class Orders:
    """Every order of the account; `open` by age, with those that wait to be matched by kind."""

    def __init__(self) -> None:
        self.open: dict[str, Order] = {}
        self.markets: dict[str, Order] = {}
        self.stops: dict[str, Order] = {}
        self.limits: dict[Side, Levels] = {"buy": Levels("buy"), "sell": Levels("sell")}
        self.immediate: dict[str, Order] = {}
        self._past: dict[str, Past] = {}
        self._past_ids: deque[str] = deque()

    def known(self, order_id: str) -> bool:
        """Whether the id has been used."""
        return order_id in self.open or order_id in self._past

    def past(self, order_id: str) -> Past | None:
        """What became of an order that is gone; None when it is open, forgotten or was never there."""
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
        self._remember(order)

    def end_all(self) -> list[str]:
        """All orders are gone; returns their ids, oldest first."""
        orders = list(self.open.values())
        for waiting in (self.open, self.markets, self.stops, self.immediate):
            waiting.clear()
        for levels in self.limits.values():
            levels.clear()
        for order in orders:
            self._remember(order)
        return [order.id for order in orders]

    def _remember(self, order: Order) -> None:
        filled = order.qty - order.left
        self._past[order.id] = Past(
            "cancelled" if order.left > ZERO else "filled", filled, order.left
        )
        self._past_ids.append(order.id)
        if len(self._past_ids) > REMEMBERED:
            del self._past[self._past_ids.popleft()]
