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

# Order types in the order in which they are tried when the venue refuses one. The last is not
# reduce-only: it is sent only when nothing else is open, for no more than the confirmed position.
KINDS: tuple[tuple[str, bool], ...] = (("limit", True), ("market", True), ("limit", False))


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
            "reduce_only": self.reduce_only,
        }


def plan(
    position: Decimal, mark: Decimal, rules: Rules, settings: Emergency, attempt: int, kind: int
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
        order_type, reduce_only = KINDS[kind]
        price = None
        if order_type == "limit":
            price = bounded_price(side, mark, settings.slippage(attempt), rules.tick)
        return Slice(side, quantity, order_type, reduce_only, price)


def bounded_price(side: str, mark: Decimal, share: Decimal, tick: Decimal) -> Decimal:
    """Return the worst price that is on the tick grid and within `share` of the mark."""
    if side == "sell":
        return max(tick, to_step(mark * (1 - share), tick, ROUND_CEILING))
    return max(tick, to_step(mark * (1 + share), tick, ROUND_FLOOR))


def to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return `value` on the grid of `step`."""
    return (value / step).to_integral_value(rounding) * step
