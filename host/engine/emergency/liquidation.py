"""The next slice of a liquidation: pure arithmetic on exact decimals, no state.

A slice never exceeds the position, is never worth more than the limit unless what it would leave
could not be traded, and its price is never further from the mark than the slippage bound.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any

from host.engine.emergency.settings import Emergency

ZERO = Decimal(0)
# Digits enough that quantity * price is exact.
EXACT = Context(prec=60)

# Order types in the order in which they are tried when the venue refuses one: (type, reduce-only).
# A stop at the mark is a market order for a venue that takes only those.
Kinds = tuple[tuple[str, bool], ...]
KINDS: Kinds = (("limit", True), ("market", True), ("stop", True))
# For a venue without reduce-only orders: sent when nothing else is open, one at a time.
PLAIN_KINDS: Kinds = (("limit", False), ("market", False))


@dataclass(frozen=True)
class Rules:
    """What the venue takes: steps of price and quantity, least value of an order."""

    tick: Decimal
    qty_step: Decimal
    min_notional: Decimal


@dataclass(frozen=True)
class Slice:
    """One order of the plan."""

    side: str
    quantity: Decimal
    type: str
    reduce_only: bool
    price: Decimal | None
    stop: Decimal | None

    def request(self, order_id: str) -> dict[str, Any]:
        """Return the order as the venue takes it."""
        return {
            "op": "new",
            "id": order_id,
            "intent": "LIQUIDATE",
            "side": self.side,
            "type": self.type,
            "qty": f"{self.quantity:f}",
            "price": None if self.price is None else f"{self.price:f}",
            "stop": None if self.stop is None else f"{self.stop:f}",
            "reduce_only": self.reduce_only,
        }


def plan(
    position: Decimal,
    mark: Decimal,
    rules: Rules,
    settings: Emergency,
    attempt: int,
    kind: tuple[str, bool],
) -> Slice | None:
    """Return the next slice of `position`, or None when it is less than one step of quantity."""
    with localcontext(EXACT):
        left = to_step(abs(position), rules.qty_step, ROUND_FLOOR)
        if left <= 0:
            return None
        most = Decimal(str(settings.slice_value_quote)) / mark
        least = to_step(rules.min_notional / mark, rules.qty_step, ROUND_CEILING)
        quantity = max(to_step(most, rules.qty_step, ROUND_FLOOR), least, rules.qty_step)
        if left - quantity < least or quantity > left:
            quantity = left
        side = "sell" if position > 0 else "buy"
        order_type, reduce_only = kind
        price = stop = None
        if order_type == "limit":
            price = bounded_price(side, mark, settings.slippage(attempt), rules.tick)
        elif order_type == "stop":
            stop = bounded_price(side, mark, ZERO, rules.tick)
        return Slice(side, quantity, order_type, reduce_only, price, stop)


def would_open(position: Decimal | None, request: dict[str, Any]) -> bool:
    """Return True for an order that could do more than reduce `position`; None is unknown."""
    quantity = Decimal(request["qty"])
    signed = quantity if request["side"] == "buy" else -quantity
    return position is None or signed * position >= 0 or quantity > abs(position)


def bounded_price(side: str, mark: Decimal, share: Decimal, tick: Decimal) -> Decimal:
    """Return the worst price that is on the tick grid and within `share` of the mark."""
    if side == "sell":
        return max(tick, to_step(mark * (1 - share), tick, ROUND_CEILING))
    return max(tick, to_step(mark * (1 + share), tick, ROUND_FLOOR))


def to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return `value` on the grid of `step`."""
    return (value / step).to_integral_value(rounding) * step
