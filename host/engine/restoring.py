"""From the journal to a manager that knows the orders and the account of earlier runs, and back."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from host.execution.exact import ZERO, add, sub
from host.execution.journal import Account, Left
from host.execution.life import Event
from host.execution.manager import Manager
from host.execution.order import Order, Role, noted
from host.execution.position import ROUGH, Position
from host.venues import events as ev
from host.venues import messages as m

# Characters of an average's fraction; a longer one is rounded in the journal.
MOST_BASIS = 120


class Restored:
    """Orders that an earlier run has sent, of which the venue says what became of them.

    How much of one had been filled before the cursor is not in the journal: its first execution after
    it says so or, when there is none, the list of open orders, or the answer about it.
    """

    def __init__(self, left: Left, alert: Callable[..., None]) -> None:
        self._left = left
        self._unseeded: dict[str, Order] = {}
        if left.faults:
            alert("JOURNAL_DAMAGED", faults="; ".join(left.faults)[:200])

    def begin(self, manager: Manager, now_ns: int) -> tuple[Position, str]:
        """Give the manager what is left; return the account at the cursor, and the cursor."""
        account = self._left.account
        base = Position(manager.position.base, manager.position.quote)
        if account is not None:
            for position in (base, manager.position):
                restore(position, account)
        for order_id, request in self._left.pending.items():
            order = manager.orders.note(asked_for(order_id, request), now_ns)
            manager.orders.step(order, Event.LOSE, now_ns)
            self._unseeded[order_id] = order
        self._left = Left()
        return base, account.cursor if account is not None else ""

    def filled(self, fill: dict[str, Any]) -> None:
        """Before the first execution of an order is taken: what had been filled before it."""
        order = self._unseeded.pop(fill["id"], None)
        if order is not None:
            quantity, left = Decimal(fill["qty"]), Decimal(fill["left"])
            # Of the quantity as it was at that fill, nobody knows which of those that were asked for.
            order.filled = order.told = max(ZERO, sub(sub(order.qty, left), quantity))
            order.qty = max(order.qty, add(add(order.filled, quantity), left))
            order.asked = max(order.asked, order.qty)

    def listed(self, listed: ev.OpenOrder) -> None:
        """Take the first list with an order."""
        order = self._unseeded.pop(listed.id, None)
        if order is not None:
            order.qty = Decimal(listed.qty)
            order.asked = max(order.asked, order.qty)
            order.filled = order.told = sub(order.qty, Decimal(listed.left))

    def told(self, manager: Manager, event: dict[str, Any], now_ns: int) -> bool:
        """Take the first answer about an order; True when there is nothing more to hear in it."""
        order = self._unseeded.pop(event["id"], None)
        if order is None:
            return False
        filled, left = Decimal(event["filled"]), Decimal(event["left"])
        order.filled = order.told = filled
        order.qty = add(filled, left)
        order.asked = max(order.asked, order.qty)
        if event["state"] != "filled":
            return False
        order.qty = filled
        return manager.orders.step(order, Event.FULL, now_ns)


def asked_for(order_id: str, request: dict[str, Any]) -> Order:
    """Return the order that a request on record has asked for."""
    order = _made(order_id, {k: v for k, v in request.items() if k not in ("op", "asked")})
    order.asked = Decimal(request.get("asked", request["qty"]))
    return order


def _made(order_id: str, request: dict[str, Any]) -> Order:
    if "stop_id" in request:
        stops = order_id == request["stop_id"]
        return Order(
            order_id,
            request["side"],
            Decimal(request["qty"]),
            Role.STOP if stops else Role.TARGET,
            None if stops else Decimal(request["price"]),
            Decimal(request["stop"]) if stops else None,
            True,
            request["id"] if stops else request["stop_id"],
        )
    asked = msgspec.convert(request, m.New)
    return noted(asked, role_of(asked))


def role_of(request: m.New) -> Role:
    """Return what an order is for, as far as the request says."""
    if request.intent == "LIQUIDATE":
        return Role.LADDER
    if request.type == "stop":
        return Role.STOP
    if request.intent == "OPEN":
        return Role.ENTRY
    return Role.EXIT if request.price is None else Role.TARGET


def saved(cursor: str, position: Position) -> Account:
    """Return the account as the journal keeps it."""
    basis = position.basis
    if len(str(basis)) > MOST_BASIS:
        basis = Fraction(ROUGH.divide(Decimal(basis.numerator), Decimal(basis.denominator)))
    text = str(basis) if len(str(basis)) <= MOST_BASIS else f"{float(basis)!r}"
    return Account(
        cursor, position.qty, position.cash, position.fees_quote, text, dict(position.fees)
    )


def restore(position: Position, account: Account) -> None:
    """Set a position to what the journal has kept."""
    position.qty, position.cash = account.qty, account.cash
    position.fees_quote, position.fees = account.fees_quote, dict(account.fees)
    position.basis = Fraction(account.basis)
