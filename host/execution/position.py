"""One symbol's position: weighted average entry, fees by currency, realised and unrealised P&L.

Cash is a sum of decimals and stays short; the average entry is a fraction. What was realised is not
added up trade by trade but follows from both (what was paid and got, and what the rest has cost), so
that a million trades later nothing has grown and nothing was rounded.

Spot and linear contracts: cash is in the quote currency. A fee in the base currency takes from what is
held, as if so much had been sold at the execution's price to pay it.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction

from host.execution.exact import DIGITS, ZERO, add, mul, sub
from host.execution.fills import BadEvent, Execution

# An average of more bits than this, after thousands of partial exits without ever being flat, is
# rounded to ROUGH digits. Cash and position, and so equity, are exact all the same.
MOST_BITS = 8192
ROUGH = Context(prec=100)
# A fee in base units times a price has no more decimals than this.
FEE_STEP, WIDE = Decimal(1).scaleb(-2 * DIGITS), Context(prec=200)
# A venue rounds up: of the smallest executions the fee may be more than all of it.
LEAST_FEE = Decimal("0.000001")
# Currencies of fees: more than this is no account, it is somebody's garbage.
MOST_CURRENCIES = 32


class NoRate(LookupError):
    """There are fees in a currency of which no price is given."""


class Position:
    """Exact figures; Decimal and Fraction alone.

    qty -- signed, in base units
    cash -- quote currency paid and got, less fees in base and quote currency
    basis -- signed cost of what is held: qty times the average entry
    fees -- paid, by currency; those in base and quote are in cash and position already
    fees_quote -- those two, in quote currency
    """

    def __init__(self, base: str = "", quote: str = "") -> None:
        self.base, self.quote = base, quote
        self.qty = self.cash = self.fees_quote = ZERO
        self.basis = Fraction(0)
        self.fees: dict[str, Decimal] = {}
        self.executions = 0
        self.rounded = 0

    def take(self, execution: Execution) -> None:
        """Book one execution: call once for each."""
        fee, currency = execution.fee, execution.currency or self.quote
        buys = execution.side == "buy"
        moved = execution.qty if buys else -execution.qty
        self.cash = (sub if buys else add)(self.cash, execution.cost)
        if fee:
            known = self.fees.get(currency, ZERO)
            self.fees[currency] = add(known, fee)
            if currency == self.quote:
                self.cash = sub(self.cash, fee)
                self.fees_quote = add(self.fees_quote, fee)
            elif currency == self.base:
                moved = sub(moved, fee)
                self.fees_quote = add(self.fees_quote, _value(fee, execution))
        self._move(moved, execution)
        self.executions += 1

    def check(self, execution: Execution) -> None:
        """Look at an execution before it is booked. Raises BadEvent."""
        currency = execution.currency or self.quote
        if currency not in self.fees and len(self.fees) >= MOST_CURRENCIES:
            raise BadEvent(f"currency: {currency!r} is one too many for fees")
        most = {self.base: execution.qty, self.quote: execution.cost}.get(currency)
        if most is not None and abs(execution.fee) > max(most, LEAST_FEE):
            raise BadEvent(f"fee: {execution.fee:f} {currency} is more than what was traded")

    def adopt(self, qty: Decimal, cash: Decimal, price: Decimal | Fraction) -> None:
        """Take over the venue's word; what is held has cost `price` as far as we know."""
        self.qty, self.cash, self.fees_quote = qty, cash, ZERO
        self.basis = Fraction(qty) * Fraction(price)
        self.fees.clear()

    @property
    def average(self) -> Fraction | None:
        """Average entry price, or None when flat."""
        return self.basis / Fraction(self.qty) if self.qty else None

    @property
    def realised(self) -> Fraction:
        """Profit of what was closed, in quote currency, before fees."""
        return Fraction(add(self.cash, self.fees_quote)) + self.basis

    def unrealised(self, mark: Decimal) -> Fraction:
        """Profit of what is held, if it were closed at `mark`, before fees."""
        return Fraction(mul(self.qty, mark)) - self.basis

    def equity(self, mark: Decimal) -> Decimal:
        """Cash and what is held at `mark`; fees in a third currency are not in it."""
        return add(self.cash, mul(self.qty, mark))

    def profit(self, mark: Decimal, rates: Mapping[str, Decimal]) -> Decimal:
        """All profit after all fees, in quote currency. Raises NoRate.

        rates -- price in quote currency of the third currencies that fees were paid in
        """
        result = self.equity(mark)
        for currency, fee in self.fees.items():
            if currency in (self.quote, self.base) or not fee:
                continue
            if currency not in rates:
                raise NoRate(f"fees of {fee:f} {currency}: what is one in {self.quote}?")
            result = sub(result, mul(fee, rates[currency]))
        return result

    def _move(self, moved: Decimal, execution: Execution) -> None:
        held, now = self.qty, add(self.qty, moved)
        if not now:
            self.basis = Fraction(0)
        elif held and (held > 0) == (now > 0) and abs(now) < abs(held):
            self.basis *= Fraction(now) / Fraction(held)
        else:
            # What is new has cost the execution's price; through zero, all of it is new.
            through = held and (held > 0) != (now > 0)
            if through:
                self.basis = Fraction(now) * execution.price
            elif abs(moved) == execution.qty:
                self.basis += Fraction(execution.cost if moved > 0 else -execution.cost)
            else:
                self.basis += Fraction(moved) * execution.price
        self._shorten()
        self.qty = now

    def _shorten(self) -> None:
        if self.basis.denominator.bit_length() > MOST_BITS:
            above, below = Decimal(self.basis.numerator), Decimal(self.basis.denominator)
            self.basis = Fraction(ROUGH.divide(above, below))
            self.rounded += 1


def _value(fee: Decimal, execution: Execution) -> Decimal:
    """A fee in base units at the execution's price; of a plain report this is exact."""
    value = WIDE.divide(mul(fee, execution.cost), execution.qty)
    return value.quantize(FEE_STEP, context=WIDE)
