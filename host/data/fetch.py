"""Bars from an exchange into the store, page by page; what is interrupted goes on where it was.

A page is checked as a whole before it is kept:

    refused               not five finite numbers; prices not above zero; open or close outside of
                          low..high; two bars of one time that differ; times off the grid
    sorted, counted       out of order, the same bar twice
    left out, counted     outside of what was asked for, not over yet

Refused means BadData: nothing of that page is kept. A bar that comes again and differs replaces the kept
one and is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from host.data.store import Candles, Range, Stored
from host.data.table import BadData, shown

PAGE_ROWS = 500  # where ccxt does not know the exchange's own limit
TRIES = 6
FIRST_PAUSE_S = 1.0  # doubles with each try


class NotReached(Exception):
    """The exchange did not answer; what came before is kept. One line."""


class Source(Protocol):
    """What is used of an exchange's client (ccxt)."""

    def fetch_ohlcv(
        self, symbol: str, timeframe: str, since: int, limit: int
    ) -> list[list[Any]]: ...


@dataclass
class Told:
    """What a fetch has done: bars kept, and what the rules above have counted."""

    pages: int = 0
    bars: int = 0
    repeated: int = 0
    unsorted: int = 0
    left_out: int = 0
    changed: int = 0
    tries: int = 0  # requests that had to be repeated
    notes: list[str] = field(default_factory=list)


