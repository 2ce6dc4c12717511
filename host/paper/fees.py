"""What an execution costs, and in which currency it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal, localcontext

from host.paper.market import EXACT, FINEST, ZERO
from host.venues.messages import Side

# assumed: the base tier that large spot venues published in 2024-2025 was 10 bps a side, and
# derivative venues took about 5 (taker) and 2 (maker); a paper fill should not flatter, but the
# bot trades one of each. Basis points of the notional.
TAKER_FEE_BPS = Decimal(10)
MAKER_FEE_BPS = Decimal(10)

IN_QUOTE, IN_RECEIVED = "quote", "received"


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee: `amount` of `currency` (empty: quote), and what of it leaves base and quote."""

    amount: Decimal
    currency: str
    base: Decimal
    quote: Decimal


@dataclass(frozen=True, slots=True)
class Fees:
    """The venue's fees in basis points; below zero they are rebates.

    paid_in -- "quote"; "received": what the trade brings in, so base for a purchase; or the name of a
        third currency, of which one is worth `worth` in quote currency
    """

    maker_bps: Decimal = MAKER_FEE_BPS
    taker_bps: Decimal = TAKER_FEE_BPS
    paid_in: str = IN_QUOTE
    worth: Decimal = Decimal(1)

    def charge(self, side: Side, qty: Decimal, price: Decimal, maker: bool, base: str) -> Fee:
        """The fee of one execution, rounded against the client."""
        with localcontext(EXACT):
            share = (self.maker_bps if maker else self.taker_bps) / 10_000
            if self.paid_in == IN_QUOTE or (self.paid_in == IN_RECEIVED and side == "sell"):
                amount = _round_up(qty * price * share)
                return Fee(amount, "", ZERO, amount)
            if self.paid_in == IN_RECEIVED:
                amount = _round_up(qty * share)
                return Fee(amount, base, amount, ZERO)
            return Fee(_round_up(qty * price * share / self.worth), self.paid_in, ZERO, ZERO)


def _round_up(amount: Decimal) -> Decimal:
    """To whole steps: a fee away from zero, a rebate towards it."""
    step = amount.quantize(FINEST, ROUND_UP)
    return step if amount >= 0 or step == amount else step + FINEST
