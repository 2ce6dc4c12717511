"""The store: bars of a market as Parquet files, and which stretches of time were asked for.

    STORE/binance/BTC-USDT/1h/2024.parquet   bars; `timestamp` is the start of the bar, UTC
    STORE/binance/BTC-USDT/1h/asked.json     what the exchange has answered for: gaps in here are its own

`host.data.reader.read` takes the folder of a series like any file. A page is kept before it counts as
asked for, each file is replaced whole, and two writers of one series exclude each other: whatever is
interrupted goes on where it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from host.data.sources import ASKED
from host.data.table import BadData, FloatArray, IntArray, shown

COLUMNS = ("open", "high", "low", "close", "volume")
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
HOUR_MS = UNITS_MS["h"]

Range = tuple[int, int]  # ms since 1970; the end is not part of it


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of a stored series. `ranges` are disjoint and rising."""

    exchange: str
    symbol: str
    timeframe: str
    ranges: list[Range] = []


@dataclass(frozen=True)
class Candles:
    """Bars by rising start, ms since 1970; `values` has one row of COLUMNS for each."""

    time_ms: IntArray
    values: FloatArray

    @property
    def rows(self) -> int:
        """Number of bars."""
        return len(self.time_ms)


def step_ms(timeframe: str) -> int:
    """Return the length of a bar such as 5m, 1h, 1d. Raises BadData for others (weeks, months)."""
    found = re.fullmatch(r"([1-9][0-9]{0,2})([mhd])", timeframe)
    if found is None:
        raise BadData(f"timeframe {shown(timeframe)}: a number of m, h or d, such as 5m, 1h, 1d")
    return int(found[1]) * UNITS_MS[found[2]]


class Stored:
    """One series of a store. Raises BadData for names that cannot be, and for a damaged folder."""

    def __init__(self, root: Path, exchange: str, symbol: str, timeframe: str) -> None:
        if not re.fullmatch(r"[a-z0-9_]{1,40}", exchange):
            raise BadData(f"exchange {shown(exchange)}: letters and digits")
        if not re.fullmatch(
            r"[A-Za-z0-9.$]{1,30}/[A-Za-z0-9.$]{1,30}(:[A-Za-z0-9-]{1,30})?", symbol
        ):
            raise BadData(f"symbol {shown(symbol)}: such as BTC/USDT")
        self.step_ms = step_ms(timeframe)
        name = symbol.replace("/", "-").replace(":", "_")
        self.folder = root / exchange / name / timeframe
        self.asked = Asked(exchange, symbol, timeframe)
        if (self.folder / ASKED).exists():
            self.asked = read_asked(self.folder)
            if (self.asked.exchange, self.asked.symbol) != (exchange, symbol):
                raise BadData(f"{self.folder / ASKED}: is of {shown(self.asked.symbol)}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out. Raises BadData when there is one."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise BadData(f"{self.folder}: another fetch is writing here") from None
                if (self.folder / ASKED).exists():
                    self.asked = read_asked(self.folder)  # as the last writer has left it
                yield
        except OSError as error:
            raise BadData(f"{error.filename or self.folder}: {error.strerror}") from None

    def missing(self, begin_ms: int, end_ms: int) -> list[Range]:
        """Return what of a stretch was never asked for."""
        left, at = [], begin_ms
        for first, end in self.asked.ranges:
            if end <= at or first >= end_ms:
                continue
            if first > at:
                left.append((at, first))
            at = max(at, end)
        return left + ([(at, end_ms)] if at < end_ms else [])

    def keep(self, bars: Candles, asked: Range) -> int:
        """Keep a page, then that it was asked for; return how many kept bars it has changed."""
        parts = np.array([self._part(at) for at in bars.time_ms.tolist()])
        changed = 0
        for part in dict.fromkeys(parts.tolist()):
            chosen = parts == part
            page = Candles(bars.time_ms[chosen], bars.values[chosen])
            file = self.folder / f"{part}.parquet"
            if file.exists():
                page, revised = merged(_load(file), page)
                changed += revised
            _replace(file, encoded(page))
        self.asked.ranges = _joined([*self.asked.ranges, asked])
        _replace(self.folder / ASKED, msgspec.json.format(msgspec.json.encode(self.asked)))
        return changed

    def _part(self, at_ms: int) -> str:
        # Some ten thousand bars a file: few files, and each is quickly written anew.
        unit = "Y" if self.step_ms >= HOUR_MS else "M"
        return str(np.datetime64(at_ms, "ms").astype(f"datetime64[{unit}]"))


def read_asked(folder: Path) -> Asked:
    """Return what a folder of the store says of itself. Raises BadData."""
    file = folder / ASKED
    try:
        return msgspec.json.decode(file.read_bytes(), type=Asked)
    except OSError as error:
        raise BadData(f"{file}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadData(f"{file}: {error}") from None


def listed(root: Path) -> list[Path]:
    """Return the folders of all series of a store, by name."""
    return sorted(file.parent for file in root.glob(f"*/*/*/{ASKED}"))


def merged(old: Candles, new: Candles) -> tuple[Candles, int]:
    """Return both by time, the new ones where both have a bar, and how many that changes."""
    known, place = np.isin(new.time_ms, old.time_ms), np.searchsorted(old.time_ms, new.time_ms)
    changed = int((old.values[place[known]] != new.values[known]).any(axis=1).sum())
    stays = ~np.isin(old.time_ms, new.time_ms)
    time_ms = np.concatenate([old.time_ms[stays], new.time_ms])
    order = np.argsort(time_ms, kind="stable")
    values = np.concatenate([old.values[stays], new.values])
    return Candles(time_ms[order], values[order]), changed


def encoded(bars: Candles) -> bytes:
    """Return bars as a Parquet file, which is the same for the same bars. Raises BadData."""
    pa, pq = _pyarrow()
    columns = {"timestamp": pa.array(bars.time_ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))}
    columns |= {name: bars.values[:, k] for k, name in enumerate(COLUMNS)}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def _load(file: Path) -> Candles:
    pa, pq = _pyarrow()
    try:
        # Without threads: those of pyarrow may outlive the interpreter, which then aborts.
        read = pq.ParquetFile(pa.BufferReader(file.read_bytes()), pre_buffer=False)
        table = read.read(use_threads=False)
        time_ms = table.column("timestamp").cast(pa.int64()).to_numpy()
        values = np.column_stack([table.column(name).to_numpy() for name in COLUMNS])
    except (pa.ArrowException, KeyError, OSError) as error:
        raise BadData(f"{file}: damaged: {str(error).splitlines()[0]}") from None
    return Candles(time_ms, values)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise BadData("the store needs pyarrow: pip install 'bot4[models]'") from None
    return pa, pq


def _joined(ranges: list[Range]) -> list[Range]:
    joined: list[Range] = []
    for first, end in sorted(ranges):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined


def _replace(file: Path, data: bytes) -> None:
    """Replace a file whole: after a crash it is the old one or the new one."""
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
