"""Market data of the exchange as rows of a venue's feed: the best bid and ask when they change.

They are JSON numbers, as on every feed: nothing is bought or sold for a price that was read here, orders
carry decimals of their own.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from host.exchange.looking import ERRORS

_LONGEST_PAUSE_S = 30.0


class Feed:
    """Quotes of one symbol, from when somebody first wants them.

    post(row) -- to every client of the feed
    """

    def __init__(
        self,
        x: Any,
        symbol: str,
        post: Callable[[dict[str, Any]], None],
        alarm: Callable[[str], None],
    ) -> None:
        self._x, self._symbol = x, symbol
        self._post, self._alarm = post, alarm
        self._last: tuple[float, float] | None = None
        self._row = 0
        self.wanted = asyncio.Event()

    async def run(self) -> None:
        """Follow the exchange's messages; begin again when they end."""
        await self.wanted.wait()
        pause_s = 1.0
        while True:
            try:
                found = await self._x.watch_bids_asks([self._symbol])
                self._take(found[self._symbol])
                pause_s = 1.0
            except (*ERRORS, OSError, AttributeError) as error:
                self._alarm(f"no market data: {type(error).__name__}: {error}")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _take(self, ticker: dict[str, Any]) -> None:
        """Post a quote that is one: two prices, the ask above the bid."""
        bid, ask = ticker["bid"], ticker["ask"]
        if not (math.isfinite(bid) and math.isfinite(ask) and 0 < bid < ask):
            self._alarm(f"a bid of {bid!r} and an ask of {ask!r}")
        elif (bid, ask) != self._last:
            self._last = bid, ask
            row = {
                "ev": "quote",
                "row": self._row,
                "time_ns": time.time_ns(),
                "bid": bid,
                "ask": ask,
            }
            self._row += 1
            self._post(row)
