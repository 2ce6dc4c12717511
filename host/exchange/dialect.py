"""What the connector asks of an exchange, and what it understands of the answers.

Requests go through ccxt's methods for the single endpoints, with the strings that we have: its unified
methods round, and convert some of them to binary floats. The answers are read as the strings that the
exchange sent. One subclass an exchange: binance.py, kraken.py, okx.py.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import ccxt

from host.venues.messages import Side

State = Literal["open", "filled", "cancelled", "rejected"]
ZERO = Decimal(0)
_NUMBER = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


class Hostile(ValueError):
    """An answer that no exchange gives: nothing is concluded from it."""


@dataclass(frozen=True)
class Report:
    """One order as the exchange tells it; `wire` is the client order id, `ref` the exchange's own.

    qty, filled -- in base currency
    refs -- every number that its executions may come under, `ref` among them
    """

    wire: str
    ref: str
    side: Side
    qty: Decimal
    filled: Decimal
    price: Decimal | None
    stop: Decimal | None
    reduce_only: bool
    state: State
    refs: tuple[str, ...] = ()

    def reduces(self, spot: bool) -> bool:
        """Return True for what can only reduce: on spot a stop is never for more than there is."""
        return self.reduce_only or (spot and self.stop is not None)


@dataclass(frozen=True)
class Trade:
    """One execution; `ref` is the exchange's number of its order."""

    ref: str
    trade: str
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    currency: str
    maker: bool
    at_ms: int


@dataclass(frozen=True)
class Placing:
    """A new order in the exchange's terms; quantities and prices are strings in whole steps."""

    wire: str
    side: Side
    kind: Literal["limit", "market", "stop"]
    qty: str
    price: str | None
    stop: str | None
    reduce_only: bool
    post_only: bool
    ioc: bool


@dataclass(frozen=True)
class Rules:
    """What the exchange takes of the symbol, in base and quote currency."""

    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    min_notional: Decimal


class Dialect(ABC):
    """One exchange, one symbol. Methods raise ccxt's errors, and Hostile.

    x -- ccxt client of the exchange, markets loaded
    valid_ms -- the exchange refuses an order that reaches it later than that after it was made
    """

    def __init__(self, x: Any, symbol: str, valid_ms: int) -> None:
        self.x = x
        self.market: dict[str, Any] = x.market(symbol)
        self.pair = str(self.market["id"])
        self.valid_ms = valid_ms

    @abstractmethod
    def rules(self) -> Rules:
        """Return the rules, from the market as the exchange described it."""

    @abstractmethod
    async def place(self, order: Placing) -> None:
        """Place a new order."""

    @abstractmethod
    async def cancel(self, order: Report) -> None:
        """Cancel an order."""

    @abstractmethod
    async def amend(self, order: Report, qty: str, price: str | None, stop: str | None) -> None:
        """Let an open order stand as this."""

    @abstractmethod
    async def cancel_all(self, orders: list[Report]) -> None:
        """Cancel everything of the symbol, of which `orders` are known to be open."""

    @abstractmethod
    async def open_orders(self) -> list[Report]:
        """Return every open order of the symbol, oldest first."""

    @abstractmethod
    async def order(self, wire: str) -> Report | None:
        """Return what the exchange knows under a client order id; None: nothing."""

    @abstractmethod
    async def order_by_ref(self, ref: str) -> Report:
        """Return an order by the exchange's own number."""

    @abstractmethod
    async def trades(self, since_ms: int) -> list[Trade]:
        """Return the executions of the symbol from then on, oldest first; 0: all that it still has."""

    @abstractmethod
    async def position(self) -> tuple[Decimal, Decimal]:
        """Return quantity held (signed) and cash in the quote currency."""

    @abstractmethod
    async def mark(self) -> Decimal:
        """Return the last price."""

    async def deadman(self, timeout_ms: int) -> int:
        """Set the dead man's switch; return what it was set to, in ms."""
        raise ccxt.NotSupported(f"{self.x.id}: dead man's switch")


def number(value: Any) -> Decimal:
    """Read a number of an exchange. Raises Hostile: only strings and whole JSON numbers are exact."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Hostile(f"not a number: {str(value)[:40]!r}")
    return Decimal(value)


def amount(value: Any) -> Decimal:
    """Read a quantity or price, which cannot be negative. Raises Hostile."""
    found = number(value)
    if found < 0:
        raise Hostile(f"a negative quantity or price: {value!r}")
    return found


def above_zero(value: Any) -> Decimal | None:
    """Read a price that is 0 or empty where there is none."""
    return None if value in (None, "") else amount(value) or None


def text(value: Any) -> str:
    """Read a name or number as text. Raises Hostile."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or len(value) > 128:
        raise Hostile(f"not a name: {str(value)[:40]!r}")
    return value


def side(value: Any) -> Side:
    """Read a side. Raises Hostile."""
    found = text(value).lower()
    if found == "buy":
        return "buy"
    if found == "sell":
        return "sell"
    raise Hostile(f"not a side: {found[:40]!r}")


def rows(value: Any) -> list[dict[str, Any]]:
    """Read a list of objects. Raises Hostile."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Hostile(f"not a list of objects: {str(value)[:40]!r}")
    return value


def table(value: Any) -> dict[str, Any]:
    """Read an object. Raises Hostile."""
    if not isinstance(value, dict):
        raise Hostile(f"not an object: {str(value)[:40]!r}")
    return value


def least(step: Decimal, *others: Any) -> Decimal:
    """Return the largest of the step and the numbers that are given."""
    return max([step, *(amount(other) for other in others if other not in (None, ""))])
