"""The forecast of the next bar, from the modeller's page to everybody (host.hotpath.seqlock).

One writer, no torn reads, and no reader waits. Beside the fields it says when it was written, in
CLOCK_MONOTONIC ns.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from host import layout
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words

SOCKET = "forecast.sock"


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
    _place(words).publish(forecast, now_ns)


def read(words: Words, now_ns: int) -> tuple[Forecast, int] | None:
    """Return the forecast and when it was written; None when there is none, or it is none."""
    code, age_ns, values = _place(words).read(now_ns, now_ns)
    if code:
        return None
    found = Forecast(*values)
    return (found, now_ns - age_ns) if found.usable() else None


def _place(words: Words) -> Seqlock:
    return Seqlock(words, layout.FORECAST, len(Forecast._fields))
