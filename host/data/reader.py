"""One reader for recorded market data: bars, trades and best bid/offer quotes.

`read(path)` returns a `Series` of checked arrays, or raises `BadData` with one line for the
operator. Nothing is repaired and nothing is filled: a row that cannot be trusted refuses the file.
The one exception is counted: US quote records that carry one side only (see `Series.skipped`).

Prints marked `suspicious` in US tick files are returned like any other; this is no outlier filter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.data.sources import Choose, load_csv, load_folder, load_parquet, load_sp500
from host.data.table import NS_PER_MS, BadData, BoolArray, FloatArray, IntArray, Table, shown

__all__ = ["BadData", "Column", "Series", "from_table", "load_bars", "read", "read_column"]

_BAR_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
_PRICES = ("open", "high", "low", "close")
_TICK_EXTRAS = {"timestamp_ms", "event_ms", "local_ns", "exchange", "condition", "suspicious"}
_TIME_COLUMNS = ("timestamp", "date", "datetime", "time", "timestamp_ms")
_KNOWN_COLUMNS = {
    "bar": set(_BAR_COLUMNS),
    "trade": _TICK_EXTRAS | {"timestamp_us", "trade_id", "price", "qty", "size", "side"},
    "quote": _TICK_EXTRAS
    | {"update_id", "bid", "bid_qty", "bid_size", "ask", "ask_qty", "ask_size"},
}

# The index is published in hundredths. `arch` carries every price as the decimal text of a 32-bit
# float (1228.099976 for 1228.10), so the digits seen there are noise: all 5031 rows equal
# float32(two decimals).
_SP500_DECIMALS = 2


@dataclass(frozen=True)
class Series:
    """Market data in time order. All arrays have the same length; index 0 is data row 1.

    `time_ns` is UTC since 1970: the start of a bar, or the exchange's time of a tick (the
    recorder's where the exchange sends none). `price` is the close of a bar, the price of a trade
    or the mid of a quote. Bar times strictly increase; tick times never step back.
    """

    source: str
    kind: str  # "bar" | "trade" | "quote"
    time_ns: IntArray
    price: FloatArray
    decimals: int  # decimals that the prices of the source need, at most 8
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    qty: FloatArray | None = None  # trades
    bid: FloatArray | None = None  # quotes
    ask: FloatArray | None = None  # quotes
    bid_qty: FloatArray | None = None  # quotes whose source says what is displayed
    ask_qty: FloatArray | None = None
    local_ns: IntArray | None = None  # ticks whose recorder noted when it received them
    skipped: int = 0  # quote records without one of the sides

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.time_ns)


@dataclass(frozen=True)
class Column:
    """One column of numbers out of any table, with its strictly increasing UTC times if it has any."""

    source: str
    name: str
    values: FloatArray  # finite
    time_ns: IntArray | None


def read(path: str | None) -> Series:
    """Read `.csv`, `.csv.gz`, `.parquet` or the folder of a series of the store (`host.data.store`).

    None or "sp500" is the daily S&P 500 out of `arch`.

    Raises BadData for everything that is wrong with the source, missing packages included.
    """
    if path is None or path == "sp500":
        return _bars(load_sp500(), _SP500_DECIMALS)
    return from_table(_load(path, _choose))


def from_table(table: Table) -> Series:
    """Check the columns of a source and return them as a series. Raises BadData."""
    return _BUILDERS[_kind(table.name, list(table.columns))](table)


def load_bars(path: str) -> Table:
    """Return the columns of a file of bars as they stand there, unchecked. Raises BadData."""
    table = load_sp500() if path == "sp500" else _load(path, _choose, as_texts=True)
    kind = _kind(table.name, list(table.columns))
    if kind != "bar":
        raise BadData(f"{table.name}: bars are needed, these are {kind}s")
    return table


def read_column(path: str, column: str, *, positive: bool) -> Column:
    """Read one column of numbers (above zero if `positive`) and the times beside it, if any.

    Raises BadData for everything that is wrong with the source.
    """
    column = column.strip().lower()

    def choose(name: str, header: list[str]) -> Sequence[str]:
        if column not in header:
            raise BadData(f"{name}: no column {shown(column)} among {shown(','.join(header))}")
        doubles = [c for c in (column, *_TIME_COLUMNS) if header.count(c) > 1]
        if doubles:
            raise BadData(f"{name}: column {shown(doubles[0])} stands twice in the header")
        return [column, *[c for c in _TIME_COLUMNS if c in header and c != column][:1]]

    if path == "sp500":
        table = load_sp500()
        names = choose(table.name, list(table.columns))
    else:
        table = _load(path, choose)
        names = list(table.columns)
    values = table.positive(column) if positive else table.numbers(column)
    times = names[1] if len(names) > 1 else ""
    if not times:
        return Column(table.name, column, values, None)
    if times == "timestamp_ms":
        time_ns = table.integer_times_ns(times, NS_PER_MS)
    else:
        time_ns = table.iso_times_ns(times)
    table.refuse_where(_not_after_previous(time_ns, 1), times, "is not after the row before")
    return Column(table.name, column, values, time_ns)


def _load(path: str, choose: Choose, as_texts: bool = False) -> Table:
    file = Path(path)
    name = file.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return load_csv(file, choose, as_texts)
    if name.endswith(".parquet"):
        return load_parquet(file, choose)
    if file.is_dir():
        return load_folder(file, choose)
    raise BadData(f"{shown(file.name)}: not a .csv, .csv.gz or .parquet file")


def _choose(name: str, header: list[str]) -> Sequence[str]:
    """Check the header as a whole and name the columns worth keeping."""
    doubles = sorted({column for column in header if header.count(column) > 1})
    if doubles:
        raise BadData(f"{name}: column {shown(doubles[0])} stands twice in the header")
    kind = _kind(name, header)
    unknown = [column for column in header if column not in _KNOWN_COLUMNS[kind]]
    if unknown:
        raise BadData(f"{name}: unknown column {shown(unknown[0])} in a {kind} file")
    if kind == "bar":
        missing = [column for column in _BAR_COLUMNS if column not in header]
        if missing:
            raise BadData(f"{name}: column {missing[0]!r} is missing")
        return _BAR_COLUMNS
    return _tick_columns(name, kind, header)


def _kind(name: str, columns: Sequence[str]) -> str:
    if {"first_update_id", "last_update_id", "kind"} & set(columns):
        raise BadData(
            f"{name}: order book depth is not read here; use the _book or _trades file of that day"
        )
    if "bid" in columns and "ask" in columns:
        return "quote"
    if "price" in columns:
        return "trade"
    if "close" in columns:
        return "bar"
    raise BadData(f"{name}: neither bars, trades nor quotes: columns {shown(','.join(columns))}")


def _tick_columns(name: str, kind: str, header: list[str]) -> Sequence[str]:
    times = [column for column in ("timestamp_ms", "local_ns") if column in header]
    if not times:
        raise BadData(f"{name}: column 'timestamp_ms' is missing")
    if kind == "quote":
        return [*times, "bid", "ask", *_displayed(header)]
    sizes = [column for column in ("qty", "size") if column in header]
    if len(sizes) != 1:
        raise BadData(f"{name}: a trade file needs either a column 'qty' or a column 'size'")
    return [*times, "price", *sizes]


def _displayed(columns: Collection[str]) -> tuple[str, ...]:
    """The columns of the displayed sizes, if both sides have one."""
    pairs = (("bid_qty", "ask_qty"), ("bid_size", "ask_size"))
    return next((pair for pair in pairs if set(pair) <= set(columns)), ())


def _bars(table: Table, decimals: int | None = None) -> Series:
    time_ns = table.iso_times_ns("timestamp")
    table.refuse_where(_not_after_previous(time_ns, 1), "timestamp", "is not after the row before")
    price = {column: table.positive(column) for column in _PRICES}
    low, high = price["low"], price["high"]
    table.refuse_where(high < low, "high", "is below low")
    for column in ("open", "close"):
        wrong = (price[column] < low) | (price[column] > high)
        table.refuse_where(wrong, column, "is outside low..high")
    return Series(
        source=table.name,
        kind="bar",
        time_ns=time_ns,
        price=price["close"],
        decimals=table.decimals(_PRICES) if decimals is None else decimals,
        open=price["open"],
        high=high,
        low=low,
        volume=table.not_negative("volume"),
    )


def _trades(table: Table) -> Series:
    size = "qty" if "qty" in table.columns else "size"
    return Series(
        source=table.name,
        kind="trade",
        time_ns=_tick_times_ns(table),
        price=table.positive("price"),
        decimals=table.decimals(["price"]),
        qty=table.positive(size),
        local_ns=_received_ns(table),
    )


def _quotes(table: Table) -> Series:
    time_ns = _tick_times_ns(table)
    # Only US records use price 0 for a side that is not there; elsewhere 0 is an error.
    sizes = _displayed(list(table.columns))
    may_lack_a_side = "bid_size" in sizes
    side = table.not_negative if may_lack_a_side else table.positive
    bid, ask = side("bid"), side("ask")
    both: BoolArray = (bid > 0.0) & (ask > 0.0)
    table.refuse_where(both & (bid > ask), "bid", "is above ask")
    if not both.any():
        raise BadData(
            f"{table.name}: no row has both a bid and an ask; all {table.rows} carry one side only"
        )
    bid_qty, ask_qty = (table.not_negative(name)[both] for name in sizes) if sizes else (None, None)
    received_ns = _received_ns(table)
    return Series(
        source=table.name,
        kind="quote",
        time_ns=time_ns[both],
        price=(bid[both] + ask[both]) / 2.0,
        decimals=table.decimals(["bid", "ask"]),
        bid=bid[both],
        ask=ask[both],
        bid_qty=bid_qty,
        ask_qty=ask_qty,
        local_ns=None if received_ns is None else received_ns[both],
        skipped=int(table.rows - both.sum()),
    )


def _tick_times_ns(table: Table) -> IntArray:
    # Binance sends no exchange time with spot quotes: there the recorder's clock is all there is.
    exchange = not table.is_blank("timestamp_ms")
    column, unit_ns = ("timestamp_ms", NS_PER_MS) if exchange else ("local_ns", 1)
    if column not in table.columns:
        raise BadData(f"{table.name}: row 1: timestamp_ms is empty and there is no local_ns")
    time_ns = table.integer_times_ns(column, unit_ns)
    table.refuse_where(_not_after_previous(time_ns, 0), column, "goes back in time")
    return time_ns


def _received_ns(table: Table) -> IntArray | None:
    if table.is_blank("local_ns"):
        return None
    return table.integer_times_ns("local_ns", 1)


def _not_after_previous(time_ns: IntArray, least_step_ns: int) -> BoolArray:
    wrong = np.zeros(len(time_ns), dtype=np.bool_)
    # Compared, not subtracted: a difference of two int64 times could wrap.
    wrong[1:] = time_ns[1:] <= time_ns[:-1] if least_step_ns else time_ns[1:] < time_ns[:-1]
    return wrong


_BUILDERS = {"bar": _bars, "trade": _trades, "quote": _quotes}
