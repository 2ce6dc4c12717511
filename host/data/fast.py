"""The quick way through a large, clean CSV: pyarrow's parser, straight into arrays.

`parse` returns None for everything that it does not read beyond doubt. The file is then read again
row by row, which knows the row for the message, so both ways accept and refuse the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LARGE_BYTES = 1_000_000  # below, importing pyarrow costs more than it saves
INTEGERS = {"timestamp_ms", "timestamp_us", "local_ns", "event_ms"}
TIMES = {"timestamp", "date", "datetime", "time"}

Columns = dict[str, np.ndarray[Any, Any]]


def parse(data: bytes, header: Sequence[str], wanted: Sequence[str]) -> Columns | None:
    """The wanted columns of a CSV with a header line, or None."""
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    zoned = _first_row_has_a_zone(data, header, wanted)
    types = {column: pa.float64() for column in wanted}
    types |= {column: pa.int64() for column in wanted if column in INTEGERS}
    types |= {c: pa.timestamp("ns", "UTC" if zoned else None) for c in wanted if c in TIMES}
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=list(header), skip_rows=1),
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=types, include_columns=list(dict.fromkeys(wanted)), null_values=[""]
            ),
        )
    except pa.ArrowException:
        return None
    if table.num_rows == 0 or any(column.null_count for column in table.columns):
        return None
    return {name: _array(table.column(name)) for name in table.column_names}


def _array(column: Any) -> np.ndarray[Any, Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        # pyarrow keeps zoned timestamps as UTC inside; numpy has no zones.
        column = column.cast(pa.timestamp(column.type.unit))
    return np.asarray(column.to_numpy())


def _first_row_has_a_zone(data: bytes, header: Sequence[str], wanted: Sequence[str]) -> bool:
    times = [column for column in wanted if column in TIMES]
    start = data.find(b"\n") + 1
    cells = data[start : data.find(b"\n", start)].split(b",")
    index = header.index(times[0]) if times else len(cells)
    text = cells[index].strip() if index < len(cells) else b""
    return text.endswith(b"Z") or b"+" in text or text.count(b"-") > 2
