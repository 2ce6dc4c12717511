"""Recorded data as the venue plays it: rows for the book, packets for the feed, times of both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from host.data.reader import Series
from host.paper.book import Row

_encode = msgspec.json.Encoder().encode


def _exact(value: float) -> Decimal:
    """The decimal that the float was read from (its shortest form), not its binary expansion."""
    return Decimal(repr(float(value)))


class Tape:
    """Rows `start_row` to the end of a series, `rows_per_s` of them a second.

    Row numbers count from 0 and are indices into the arrays of the series. With `repeat` the tape
    begins again after its last row, and the numbers go on: the prices stay the recorded ones.
    """

    def __init__(
        self, series: Series, rows_per_s: float, start_row: int, repeat: bool = False
    ) -> None:
        self.repeat = repeat
        self.series = series
        self.rows_per_s = rows_per_s
        self.start_row = start_row
        self.tick = Decimal(1).scaleb(-series.decimals)

    def over(self, number: int) -> bool:
        """True when there is no row `number` to play."""
        return not self.repeat and number >= self.series.rows

    def due_ns(self, number: int, start_ns: int) -> int:
        """When a row is due, in the clock of `start_ns`: absolute, so lateness never adds up."""
        return start_ns + int((number - self.start_row) * 1e9 / self.rows_per_s)

    def row(self, number: int) -> Row:
        """What the row offers to the book."""
        s, at = self.series, number % self.series.rows
        if s.bid is not None and s.ask is not None:
            bid, ask = _exact(s.bid[at]), _exact(s.ask[at])
            return Row(number, ask, bid, ask, bid, None)
        if s.open is not None and s.low is not None and s.high is not None:
            first, low, high = _exact(s.open[at]), _exact(s.low[at]), _exact(s.high[at])
        else:
            first = low = high = _exact(s.price[at])
        volumes = s.qty if s.volume is None else s.volume
        volume = None if volumes is None else _exact(volumes[at])
        return Row(number, first, first, low, high, volume)

    def packet(self, number: int) -> bytes:
        """The feed's event for the row."""
        s, at = self.series, number % self.series.rows
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
