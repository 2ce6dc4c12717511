"""The rows of a backtest: the venue's tape, and the columns that compiled code reads."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from host.data.mend import mend
from host.data.quality import grid_ns, moment
from host.data.reader import Series, read
from host.data.table import BadData, FloatArray, IntArray
from host.hotpath import forward
from host.paper.tape import Tape

DAY_NS = 86_400 * 10**9
# Below, there is nothing that statistics could be made of.
LEAST_ROWS = 30
# What host.data.reader says of ticks where bars are asked for.
NO_BARS = "bars are needed"


@dataclass(frozen=True)
class Market:
    """Rows in time order.

    at_ns -- when a row is known: the end of a bar, the time of a tick
    change -- log return in percent, NaN where there is none
    low, high -- no price of the row, spread included, lies beyond
    step_ns -- of bars; 0 of ticks
    repaired -- rows that each rule of host.data.mend has met
    """

    tape: Tape
    price: FloatArray
    at_ns: IntArray
    change: FloatArray
    low: FloatArray
    high: FloatArray
    step_ns: int
    repaired: dict[str, int]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.price)

    @property
    def series(self) -> Series:
        """What the tape plays."""
        return self.tape.series


def market(path: str, spread_bps: float, zone: str | None = None) -> Market:
    """Read a file by the rules of host.data. Raises BadData.

    Bars are repaired where a rule says how, and that is counted; ticks are taken as they are or refused.
    """
    series, repaired = _read(path, zone)
    return of(series, spread_bps, repaired)


def of(series: Series, spread_bps: float, repaired: dict[str, int] | None = None) -> Market:
    """Return the market of a series. Raises BadData."""
    if series.rows < LEAST_ROWS:
        raise BadData(f"{series.source}: {series.rows} rows, at least {LEAST_ROWS} are needed")
    step_ns = grid_ns(series) if series.kind == "bar" else 0
    tape = Tape(series, 0, spread_bps=Decimal(repr(spread_bps)))
    price = np.ascontiguousarray(series.price)
    change = np.empty(len(price))
    forward.changes(price, change, series.kind == "bar")
    low, high = _reached(series, spread_bps, float(tape.tick))
    at_ns = np.ascontiguousarray(series.time_ns + step_ns)
    return Market(tape, price, at_ns, change, low, high, step_ns, repaired or {})


def _read(path: str, zone: str | None) -> tuple[Series, dict[str, int]]:
    try:
        series = read(path)
        if series.kind != "bar":
            return series, {}
    except BadData as error:
        refused = error
        series = None
    try:
        mended = mend(path, zone)
    except BadData as error:
        # Of ticks only the reader can say what is wrong.
        if series is None and NO_BARS in str(error):
            raise refused from None
        raise
    return mended.series, mended.used


def _reached(series: Series, spread_bps: float, tick: float) -> tuple[FloatArray, FloatArray]:
    """The ends of each row, a tick further out: a row that is looked at in vain costs time alone."""
    if series.bid is not None and series.ask is not None:
        return np.ascontiguousarray(series.bid), np.ascontiguousarray(series.ask)
    lowest: Any = series.price if series.low is None else series.low
    highest: Any = series.price if series.high is None else series.high
    half = spread_bps / 20_000
    return lowest * (1 - half) - tick, highest * (1 + half) + tick


def span(market: Market) -> dict[str, Any]:
    """Return which rows these are, for the report."""
    series = market.series
    return {
        "source": series.source,
        "kind": series.kind,
        "rows": market.rows,
        "first": moment(series.time_ns[0]),
        "last": moment(series.time_ns[-1]),
        "step_s": market.step_ns / 1e9 if market.step_ns else None,
        "repaired": market.repaired,
        "skipped": series.skipped,
    }
