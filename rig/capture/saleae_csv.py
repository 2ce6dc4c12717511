"""Captures as CSV of Saleae's Logic: one row for each time at which something changes.

Logic 2 writes `Time [s],Channel 0,...` with seconds or ISO 8601 times, Logic 1 `Time[s], Channel 0,
...`. The file names neither sample rate nor end: its last row is the end. Our own begin and end
with a row whatever changes there, and count seconds in the bench's clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rig.capture.given import Given, capture_of
from rig.capture.grid import S_NS, nearest_sample, state_changes, to_offset_ns
from rig.capture.model import Capture, CaptureError
from rig.capture.rows import ChangeList, Levels, rows, shown

_SECONDS_HEADS = (b"time [s]", b"time[s]", b"time (s)")
_HEADS = (*_SECONDS_HEADS, b"time")
_MAX_LINES = 8
_SECONDS = re.compile(rb"(-?)(\d{1,10})(?:\.(\d{1,18}))?")
_ISO = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)")


def is_saleae(head: bytes) -> bool:
    """True when the first row of a file is a header of Logic's."""
    first = head.removeprefix(b"\xef\xbb\xbf").split(b",")[0]
    return first.strip(b' "').lower() in _HEADS


def write_saleae(capture: Capture, path: Path) -> None:
    """Write `capture`, every nanosecond exact; OSError as from open()."""
    at, states = state_changes(capture, S_NS)
    if len(capture.lines) > _MAX_LINES:
        raise CaptureError(f"{path}: {len(capture.lines)} lines, a file of ours holds {_MAX_LINES}")
    keep = np.append(at[1:] != at[:-1], True)
    changes = zip((at[keep] + capture.start_ns).tolist(), states[keep].tolist(), strict=True)
    closing = [] if at[-1] + capture.start_ns == capture.end_ns else [(capture.end_ns, states[-1])]
    with Path(path).open("w", encoding="ascii", newline="\n") as file:
        file.write(",".join(["Time [s]", *capture.lines]) + "\n")
        for t_ns, state in chain(changes, closing):
            levels = (str(state >> bit & 1) for bit in range(len(capture.lines)))
            file.write(f"{_decimal(t_ns)},{','.join(levels)}\n")


def _decimal(t_ns: int) -> str:
    seconds, rest = divmod(abs(t_ns), S_NS)
    return f"{'-' * (t_ns < 0)}{seconds}.{rest:09d}"


def read_saleae(path: Path, given: Given) -> Capture:
    """Read an export of digital channels; CaptureError, naming the file, when it is none."""
    with Path(path).open("rb") as file:
        return _read(file, given)


def _read(file: BinaryIO, given: Given) -> Capture:
    table = rows(file)
    head = next(table, (0, b""))[1].removeprefix(b"\xef\xbb\xbf")
    first, *names = (cell.strip(b' "') for cell in head.split(b","))
    if first.lower() not in _HEADS or not 1 <= len(names) <= _MAX_LINES:
        raise CaptureError(f"a header with a time and 1 to {_MAX_LINES} channels is missing")
    lines = given.agreed_lines(tuple(name.decode("ascii", "replace") for name in names))
    time_of, levels = _time_reader(first), Levels(b",", len(lines))
    found = ChangeList()
    for number, row in table:
        if row:
            cell, _comma, rest = row.partition(b",")
            found.add(time_of(cell.strip(b' "'), number), levels(rest, number), number)
    at, states, end = found.arrays()
    zero = int(at[0])
    start = given.agreed_start(None, zero)
    offsets, rate_hz = np.append(at, end) - zero, given.agreed_rate(None)
    if rate_hz is not None:
        offsets = to_offset_ns(nearest_sample(offsets, rate_hz), rate_hz)
    times = start + offsets
    return capture_of(
        times[:-1],
        states,
        bench=given.agreed_bench(None),
        end_ns=int(times[-1]),
        lines=lines,
        rate_hz=rate_hz,
    )


def _time_reader(head: bytes) -> Callable[[bytes, int], int]:
    return _seconds_ns if head.lower() in _SECONDS_HEADS else _iso_ns


def _seconds_ns(cell: bytes, row: int) -> int:
    found = _SECONDS.fullmatch(cell)
    if found is None:
        raise CaptureError(f"row {row}: {shown(cell)} is no time in seconds")
    t_ns = int(found[2]) * S_NS + _fraction_ns(found[3])
    return -t_ns if found[1] else t_ns


def _iso_ns(cell: bytes, row: int) -> int:
    found = _ISO.fullmatch(cell)
    if found is None:
        raise CaptureError(f"row {row}: {shown(cell)} is no ISO 8601 time with a zone")
    try:
        return _epoch_s(found[1], found[3]) * S_NS + _fraction_ns(found[2])
    except (ValueError, OverflowError):
        raise CaptureError(f"row {row}: {shown(cell)} is a time that never was") from None


@lru_cache(maxsize=16)
def _epoch_s(second: bytes, zone: bytes) -> int:
    when = datetime.fromisoformat((second + zone).decode().replace("Z", "+00:00"))
    return int((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _fraction_ns(digits: bytes | None) -> int:
    """Nanoseconds of the digits after the point, rounded half up."""
    digits = (digits or b"").ljust(10, b"0")
    return int(digits[:9]) + (digits[9:10] >= b"5")
