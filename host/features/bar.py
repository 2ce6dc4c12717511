"""One bar, as features take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from host.data.reader import Series
from host.data.table import BadData


class Bar(NamedTuple):
    """Prices above zero, volume of 0 or more."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def bars(series: Series) -> Iterator[Bar]:
    """Return the bars of a series one by one. Raises BadData for trades and quotes."""
    require_bars(series)
    columns = (series.open, series.high, series.low, series.price, series.volume)
    return map(Bar._make, zip(*(c.tolist() for c in columns if c is not None), strict=True))


def require_bars(series: Series) -> None:
    """Raise BadData unless the series is one of bars."""
    if series.kind != "bar":
        raise BadData(f"{series.source}: bars are needed, these are {series.kind}s")
