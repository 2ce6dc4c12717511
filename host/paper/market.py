"""What the venue plays and what it takes: one row of data, and the rules of its one symbol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

from host.venues.capabilities import CAPABILITIES

ZERO = Decimal(0)
# Quantities, prices and fees have at most this many decimals.
FINEST = Decimal("0.00000001")
MOST = Decimal(999_999_999_999)
# Digits enough that quantity * price and their running sum are exact.
EXACT = Context(prec=60)

# assumed: more than a tenth of what really traded would have moved the price we replay.
VOLUME_SHARE = Decimal("0.1")

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of data offers. Prices in quote currency, quantities in base, None if unknown.

    `first_ask` is what a buyer pays first and `first_bid` what a seller gets: both the open of a
    bar or the price of a trade, and the two sides of a quote. A buy limit needs `low_ask` at or
    below it, a sell limit `high_bid` at or above it.

    volume -- traded in a bar or trade
    bid_qty, ask_qty -- displayed at the two prices of a quote
    beside_book -- a trade on a tape that has the book as well: it moves queues, and the book rules
    time_ns -- of the data, since 1970; it never steps back
    """

    number: int
    first_ask: Decimal
    first_bid: Decimal
    low_ask: Decimal
    high_bid: Decimal
    volume: Decimal | None = None
    bid_qty: Decimal | None = None
    ask_qty: Decimal | None = None
    beside_book: bool = False
    time_ns: int = 0


@dataclass(slots=True)
class Rules:
    """What the venue takes and can do; a venue may change its mind while it is open.

    tick, qty_step -- the grid of prices and quantities; off it is refused where `strict`
    band -- share of the mark that a limit price may lie beyond it; None: no such rule
    """

    tick: Decimal
    qty_step: Decimal = FINEST
    min_qty: Decimal = FINEST
    max_qty: Decimal = MOST
    min_notional: Decimal = ZERO
    band: Decimal | None = None
    strict: bool = False
    base: str = "PAPER"
    quote: str = "USD"
    can: frozenset[str] = frozenset(CAPABILITIES)

    def __post_init__(self) -> None:
        if self.tick <= 0 or self.qty_step <= 0:
            raise ValueError(f"tick and step must be above zero, not {self.tick}, {self.qty_step}")

    def lots(self, qty: Decimal) -> Decimal:
        """The whole steps in a quantity: less than one is never filled, or nobody could sell it."""
        return EXACT.multiply(EXACT.divide_int(qty, self.qty_step), self.qty_step)


# Most requests say a price or a quantity that was said shortly before.
@lru_cache(maxsize=4096)
def number(text: str | None) -> Decimal | None:
    """A positive decimal in plain notation, else None."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if value > 0 else None
