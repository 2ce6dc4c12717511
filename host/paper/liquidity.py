"""What a row leaves to take: of a traded volume our share, of a displayed size what we have not taken.

The replayed book does not know that we took from it, and shows the same size again in its next row.
So what is taken stays taken until the price of that side changes or the size grows.
"""

from __future__ import annotations

from decimal import Decimal

from host.paper.market import VOLUME_SHARE, Row, Rules
from host.venues.messages import Side


class Liquidity:
    """What buyers and sellers can still take; None means without bound (the tape names no size)."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._left: dict[Side, Decimal | None] = {"buy": None, "sell": None}
        self._seen: dict[Side, tuple[Decimal, Decimal]] = {}  # price and size displayed last
        self._shared = False

    def meet(self, row: Row) -> None:
        """Turn to the next row that can fill."""
        self._shared = row.volume is not None
        if row.volume is not None:
            ours = row.volume * VOLUME_SHARE
            self._left = {"buy": ours, "sell": ours}
            return
        self._display("buy", row.first_ask, row.ask_qty)
        self._display("sell", row.first_bid, row.bid_qty)

    @property
    def whole(self) -> bool:
        """True while nothing is taken from what the last quote displays."""
        return self._shared or all(
            left is None or (side in self._seen and left == self._seen[side][1])
            for side, left in self._left.items()
        )

    def renew(self) -> None:
        """Forget what was taken: the next row's sizes are all new."""
        self._seen.clear()

    def left(self, side: Side) -> Decimal | None:
        """What an order of this side can take, in whole lots."""
        left = self._left[side]
        return None if left is None else self._rules.lots(left)

    def take(self, side: Side, qty: Decimal) -> None:
        """An order of this side has taken so much."""
        for one in ("buy", "sell") if self._shared else (side,):
            left = self._left[one]
            self._left[one] = None if left is None else left - qty

    def _display(self, side: Side, price: Decimal, size: Decimal | None) -> None:
        if size is None:
            self._left[side] = None
            return
        before, left = self._seen.get(side), self._left[side]
        if before is not None and left is not None and before[0] == price:
            self._left[side] = min(size, left + max(size - before[1], Decimal(0)))
        else:
            self._left[side] = size
        self._seen[side] = (price, size)
