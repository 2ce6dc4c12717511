"""Reading the log for people and other programs: the last records, and whole logs in other forms.

Nothing here verifies: `host.audit.verify` does, and exports say so by carrying the hashes along.
"""

import csv
import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from host.audit import AuditInputError, AuditRecordError
from host.audit.record import SEGMENT_NAME, Record, parse

COLUMNS = ("seq", "wall_ns", "mono_ns", "kind", "origin", "data", "prev", "hash")


def records(directory: Path) -> Iterator[Record]:
    """Yield the records in order. Raises AuditInputError with one line for what is not a log."""
    found: dict[int, Path] = {}
    try:
        for path in directory.iterdir():
            match = SEGMENT_NAME.fullmatch(path.name)
            if match:
                found[int(match[1])] = path
        if not found:
            raise AuditInputError(f"{directory}: no audit log is here")
        for number in sorted(found):
            with found[number].open("rb") as lines:
                yield from _read(lines, found[number])
    except OSError as error:
        raise AuditInputError(f"{directory}: {error.strerror}") from None


def _read(lines: BinaryIO, path: Path) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return  # still being written; `verify` says so when it stays
        try:
            yield parse(line)
        except AuditRecordError as error:
            raise AuditInputError(f"{path}: line {number} is not a record: {error}") from None


def tail(directory: Path, count: int) -> list[Record]:
    """Return the last `count` records."""
    return list(deque(records(directory), maxlen=count))


def _row(record: Record) -> dict[str, object]:
    row = {name: getattr(record, name) for name in COLUMNS}
    return {**row, "data": json.dumps(record.data, sort_keys=True, separators=(",", ":"))}


def _to_json(directory: Path, out: Path) -> int:
    """One JSON array, a record a line."""
    count = 0
    with out.open("w", encoding="utf-8") as file:
        file.write("[")
        for record in records(directory):
            file.write(",\n" if count else "\n")
            count += 1
            row = {name: getattr(record, name) for name in COLUMNS}
            file.write(json.dumps(row, sort_keys=False, separators=(",", ":")))
        file.write("\n]\n")
    return count


def _to_csv(directory: Path, out: Path) -> int:
    """A header line; `data` is JSON text."""
    count = 0
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for record in records(directory):
            writer.writerow(_row(record))
            count += 1
    return count


def _to_parquet(directory: Path, out: Path) -> int:
    """The same columns; a row group for each 50,000 records, so that memory stays flat."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise AuditInputError("Parquet needs pyarrow: pip install 'bot4[bench]'") from None
    whole = {"seq": pa.int64(), "wall_ns": pa.int64(), "mono_ns": pa.int64()}
    schema = pa.schema([(name, whole.get(name, pa.string())) for name in COLUMNS])
    count = 0
    with pq.ParquetWriter(out, schema) as writer:
        for rows in _batches(records(directory), 50_000):
            count += len(rows)
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return count


def _batches(source: Iterator[Record], size: int) -> Iterator[list[dict[str, object]]]:
    rows: list[dict[str, object]] = []
    for record in source:
        rows.append(_row(record))
        if len(rows) == size:
            yield rows
            rows = []
    if rows:
        yield rows


FORMATS: dict[str, Callable[[Path, Path], int]] = {
    ".json": _to_json,
    ".csv": _to_csv,
    ".parquet": _to_parquet,
}


def export(directory: Path, out: Path) -> int:
    """Write the log to `out`, in the form its ending names; return the number of records.

    `out` appears whole or not at all. Raises AuditInputError with one line.
    """
    write = FORMATS.get(out.suffix)
    if write is None:
        raise AuditInputError(f"{out}: the ending must be one of {', '.join(FORMATS)}")
    if out.name.startswith("audit-") and out.parent.resolve() == directory.resolve():
        raise AuditInputError(f"{out}: not into the log's own folder")
    partial = out.with_name(f".{out.name}.part")
    try:
        count = write(directory, partial)
        partial.replace(out)
    except OSError as error:
        raise AuditInputError(f"{out}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return count
