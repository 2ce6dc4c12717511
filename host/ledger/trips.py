"""Closed trades out of fills: a trade lasts from flat to flat, or to the other side.

Its result is what came in less what went out and less all fees, so it is known only when the position
is zero; a fill that turns the position ends one trade and begins the next.
"""

from fractions import Fraction
from typing import Any

ZERO = Fraction(0)


class Trips:
    """Follows the fills of one instrument.

    A fee in another currency than the quote's is not money here: such fees are counted, never guessed.
    """

    def __init__(self) -> None:
        self.closed = self.won = self.foreign_fees = 0
        self.fees = ZERO
        self._position = self._money = ZERO

    def take(self, event: dict[str, Any]) -> None:
        """Take a `fill` of the venue. Raises KeyError, TypeError or ValueError when it is none."""
        quantity, price = Fraction(event["qty"]), Fraction(event["price"])
        fee = Fraction(event["fee"])
        if event.get("currency"):
            self.foreign_fees, fee = self.foreign_fees + 1, ZERO
        self.fees += fee
        signed = quantity if event["side"] == "buy" else -quantity
        if self._position * signed < 0 and abs(signed) >= abs(self._position):
            share = abs(self._position) / abs(signed)
            self._close(-self._position, price, fee * share)
            signed, fee = signed + self._position, fee - fee * share
            self._position = self._money = ZERO
        self._position += signed
        self._money -= signed * price + (fee if signed else ZERO)

    def _close(self, signed: Fraction, price: Fraction, fee: Fraction) -> None:
        self.closed += 1
        self.won += self._money - signed * price - fee > 0
