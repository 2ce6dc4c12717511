"""Recorded data as the venue plays it: rows for the book, packets for the feed, times of both."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import numpy as np

from host.data.reader import BadData, Series
from host.paper.market import ZERO, Row

_encode = msgspec.json.Encoder().encode


def _exact(value: float) -> Decimal:
    """The decimal that the float was read from (its shortest form), not its binary expansion."""
    return Decimal(repr(float(value)))


class Tape:
    """Rows `start_row` to the end, `rows_per_s` of them a second (0: none by itself).

    Row numbers count from 0. With `repeat` the tape begins again after its last row, and numbers and
    times go on: the prices stay the recorded ones.

    trades -- of the same time and instrument as the quotes in `series`: both are played, by the
        recorder's clock where both have it. Raises BadData when they cannot go together.
    spread_bps -- from bid to ask, around bars and trades, which show none; quotes keep their own
    """

    def __init__(
        self,
        series: Series,
        rows_per_s: float,
        start_row: int = 0,
        repeat: bool = False,
        trades: Series | None = None,
        spread_bps: Decimal = ZERO,
    ) -> None:
        self._half = spread_bps / 20_000
        self.repeat = repeat
        self.series = series
        self.rows_per_s = rows_per_s
        self.start_row = start_row
        self._sources = [series] if trades is None else [trades, series]
        decimals = max(source.decimals for source in self._sources)
        self.tick = Decimal(1).scaleb(-decimals)
        self.source = " + ".join(source.source for source in reversed(self._sources))
        self._merge(trades)
        self.rows = len(self._time_ns)

    def _merge(self, trades: Series | None) -> None:
        """Bring the rows of all sources into one order; a trade comes before the quote it made."""
        times = [source.time_ns for source in self._sources]
        if trades is not None:
            if (trades.kind, self.series.kind) != ("trade", "quote"):
                raise BadData(f"{self.source}: trades are played beside quotes alone")
            received = [s.local_ns for s in self._sources if s.local_ns is not None]
            times = received if len(received) == len(times) else times
            if times[0][-1] < times[1][0] or times[1][-1] < times[0][0]:
                raise BadData(f"{self.source}: they have no time in common")
        every = np.concatenate(times)
        order = np.argsort(every, kind="stable")
        self._time_ns = every[order]
        self._which = np.repeat(range(len(times)), [len(t) for t in times])[order]
        self._at = np.concatenate([np.arange(len(t)) for t in times])[order]
        self._lap_ns = int(self._time_ns[-1] - self._time_ns[0]) + 1

    def over(self, number: int) -> bool:
        """True when there is no row `number` to play."""
        return not self.repeat and number >= self.rows

    def due_ns(self, number: int, start_ns: int) -> int:
        """When a row is due, in the clock of `start_ns`: absolute, so lateness never adds up."""
        return start_ns + int((number - self.start_row) * 1e9 / self.rows_per_s)

    def row(self, number: int) -> Row:
        """What the row offers to the book."""
        lap, place = divmod(number, self.rows)
        s, at = self._sources[self._which[place]], int(self._at[place])
        time_ns = int(self._time_ns[place]) + lap * self._lap_ns
        if s.bid is not None and s.ask is not None:
            bid, ask = _exact(s.bid[at]), _exact(s.ask[at])
            row = Row(number, ask, bid, ask, bid, time_ns=time_ns)
            if s.bid_qty is None or s.ask_qty is None:
                return row
            return replace(row, bid_qty=_exact(s.bid_qty[at]), ask_qty=_exact(s.ask_qty[at]))
        if s.open is not None and s.low is not None and s.high is not None:
            first, low, high = _exact(s.open[at]), _exact(s.low[at]), _exact(s.high[at])
        else:
            first = low = high = _exact(s.price[at])
        volumes = s.qty if s.volume is None else s.volume
        volume = None if volumes is None else _exact(volumes[at])
        beside_book = s is not self.series
        half = ZERO if beside_book else (first * self._half).quantize(self.tick, ROUND_HALF_UP)
        prices = first + half, max(first - half, self.tick), low + half, max(high - half, self.tick)
        return Row(number, *prices, volume, beside_book=beside_book, time_ns=time_ns)

    def packet(self, number: int) -> bytes:
        """The feed's event for the row."""
        place = number % self.rows
        s, at = self._sources[self._which[place]], int(self._at[place])
        event: dict[str, Any] = {"ev": s.kind, "row": number, "time_ns": int(s.time_ns[at])}
        columns = {
            "bar": (("open", s.open), ("high", s.high), ("low", s.low), ("close", s.price)),
            "trade": (("price", s.price), ("qty", s.qty)),
            "quote": (("bid", s.bid), ("ask", s.ask)),
        }[s.kind]
        for name, values in (*columns, ("volume", s.volume)):
            if values is not None:
                event[name] = float(values[at])
        return _encode(event)


def packet_of(row: Row) -> bytes:
    """The feed's event for a quote or trade that is on no tape."""
    event = {"row": row.number, "time_ns": row.time_ns}
    if row.beside_book and row.volume is not None:
        shown = {"ev": "trade", "price": float(row.first_bid), "qty": float(row.volume)}
    else:
        shown = {"ev": "quote", "bid": float(row.first_bid), "ask": float(row.first_ask)}
    return _encode(shown | event)
