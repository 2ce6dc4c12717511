"""The forecast of the next bar, from the modeller's page to everybody: one writer, torn reads impossible.

Words from layout.FORECAST on: a sequence (odd while being written, 0 before the first time), the
CLOCK_MONOTONIC of the writing in ns, then the fields of Forecast as doubles. A reader tries a bounded
number of times and never waits for the writer.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from host import layout
from host.hotpath.words import Words

SOCKET = "forecast.sock"
_TRIES = 8
_SEQUENCE, _WRITTEN_NS, _FIRST = layout.FORECAST, layout.FORECAST + 1, layout.FORECAST + 2


class Forecast(NamedTuple):
    """Of the bar after `row`.

    row -- of the feed, the last one that it includes
    mean_pct, sigma_pct -- of the log return, in percent
    var_share, cvar_share -- what the worse side loses at the tail, of the position's value
    fits, failures -- of the models so far; `failures` in a row, 0 after one that succeeded
    """

    row: float
    mean_pct: float
    sigma_pct: float
    var_share: float
    cvar_share: float
    fits: float
    failures: float

    def usable(self) -> bool:
        """Return False for anything that looks like a forecast and is none."""
        return (
            all(math.isfinite(value) for value in self)
            and self.sigma_pct > 0
            and 0 < self.var_share <= self.cvar_share
        )


def publish(words: Words, forecast: Forecast, now_ns: int) -> None:
    """Write all of it; only the page's own process can."""
    sequence = words.load(_SEQUENCE)
    sequence += 1 + (sequence & 1)  # odd already: an earlier write was cut off
    words.store(_SEQUENCE, sequence)
    words.store(_WRITTEN_NS, now_ns)
    for place, value in enumerate(forecast):
        words.store(_FIRST + place, struct.unpack("<Q", struct.pack("<d", value))[0])
    words.store(_SEQUENCE, sequence + 1)


def read(words: Words) -> tuple[Forecast, int] | None:
    """Return the forecast and when it was written; None when there is none, or it is none."""
    places = range(_FIRST, _FIRST + len(Forecast._fields))
    for _try in range(_TRIES):
        sequence = words.load(_SEQUENCE)
        if sequence == 0:
            return None
        written_ns = words.load(_WRITTEN_NS)
        raw = struct.pack(f"<{len(places)}Q", *map(words.load, places))
        if not sequence & 1 and words.load(_SEQUENCE) == sequence:
            found = Forecast(*struct.unpack(f"<{len(places)}d", raw))
            return (found, written_ns) if found.usable() else None
    return None
