"""Pre-trade checks: every order passes all of them before it reaches the gate."""

import math
from dataclasses import dataclass

from host import refusals


@dataclass(frozen=True)
class Limits:
    """Limits in quote currency and counts; every one must be set, none has a way around it."""

    max_position_value: float = 10_000.0
    max_order_value: float = 5_000.0
    max_open_orders: int = 4
    # Share of the last price that an order's price may be away from it.
    price_collar: float = 0.05
    max_data_age_ms: int = 5_000


@dataclass(frozen=True)
class Proposal:
    """An order before it is one. `side` is +1 to buy, -1 to sell; quantity in base units."""

    side: int
    quantity: float
    price: float
    opens: bool


def check(
    order: Proposal,
    limits: Limits,
    share: float,
    position: float,
    open_orders: int,
    last_price: float,
    data_age_ms: float,
) -> int:
    """Return refusals.SENT when the order may go on to the gate, else the code of the first limit hit.

    `share` scales the limits of the mode; orders that only reduce are held to the number,
    collar and staleness checks alone, so that no limit keeps a position from shrinking.
    """
    numbers = (order.quantity, order.price, last_price)
    if not all(math.isfinite(n) and n > 0 for n in numbers) or not math.isfinite(position):
        return refusals.BAD_NUMBER
    if not 0 <= data_age_ms <= limits.max_data_age_ms:
        return refusals.STALE_DATA
    if abs(order.price / last_price - 1) > limits.price_collar:
        return refusals.PRICE_COLLAR
    if not order.opens:
        return refusals.SENT
    if open_orders >= limits.max_open_orders:
        return refusals.OPEN_ORDERS_LIMIT
    if order.quantity * order.price > limits.max_order_value * share:
        return refusals.ORDER_VALUE_LIMIT
    after = abs(position + order.side * order.quantity) * max(order.price, last_price)
    if after > limits.max_position_value * share:
        return refusals.POSITION_LIMIT
    return refusals.SENT
