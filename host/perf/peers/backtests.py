"""Our backtest beside those of others: the same ticks through the whole of each, in one process.

Ours forecasts, decides, checks and keeps a venue, and trades where that pays; the others have a strategy
that looks at each tick and sends nothing. NautilusTrader takes quotes; backtesting.py knows bars alone,
and gets each tick as one. Times of ours are of the CPU, loading excluded, as theirs are.
"""

import statistics
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import numpy as np

from host.data.reader import Series
from host.perf import peers
from host.perf.backtest import START_NS, STEP_NS, timed

WHAT = "ticks through a backtest"
BARS_MODULE = "host.perf.peers.barwise"


def beside(ticks: int = peers.QUIET_TICKS, rounds: int = peers.ROUNDS) -> list[dict[str, Any]]:
    """Return a row for each peer, as host.perf.peers.beside does."""
    series = quotes(ticks)
    timed(quotes(2_000))  # what is loaded once is not measured
    ours = statistics.median(ticks / timed(series)[0] for _round in range(rounds)) / 1e3
    quiet, why = peers.nautilus(ticks, 100, rounds)
    bars, why_not = barwise(ticks, rounds)
    return [
        {"what": WHAT, "ours": round(ours, 2), "peer": f"{name} {found.get('version', '')}".strip(),
         "theirs": round(found["ticks_per_s"] / 1e3, 2) if found else None, "unit": "k/s",
         "missing": missing}
        for name, found, missing in (
            ("NautilusTrader", quiet, why), ("backtesting.py", bars, why_not),
        )
    ]  # fmt: skip


def quotes(ticks: int) -> Series:
    """Return the ticks that the others get as well."""
    pairs = [(float(Decimal(bid)), float(Decimal(ask))) for bid, ask in peers.prices(ticks)]
    bid, ask = (np.array(side) for side in zip(*pairs, strict=True))
    sizes = np.full(ticks, 1_000.0)
    at_ns = START_NS + np.arange(ticks) * STEP_NS
    return Series("peers", "quote", at_ns, (bid + ask) / 2, 2, bid=bid, ask=ask, bid_qty=sizes,
                  ask_qty=sizes)  # fmt: skip


def barwise(ticks: int, rounds: int) -> tuple[dict[str, Any], str]:
    """Return the medians of backtesting.py, or nothing and the reason."""
    if find_spec("backtesting") is None:
        return {}, f"backtesting.py is not installed: {peers.INSTALL}"
    return peers.asked("backtesting.py", [BARS_MODULE, str(ticks)], ("ticks_per_s",), rounds)
