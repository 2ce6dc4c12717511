"""Bars of somebody else's file, brought into the form that `host.data.reader` takes, or refused.

One rule for each fault, and each use of one is counted:

    RULES   what is done, by name
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from host.data.reader import Series, from_table, load_bars
from host.data.store import COLUMNS, Candles, encoded
from host.data.table import NS_PER_MS, BadData, IntArray, Table, shown

RULES = {
    "zoneless": "rows whose time has no offset: read as UTC, or as the zone that is named",
    "unsorted": "rows that stand before their time: sorted",
    "repeated": "rows that stand there twice: one is kept",
    "contradicting": "two rows of one time that differ: refused",
    "ambiguous": "a time that a change of clocks made twice or not at all: refused",
    "impossible": "a price or volume that cannot be: refused",
    "mixed": "steps that are no multiple of the usual one: refused",
    "missing": "bars that are not there: left out, counted, never filled",
    "outlier": "prices that jump and come back: kept, counted",
}


@dataclass(frozen=True)
class Mended:
    """A series, and how many rows each rule of RULES has met."""

    series: Series
    used: dict[str, int]


def mend(path: str, zone: str | None = None) -> Mended:
    """Read bars by the rules. Raises BadData.

    zone -- what times without an offset are, such as Europe/Berlin; else UTC
    """
    local = _zone(zone)
    table = load_bars(path)
    time_ns, zoneless = _times_ns(table, local)
    used: Counter[str] = Counter({"zoneless": zoneless} if zoneless else {})
    values = {name: table.numbers(name) for name in COLUMNS}
    used["unsorted"] = int((np.diff(time_ns) < 0).sum())
    order = np.argsort(time_ns, kind="stable")
    again = np.zeros(table.rows, dtype=np.bool_)
    again[1:] = np.diff(time_ns[order]) == 0
    for name, column in values.items():
        differs = again[1:] & (np.diff(column[order]) != 0)
        if differs.any():
            row, before = order[1:][differs][0], order[:-1][differs][0]
            raise table.bad(int(row), f"the time of row {before + 1}, and another {name}")
    used["repeated"] = int(again.sum())
    kept = order[~again]
    columns = {name: column[kept] for name, column in values.items()}
    whole = Table(
        table.name, {"timestamp": time_ns[kept].view("datetime64[ns]"), **columns}, len(kept)
    )
    return Mended(from_table(whole), {rule: n for rule, n in used.items() if n})


def write(series: Series, to: Path) -> None:
    """Write bars as a Parquet file. Raises BadData, OSError."""
    columns = (series.open, series.high, series.low, series.price, series.volume)
    if any(column is None for column in columns):
        raise BadData(f"{series.source}: bars are needed, these are {series.kind}s")
    if (series.time_ns % NS_PER_MS).any():
        raise BadData(f"{series.source}: times of whole milliseconds are needed")
    table = np.column_stack([column for column in columns if column is not None])
    new = to.with_name(f"{to.name}.new")
    new.write_bytes(encoded(Candles(series.time_ns // NS_PER_MS, table)))
    new.replace(to)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadData(f"timezone {shown(name)}: none of this name, such as Europe/Berlin") from None


def _times_ns(table: Table, zone: ZoneInfo | None) -> tuple[IntArray, int]:
    """Return the times, and how many have no offset of their own."""
    values = table.columns["timestamp"]
    if isinstance(values, np.ndarray):  # Parquet and the sample know what they are
        return table.iso_times_ns("timestamp"), 0
    zoneless = [index for index, text in enumerate(values) if _is_zoneless(text)]
    if zone is None or not zoneless:
        return table.iso_times_ns("timestamp"), len(zoneless)
    texts: list[Any] = list(values)
    for index in zoneless:
        wall = datetime.fromisoformat(texts[index]).replace(tzinfo=zone)
        if wall.utcoffset() != wall.replace(fold=1).utcoffset():
            raise table.bad(index, f"timestamp {shown(texts[index])} in {zone}: twice or never")
        texts[index] = wall.astimezone(UTC).isoformat()
    told = Table(table.name, {**table.columns, "timestamp": texts}, table.rows)
    return told.iso_times_ns("timestamp"), len(zoneless)


def _is_zoneless(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False  # refused with its row, like any other text that is no time
