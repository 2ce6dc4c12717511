"""The returns that a fit is of: made from the rows of the feed, the last so many of them."""

from __future__ import annotations

import math
from collections import deque
from typing import Any


class History:
    """Log returns in percent, with a count that goes on.

    A row whose time lies before the one before begins anew after a step without a return: a replay has
    begun again. Trades and quotes count where the price has changed.
    """

    def __init__(self, most: int) -> None:
        self.returns: deque[float] = deque(maxlen=most)
        self.count = 0
        self.row = -1
        self._price = math.nan
        self._time_ns = -1

    def take(self, row: dict[str, Any]) -> float | None:
        """Take one row of the feed; return its return, or None when it has none."""
        price = row.get("close") or row.get("price") or (row["bid"] + row["ask"]) / 2
        before, self._price = self._price, price
        earlier, self._time_ns = row["time_ns"] < self._time_ns, row["time_ns"]
        self.row = row["row"]
        if earlier or math.isnan(before) or (price == before and "close" not in row):
            return None
        change = 100.0 * math.log(price / before)
        self.returns.append(change)
        self.count += 1
        return change

    def since(self, count: int) -> list[float]:
        """Return the returns after the first `count` of all; at most as many as are kept."""
        news = min(self.count - count, len(self.returns))
        return list(self.returns)[len(self.returns) - news :]
