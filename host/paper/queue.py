"""Where our resting orders stand in the queue of their price, as far as the tape shows it.

The rules are those that flatter least. An order joins behind all that is displayed at its price when
that price is first seen; cancellations happen behind it; so it moves up with trades at its price, and
as far as the displayed size no longer holds what was ahead. An order inside the spread is first.
"""

from __future__ import annotations

from decimal import Decimal

from host.paper.market import ZERO, Row
from host.paper.orders import Levels, Order


def displayed(levels: Levels, touch: Decimal, size: Decimal | None) -> None:
    """The book shows `size` at the best price of a side, ours not among it."""
    if size is None:
        return
    for order in levels.reached(touch):
        if order.price != touch:
            order.ahead = ZERO
        elif order.ahead is None or order.ahead > size:
            order.ahead = size


def traded(order: Order, row: Row) -> Decimal:
    """What of a trade comes to an order at its price or better; the queue before it is served first."""
    volume = row.volume or ZERO
    if order.price != row.first_bid:
        order.ahead = ZERO  # it went through the whole of our price
        return volume
    if order.ahead is None:
        return ZERO  # how much stands before it has not been seen yet
    passed = min(order.ahead, volume)
    order.ahead -= passed
    return volume - passed
