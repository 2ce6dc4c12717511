"""Protective stops: which orders are, whether they cover a position, and a new one."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from host.engine.emergency.liquidation import ZERO, Rules, to_step
from host.modes import Intent


def is_stop(order: dict[str, Any]) -> bool:
    """Return True for a venue-held stop that can only reduce, as the venue lists it."""
    return bool(order.get("reduce_only")) and order.get("stop") is not None


def is_triggered(order: dict[str, Any], sent_as_stop: bool) -> bool:
    """Return True for a stop that the venue works off as a market order, and lists as one."""
    return sent_as_stop and bool(order.get("reduce_only")) and order.get("price") is None


def uncovered(position: Decimal, stops: Iterable[dict[str, Any]]) -> Decimal:
    """Return how much of the position no listed stop would close (never negative)."""
    side = "sell" if position > 0 else "buy"
    covered = sum((Decimal(stop["left"]) for stop in stops if stop["side"] == side), ZERO)
    return max(ZERO, abs(position) - covered)


def protective_stop(
    order_id: str,
    position: Decimal,
    price: Decimal,
    distance_bps: float,
    rules: Rules,
    intent: Intent = Intent.LIQUIDATE,
) -> dict[str, Any] | None:
    """Return a reduce-only stop for the whole position, `distance_bps` behind `price`."""
    quantity = to_step(abs(position), rules.qty_step, ROUND_FLOOR)
    if quantity <= 0:
        return None
    share = Decimal(str(distance_bps)) / 10_000
    if position > 0:
        side, trigger = "sell", to_step(price * (1 - share), rules.tick, ROUND_FLOOR)
    else:
        side, trigger = "buy", to_step(price * (1 + share), rules.tick, ROUND_CEILING)
    return {
        "op": "new",
        "id": order_id,
        "intent": intent.name,
        "side": side,
        "type": "stop",
        "qty": f"{quantity:f}",
        "price": None,
        "stop": f"{max(rules.tick, trigger):f}",
        "reduce_only": True,
    }
