"""What the fills made of the account: exact decimals, and what each fill cost beside its price."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import numpy as np

from host.backtest.exchange import Event
from host.data.table import FloatArray
from host.execution.exact import ZERO
from host.execution.order import Order
from host.ledger.trips import Trips
from host.paper.market import Row


@dataclass(frozen=True, slots=True)
class Paid:
    """One fill. `spread` and `slippage` are in its price, `fee` beside it; all in quote currency."""

    row: int
    id: str
    role: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    spread: Decimal
    slippage: Decimal


@dataclass
class Ledger:
    """Position and cash after each row that changed them; what they were holds until the next."""

    rows: list[int] = field(default_factory=lambda: [0])
    positions: list[Decimal] = field(default_factory=lambda: [ZERO])
    cash: list[Decimal] = field(default_factory=lambda: [ZERO])
    fills: list[Paid] = field(default_factory=list)
    trips: Trips = field(default_factory=Trips)

    def filled(self, number: int, event: Event, order: Order, row: Row) -> None:
        """Take a fill of this row."""
        self.trips.take(event)
        qty, price = Decimal(event["qty"]), Decimal(event["price"])
        spread, slippage = _lost(event, order, row, price)
        self.fills.append(
            Paid(number, event["id"], order.role.value, event["side"], qty, price,
                 Decimal(event["fee"]), qty * spread, qty * slippage)
        )  # fmt: skip

    def stands(self, number: int, position: Decimal, cash: Decimal) -> None:
        """Note the account as it stands after a row."""
        if position is self.positions[-1] and cash is self.cash[-1]:
            return
        if self.rows[-1] == number:
            self.positions[-1], self.cash[-1] = position, cash
        else:
            self.rows.append(number)
            self.positions.append(position)
            self.cash.append(cash)

    def equity(self, number: int, mark: float) -> Fraction:
        """Return what the account had brought at a row: cash, and what is held at the mark."""
        at = int(np.searchsorted(self.rows, number, side="right")) - 1
        return Fraction(self.cash[at]) + Fraction(self.positions[at]) * Fraction(mark)

    def columns(self, rows: int) -> tuple[FloatArray, FloatArray]:
        """Return position and cash after every row."""
        lasts = np.diff([*self.rows, rows])
        held, cash = (
            np.repeat(np.array([float(value) for value in values]), lasts)
            for values in (self.positions, self.cash)
        )
        return held, cash


def _lost(event: Event, order: Order, row: Row, price: Decimal) -> tuple[Decimal, Decimal]:
    """Return (half the spread, slippage) that are in the price of a fill."""
    if event.get("maker", False):
        return ZERO, ZERO
    half = (row.first_ask - row.first_bid) / 2
    if order.price is not None:
        return half, ZERO
    buys = event["side"] == "buy"
    first = row.first_ask if buys else row.first_bid
    if order.stop is not None:
        first = max(first, order.stop) if buys else min(first, order.stop)
    return half, abs(price - first)
