"""What is checked, and against what.

Numbers are IEEE doubles: the account keeps exact decimals, and a double nearest to each orders them
alike. The checks compare values of 15 digits and less with limits of a few; orders are sent as the
decimals, never as these.
"""

import math
import sys
from dataclasses import dataclass

# Prices and quantities outside of this are refused: beyond it products lose digits or vanish.
LEAST, MOST = 1e-12, 1e15
MOST_OPEN_ORDERS = 10**9
# CLOCK_MONOTONIC at 146 years: far from where 64 bits end.
MOST_NS = 2**62
ID_CHARS, NAME_CHARS = 64, 16


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order before it is one. `side` is +1 to buy, -1 to sell; quantity in base units."""

    id: str
    strategy: str
    instrument: str
    side: int
    quantity: float
    price: float
    opens: bool

    @property
    def value(self) -> float:
        """Value in quote currency at the order's own price."""
        return self.quantity * self.price

    def usable(self) -> bool:
        """Return False when any number of it is not one to compare with."""
        return (
            LEAST <= self.quantity <= MOST and LEAST <= self.price <= MOST and self.side in (1, -1)
        )

    def named(self) -> bool:
        """Return True when id, strategy and instrument are texts that a venue takes."""
        sizes = ((self.id, ID_CHARS), (self.strategy, NAME_CHARS), (self.instrument, NAME_CHARS))
        return all(text.isascii() and 1 <= len(text) <= most for text, most in sizes)


@dataclass(frozen=True, slots=True)
class Facts:
    """The world at the moment of the check; base units and quote currency.

    share -- of the limits that the mode permits
    open_buy, open_sell -- what open entries may still add on either side
    others_value -- capital used by other strategies and at other venues
    equity -- capital, cash and position at the last price
    var_share, cvar_share -- loss at the forecast tail, of the value held; 0 when there is no forecast
    forecast_age_s -- of that forecast
    others_var, others_cvar -- of what others_value is the value of, in quote currency; added in full,
    which is never less than the risk of all together
    """

    now_ns: int
    share: float
    last_price: float
    data_age_s: float
    position: float
    open_buy: float
    open_sell: float
    open_orders: int
    others_value: float
    equity: float
    var_share: float
    cvar_share: float
    forecast_age_s: float
    others_var: float
    others_cvar: float

    def usable(self) -> bool:
        """Return False when any of it is not a number to compare with."""
        signed = (self.data_age_s, self.forecast_age_s, self.position, self.equity)
        amounts = (
            self.open_buy, self.open_sell, self.others_value,
            self.var_share, self.cvar_share, self.others_var, self.others_cvar,
        )  # fmt: skip
        return (
            all(plain(number) for number in (self.share, *signed, *amounts))
            and 0 < self.share <= 1
            and LEAST <= self.last_price <= MOST
            and all(number >= 0 for number in amounts)
            and 0 <= self.open_orders <= MOST_OPEN_ORDERS
        )


def plain(number: float) -> bool:
    """Return True for 0.0 and for what is neither NaN, infinite, over-large, denormal nor -0.0."""
    if number == 0:
        return math.copysign(1.0, number) > 0
    return sys.float_info.min <= abs(number) <= MOST
