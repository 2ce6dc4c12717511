"""What came after each row, and when that was known.

    forward   1 when the price is higher `rows` bars later, else -1
    triple    1 when the upper barrier is touched first, -1 for the lower one, 0 when neither is within
              `rows` bars. Barriers lie `width` times the volatility of `rows` bars away from the close

The volatility is an exponential average of squared returns up to the row. A bar that touches both
barriers counts as the lower one: which came first is not in it, and the worse one is not an illusion.
A label is known with the bar that decides it; the last rows, whose future is not over, have none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.data.reader import Series
from host.data.table import BadData, FloatArray, IntArray
from host.engine.strategy import VARIANCE_ROWS

MOST_ROWS = 10_000
UP, OVER, DOWN = 1, 0, -1


@dataclass(frozen=True)
class Label:
    """A rule for labels. `width` is in standard deviations, of triple alone."""

    kind: str
    rows: int
    width: float = 1.0

    @property
    def text(self) -> str:
        """As `parsed` reads it."""
        return (
            f"forward:{self.rows}"
            if self.kind == "forward"
            else f"triple:{self.rows}:{self.width:g}"
        )


@dataclass(frozen=True)
class Labels:
    """`known` is the index of the bar with which a label is known; where there is none, -1."""

    values: np.ndarray[Any, np.dtype[np.int8]]
    known: IntArray


def parsed(text: str) -> Label:
    """Return the rule that a text names: forward:24, triple:24:1.5. Raises ValueError."""
    found = re.fullmatch(r"forward:(\d{1,6})|triple:(\d{1,6}):(\d{1,3}(?:\.\d{1,6})?)", text)
    if found is None:
        raise ValueError(
            f"label {text!r}: forward:ROWS or triple:ROWS:WIDTH, such as triple:24:1.5"
        )
    rows = int(found[1] or found[2])
    width = float(found[3] or 1.0)
    if not 0 < rows <= MOST_ROWS or not width > 0:
        raise ValueError(f"label {text!r}: 1 to {MOST_ROWS} rows, a width above 0")
    return Label("forward" if found[1] else "triple", rows, width)


def labelled(series: Series, label: Label) -> Labels:
    """Return the labels of a series. Raises BadData when it is too short, or has no bars."""
    if series.rows <= label.rows:
        raise BadData(f"{series.source}: {series.rows} rows have no future of {label.rows}")
    return _forward(series, label) if label.kind == "forward" else _triple(series, label)


def _forward(series: Series, label: Label) -> Labels:
    price, ahead = series.price, label.rows
    values = np.zeros(series.rows, dtype=np.int8)
    values[:-ahead] = np.where(price[ahead:] > price[:-ahead], UP, DOWN)
    known = np.full(series.rows, -1, dtype=np.int64)
    known[:-ahead] = np.arange(ahead, series.rows)
    return Labels(values, known)


def _triple(series: Series, label: Label) -> Labels:
    if series.high is None or series.low is None:
        raise BadData(f"{series.source}: bars are needed, these are {series.kind}s")
    distance = label.width * np.sqrt(label.rows) * volatility(series.price)
    upper, lower = series.price * np.exp(distance), series.price * np.exp(-distance)
    values = np.full(series.rows, OVER, dtype=np.int8)
    known = np.full(series.rows, -1, dtype=np.int64)
    # One step into the future of all rows at a time: rows steps, each over whole columns.
    for ahead in range(1, label.rows + 1):
        now = np.arange(series.rows - ahead)
        low, high = series.low[ahead:] <= lower[:-ahead], series.high[ahead:] >= upper[:-ahead]
        decided = (known[:-ahead] < 0) & (low | high)
        values[:-ahead][decided] = np.where(low, DOWN, UP)[decided]
        known[:-ahead][decided] = (now + ahead)[decided]
    over = (known < 0) & (np.arange(series.rows) + label.rows < series.rows)
    known[over] = np.flatnonzero(over) + label.rows
    # Of the last rows only the quick ones would have a label. A barrier at the price itself is none.
    known[-label.rows :] = -1
    known[distance <= 0] = -1
    return Labels(values, known)


def volatility(price: FloatArray) -> FloatArray:
    """Return the standard deviation of a row's log return, known at that row."""
    weight, variance = 1 - 0.5 ** (1 / VARIANCE_ROWS), 0.0
    found = [variance]
    for change in np.diff(np.log(price)).tolist():
        variance += weight * (change * change - variance)
        found.append(variance)
    return np.sqrt(np.array(found))