def fetch(
    source: Source,
    stored: Stored,
    wanted: Range,
    now_ms: Callable[[], int],
    progress: Callable[[float, Told], None] = lambda done, told: None,
    rows: int = PAGE_ROWS,
    sleep: Callable[[float], None] = time.sleep,
) -> Told:
    """Fetch what of `wanted` was not asked for yet, and return what was done.

    progress -- called after each page with the share that is done, from 0 to 1
    Raises BadData, NotReached; OSError when the store cannot be written.
    """
    told, step = Told(), stored.step_ms
    with stored.locked():
        # The bar that is running now would be kept unfinished, and counted as asked for.
        end_ms = min(wanted[1], now_ms() // step * step)
        ranges = stored.missing(wanted[0], end_ms)
        total = sum(end - first for first, end in ranges) or 1
        done = 0
        for first, end in ranges:
            at = first
            while at < end:
                raw = _asked(source, stored, at, rows, told, sleep)
                page = checked(raw, at, end, step, told)
                # An empty page says that there is nothing in the whole of it.
                reached = int(page.time_ms[-1]) + step if page.rows else at + rows * step
                reached = min(reached, end)
                told.changed += stored.keep(page, (at, reached))
                told.pages, told.bars = told.pages + 1, told.bars + page.rows
                done += reached - at
                at = reached
                progress(done / total, told)
    return told


def checked(raw: Any, begin_ms: int, end_ms: int, step: int, told: Told) -> Candles:
    """Return a page by the rules above. Raises BadData."""
    if not isinstance(raw, list) or any(not isinstance(r, list) or len(r) < 6 for r in raw):
        raise BadData(f"page of {begin_ms}: not a list of bars: {shown(raw)}")
    for row in raw:
        numbers = all(isinstance(v, int | float) for v in row[1:6])
        if not numbers or not isinstance(row[0], int) or not 0 < row[0] < 2**53:
            raise BadData(f"page of {begin_ms}: a bar with what is no number: {shown(row)}")
    table = np.array([row[1:6] for row in raw], dtype=np.float64).reshape(-1, 5)
    time_ms = np.array([row[0] for row in raw], dtype=np.int64)
    inside = (time_ms >= begin_ms) & (time_ms < end_ms)
    told.left_out += int((~inside).sum())
    table, time_ms = table[inside], time_ms[inside]
    told.unsorted += int((np.diff(time_ms) < 0).sum())
    order = np.argsort(time_ms, kind="stable")
    table, time_ms = table[order], time_ms[order]
    again = np.zeros(len(time_ms), dtype=np.bool_)
    again[1:] = np.diff(time_ms) == 0
    differs = again[1:] & (table[1:] != table[:-1]).any(axis=1)
    _refuse(differs, time_ms[1:], "two bars of one time that differ")
    told.repeated += int(again.sum())
    table, time_ms = table[~again], time_ms[~again]
    _refuse((time_ms - time_ms[:1]) % step != 0, time_ms, "not on the grid of the bars before")
    prices = table[:, :4]
    wrong = ~np.isfinite(table).all(axis=1) | (prices <= 0).any(axis=1) | (table[:, 4] < 0)
    _refuse(wrong, time_ms, "a price or volume that cannot be")
    opened, high, low, close = prices.T
    outside = (low > np.minimum(opened, close)) | (high < np.maximum(opened, close))
    _refuse(outside, time_ms, "open or close outside of low..high")
    return Candles(time_ms, table)


def _refuse(wrong: Any, time_ms: Any, what: str) -> None:
    if wrong.any():
        at = np.datetime64(int(time_ms[int(wrong.argmax())]), "ms")
        raise BadData(f"the exchange's bar of {at}Z: {what}")


def _asked(
    source: Source, stored: Stored, at: int, rows: int, told: Told, sleep: Callable[[float], None]
) -> Any:
    import ccxt

    symbol, timeframe = stored.asked.symbol, stored.asked.timeframe
    for attempt in range(TRIES):
        try:
            return source.fetch_ohlcv(symbol, timeframe, at, rows)
        except ccxt.NetworkError as error:
            told.tries += 1
            last = error
            if attempt < TRIES - 1:
                sleep(FIRST_PAUSE_S * 2**attempt)
        except ccxt.BaseError as error:
            raise BadData(f"{stored.asked.exchange}: {short(error)}") from None
    raise NotReached(f"{stored.asked.exchange}: {TRIES} tries: {short(last)}")


def client(exchange: str, url: str = "") -> Any:
    """Return ccxt's client of an exchange, without keys; `url` is another server of the same dialect.

    It keeps the exchange's request rate. Raises BadData for an exchange that ccxt does not know.
    """
    try:
        import ccxt
    except ImportError:
        raise BadData("fetching needs ccxt: pip install 'bot4[exchanges]'") from None
    if exchange not in ccxt.exchanges:
        raise BadData(f"exchange {shown(exchange)}: ccxt knows none of this name")
    made = getattr(ccxt, exchange)({"enableRateLimit": True, "timeout": 20_000})
    made.has["fetchCurrencies"] = False  # large, and nothing here needs it
    if url:
        made.urls["api"] = _moved(made.urls["api"], url)
    return made


def market(source: Any, symbol: str, timeframe: str) -> dict[str, Any]:
    """Return what the exchange says of a symbol. Raises BadData, NotReached."""
    import ccxt

    if not source.has.get("fetchOHLCV") or timeframe not in (source.timeframes or {}):
        offered = ", ".join(source.timeframes or {}) or "none"
        raise BadData(f"{source.id}: has no bars of {timeframe}; it has {offered}")
    if source.id.startswith("binance"):
        # Its spot and futures are different servers: only those that are needed.
        types = ["linear", "inverse"] if ":" in symbol else ["spot"]
        source.options["fetchMarkets"] = {"types": types}
    try:
        markets = source.load_markets()
    except ccxt.NetworkError as error:
        raise NotReached(f"{source.id}: {short(error)}") from None
    except ccxt.BaseError as error:
        raise BadData(f"{source.id}: {short(error)}") from None
    if symbol not in markets:
        raise BadData(f"{source.id}: {shown(symbol)} is not traded there, or no longer listed")
    return dict(markets[symbol])


def page_rows(source: Any, symbol: str) -> int:
    """Return how many bars the exchange gives at once."""
    return int(source.feature_value(symbol, "fetchOHLCV", "limit", PAGE_ROWS) or PAGE_ROWS)


def short(error: Exception) -> str:
    """Return an exchange's error as the start of one line: some carry a whole page."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def _moved(where: Any, url: str) -> Any:
    """Return an exchange's addresses at another server; their paths stay."""
    if isinstance(where, dict):
        return {name: _moved(part, url) for name, part in where.items()}
    if not isinstance(where, str) or "://" not in where:
        return where
    was, now = urlsplit(where), urlsplit(url)
    return urlunsplit((now.scheme, now.netloc, was.path, was.query, ""))
