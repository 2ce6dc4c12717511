"""Where columns come from: CSV, gzip CSV, Parquet, a folder of the store, the S&P 500 inside `arch`.

Each loader asks `choose` which columns to keep once it has seen the header, so that a file of
several hundred thousand rows does not keep texts that nobody reads. pandas, arch and pyarrow are
imported only by the loader that needs them.
"""

from __future__ import annotations

import csv
import gzip
import io
import stat
import zlib
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from host.data import fast
from host.data.table import BadData, Table, shown

ASKED = "asked.json"  # what makes a folder one series of the store
Choose = Callable[[str, list[str]], Sequence[str]]


def load_csv(path: Path, choose: Choose, as_texts: bool = False) -> Table:
    """A CSV file with one header line; gzip when the name ends in `.gz`.

    as_texts -- keep every cell as it stands there, also in a large file
    """
    name, data = path.name, _plain_bytes(path)
    if len(data) > fast.LARGE_BYTES and data.isascii() and not as_texts:
        quick = _quickly(name, data, choose)
        if quick is not None:
            return quick
    reader = csv.reader(io.StringIO(_text(name, data), newline=""), strict=True)
    try:
        header = _header(name, reader)
        wanted = choose(name, header)
        picked = _pick_rows(name, reader, header, wanted)
    except csv.Error as exc:
        raise BadData(f"{name}: row {max(0, reader.line_num - 1)}: broken CSV: {exc}") from None
    if not picked:
        raise BadData(f"{name}: there is a header but no data row")
    return Table(name, dict(zip(wanted, zip(*picked, strict=True), strict=False)), len(picked))


def _quickly(name: str, data: bytes, choose: Choose) -> Table | None:
    first_line = data[: data.find(b"\n")].decode("ascii")
    header = _header(name, csv.reader([first_line]))
    wanted = choose(name, header)
    columns = fast.parse(data, header, wanted)
    return None if columns is None else Table(name, columns, len(columns[wanted[0]]))


def _header(name: str, reader: Any) -> list[str]:
    header = [field.strip().lower() for field in next(reader, [])]
    if not header:
        raise BadData(f"{name}: the file is empty")
    return header


def _pick_rows(name: str, reader: Any, header: list[str], wanted: Sequence[str]) -> list[Any]:
    # Two columns at least, so that itemgetter returns tuples.
    first, *others = map(header.index, wanted)
    pick, width = itemgetter(first, *(others or [first])), len(header)
    picked: list[Any] = []
    for row in reader:
        if len(row) != width:
            raise BadData(
                f"{name}: row {len(picked) + 1}: {len(row)} fields where the header has {width}"
            )
        picked.append(pick(row))
    return picked


def _plain_bytes(path: Path) -> bytes:
    data = read_bytes(path)
    if path.suffix.lower() == ".gz":
        data = _unzipped(path.name, data)
    return data.removeprefix(b"\xef\xbb\xbf")


def _text(name: str, data: bytes) -> str:
    try:
        # Numbers and codes are ASCII; anything else is another file or a damaged one.
        return data.decode("ascii")
    except UnicodeDecodeError as exc:
        row = data.count(b"\n", 0, exc.start)
        where = f"row {row}" if row else "header"
        raise BadData(f"{name}: {where}: byte 0x{data[exc.start]:02x} is not plain text") from None


def _unzipped(name: str, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except gzip.BadGzipFile as exc:
        raise BadData(f"{name}: not a gzip file: {exc}") from None
    except EOFError:
        raise BadData(f"{name}: the gzip file is cut off") from None
    except zlib.error as exc:
        raise BadData(f"{name}: damaged gzip file: {exc}") from None


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; BadData when there is none (a pipe would block for ever)."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadData(f"{path.name}: not a regular file: {shown(path)}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadData(f"{path.name}: no such file: {shown(path)}") from None
    except (OSError, ValueError) as exc:
        if isinstance(exc, BadData):
            raise
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise BadData(f"{path.name}: cannot be read: {reason}") from None
    if not data:
        raise BadData(f"{path.name}: the file is empty")
    return data


def load_parquet(path: Path, choose: Choose) -> Table:
    """A Parquet file; timestamps with a zone are read as the UTC instants they are."""
    name, data = path.name, read_bytes(path)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise BadData(f"{name}: reading Parquet needs pyarrow: pip install 'bot4[bench]'") from None
    try:
        # Without threads: those of pyarrow may outlive the interpreter, which then aborts.
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
        # The names in the file, lowered for the choice and mapped back for the read.
        stored = {field.strip().lower(): field for field in file.schema_arrow.names}
        if len(stored) != len(file.schema_arrow.names):
            raise BadData(f"{name}: two columns have the same name")
        wanted = choose(name, list(stored))
        table = file.read([stored[column] for column in wanted], use_threads=False)
        columns = {w: _parquet_values(table.column(stored[w])) for w in wanted}
    except (pa.ArrowException, OSError) as exc:
        first_line = next(iter(str(exc).splitlines()), "unreadable")
        raise BadData(f"{name}: damaged Parquet file: {first_line}") from None
    if table.num_rows == 0:
        raise BadData(f"{name}: there are columns but no data row")
    return Table(name, columns, table.num_rows)


def load_folder(path: Path, choose: Choose) -> Table:
    """A series of the store: its Parquet files one after the other, which is by time."""
    name = "/".join(path.parts[-3:])
    if not (path / ASKED).is_file():
        raise BadData(f"{shown(path)}: a folder, but not a series of the store (no {ASKED})")
    parts = [load_parquet(file, choose) for file in sorted(path.glob("*.parquet"))]
    if not parts:
        raise BadData(f"{name}: no bar was fetched yet")
    columns = {
        column: np.concatenate([np.asarray(part.columns[column]) for part in parts])
        for column in parts[0].columns
    }
    return Table(name, columns, sum(part.rows for part in parts))


def _parquet_values(column: Any) -> np.ndarray[Any, Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        # pyarrow keeps zoned timestamps as UTC inside; numpy has no zones.
        column = column.cast(pa.timestamp(column.type.unit))
    return np.asarray(column.to_numpy())


def load_sp500() -> Table:
    """Daily S&P 500 bars that come with the `arch` package, 1999 to 2018, as `arch:sp500`."""
    try:
        from arch.data import sp500
    except ImportError:
        raise BadData(
            "sp500: the arch package is not installed: pip install 'bot4[bench]'"
        ) from None
    frame = sp500.load()
    columns: dict[str, np.ndarray[Any, Any]] = {"timestamp": frame.index.to_numpy()}
    for title in ("Open", "High", "Low", "Close", "Volume"):
        columns[title.lower()] = frame[title].to_numpy()
    return Table("arch:sp500", columns, len(frame))
