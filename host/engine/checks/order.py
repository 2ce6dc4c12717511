"""What is checked, and against what."""

import math
from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Facts:
    """The world at the moment of the check; base units and quote currency.

    share -- of the limits that the mode permits
    open_buy, open_sell -- what open entries may still add on either side
    others_value -- capital used by other strategies and at other venues
    equity -- cash and position at the last price
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

    def usable(self) -> bool:
        """Return False when any of it is not a number to compare with."""
        # A sum is finite only when every part of it is.
        total = self.last_price + self.data_age_s + self.position + self.open_buy + self.open_sell
        return (
            math.isfinite(total + self.others_value + self.equity)
            and self.last_price > 0
            and 0 < self.share <= 1
            and self.open_buy >= 0
            and self.open_sell >= 0
            and self.open_orders >= 0
            and self.others_value >= 0
        )
