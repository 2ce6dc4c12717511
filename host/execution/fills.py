"""Executions: each one once, whether the venue tells what was added or what there is in all."""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from host.execution.exact import ZERO, BadNumber, mul, number, sub
from host.venues import events as ev
from host.venues.messages import ORDER_ID, Side

_CURRENCY = re.compile(r"[A-Za-z0-9._-]{0,20}", re.ASCII)
_TRADE = re.compile(r"[!-~]{0,80}", re.ASCII)


class BadEvent(ValueError):
    """An event with a field that cannot be; the text names it."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution. `cost` is quantity times price, in quote currency and exact.

    trade -- the venue's name of it, or what stands for one
    left -- what the venue says is left of the order
    currency -- of the fee (negative: a rebate); empty: the quote currency
    """

    order: str
    trade: str
    side: Side
    qty: Decimal
    cost: Decimal
    fee: Decimal
    currency: str
    left: Decimal

    @property
    def price(self) -> Fraction:
        """Price of one base unit."""
        return Fraction(self.cost) / Fraction(self.qty)


def read(fill: ev.Fill) -> Execution:
    """Return what a fill report says. Raises BadEvent."""
    qty, price = above_zero("qty", fill.qty), above_zero("price", fill.price)
    fee, left = decimal("fee", fill.fee), decimal("left", fill.left)
    if left < 0:
        raise BadEvent(f"left: {fill.left[:60]!r} is below 0")
    if not _CURRENCY.fullmatch(fill.currency):
        raise BadEvent(f"currency: {fill.currency[:60]!r}")
    if not _TRADE.fullmatch(fill.trade):
        raise BadEvent(f"trade: {fill.trade[:60]!r}")
    # Without a name of its own an execution is told apart by what it leaves of the order.
    trade = fill.trade or f"left {left.normalize():f}"
    return Execution(
        check_id(fill.id), trade, fill.side, qty, mul(qty, price), fee, fill.currency, left
    )


def decimal(name: str, text: str) -> Decimal:
    """Return a field's number. Raises BadEvent, which names the field."""
    try:
        return number(text)
    except BadNumber as error:
        raise BadEvent(f"{name}: {error}") from None


def above_zero(name: str, text: str) -> Decimal:
    """Return a field's number above 0. Raises BadEvent, which names the field."""
    value = decimal(name, text)
    if value <= 0:
        raise BadEvent(f"{name}: {text[:60]!r} is not above 0")
    return value


def check_id(order_id: str) -> str:
    """Return an order id. Raises BadEvent when no order can have it."""
    if not ORDER_ID.fullmatch(order_id):
        raise BadEvent(f"id: {order_id[:80]!r}")
    return order_id


class Cumulative:
    """One order at a venue that tells what is filled in all: its reports as increments.

    A report that is repeated, or older than the last one, adds nothing. The increments' quantities,
    costs and fees add up to the last report's, exactly.
    """

    def __init__(self) -> None:
        self.filled = self.cost = self.fee = ZERO

    def increment(
        self, filled: Decimal, cost: Decimal, fee: Decimal = ZERO
    ) -> tuple[Decimal, Decimal, Decimal] | None:
        """Return (quantity, cost, fee) since the last report, or None when there is nothing new.

        cost -- quantity times average price, all executions together
        Raises BadEvent when no execution can have made this of the last report.
        """
        if filled < 0 or cost < 0:
            raise BadEvent(f"filled {filled:f}, cost {cost:f}: below 0")
        if filled <= self.filled:
            return None
        if cost <= self.cost:
            raise BadEvent(f"filled went from {self.filled:f} to {filled:f}, its cost did not rise")
        step = sub(filled, self.filled), sub(cost, self.cost), sub(fee, self.fee)
        self.filled, self.cost, self.fee = filled, cost, fee
        return step
