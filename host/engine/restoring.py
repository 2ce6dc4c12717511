"""From the journal to a manager that knows the orders and the account of earlier runs, and back."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from host.execution.exact import add, sub
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

    How much of one had been filled before the cursor is not in the journal, and of several quantities
    that were asked for nobody knows which one holds: the first list with it, or answer about it, says so.
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
            order.change = m.Amend(order_id, "REDUCE", m.plain(order.qty))  # or as it was before
            manager.orders.step(order, Event.LOSE, now_ns)
            self._unseeded[order_id] = order
        self._left = Left()
        return base, account.cursor if account is not None else ""

    def listed(self, listed: ev.OpenOrder) -> None:
        """Take the first list with an order."""
        order = self._unseeded.pop(listed.id, None)
        if order is not None:
            quantity, left = Decimal(listed.qty), Decimal(listed.left)
            _seed(order, sub(quantity, left), quantity)

    def cancelled(self, event: dict[str, Any]) -> None:
        """Take the end of an order."""
        order = self._unseeded.pop(event["id"], None)
        if order is not None and event.get("filled"):
            _seed(order, Decimal(event["filled"]), order.qty)

    def told(self, manager: Manager, event: dict[str, Any], now_ns: int) -> bool:
        """Take the first answer about an order; True when there is nothing more to hear in it."""
        order = self._unseeded.pop(event["id"], None)
        if order is None:
            return False
        filled = Decimal(event["filled"])
        _seed(order, filled, add(filled, Decimal(event["left"])))
        if event["state"] != "filled":
            return False
        return manager.orders.step(order, Event.FULL, now_ns)


def _seed(order: Order, filled: Decimal, quantity: Decimal) -> None:
    order.filled = order.told = max(order.filled, filled)
    order.qty, order.change = max(quantity, order.filled), None
    order.asked = max(order.asked, order.qty)


def asked_for(order_id: str, request: dict[str, Any]) -> Order:
    """Return the order that a request on record has asked for."""
    order = _made(order_id, {k: v for k, v in request.items() if k not in ("op", "asked")})
    order.qty = order.asked = Decimal(request.get("asked", request["qty"]))
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
    if request.type == "stop":
        return Role.STOP
    if request.intent == "LIQUIDATE":
        return Role.LADDER
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
