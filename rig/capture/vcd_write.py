"""Captures as .vcd (value change dump, IEEE 1364), exact to the nanosecond; opens in GTKWave.

Times in a file of ours count from the capture's start. A comment in its header keeps bench, start,
end and sample rate; the last line is a comment with the CRC-32 of all bytes before it, so that a cut or
changed file is refused. A foreign file (sigrok-cli, PulseView) has neither: its first time is its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import numpy as np

from rig.capture.model import Capture, CaptureError

_FIRST_ID, _LAST_ID = 33, 126  # printable ASCII, the identifier codes of a .vcd
MAX_LINES = _LAST_ID - _FIRST_ID + 1
CRC_LINE = b"$comment bot4 crc32=%08x $end\n"


def write_vcd(capture: Capture, path: Path, *, date: datetime | None = None) -> None:
    """Write `capture` to `path`; `date` is the header's (default: now). OSError as from open()."""
    if len(capture.lines) > MAX_LINES:
        raise CaptureError(f"{path}: a .vcd of ours holds at most 94 lines")
    stamp = (date or datetime.now(UTC)).isoformat(timespec="seconds")
    text = "\n".join([*_header(capture, stamp), *_body(capture)]) + "\n"
    data = text.encode("ascii")
    Path(path).write_bytes(data + CRC_LINE % crc32(data))


def _header(capture: Capture, stamp: str) -> Iterator[str]:
    yield f"$date {stamp} $end"
    yield f"$version Bot4 bench {capture.bench} $end"
    span = f"start_ns={capture.start_ns} end_ns={capture.end_ns} rate_hz={capture.rate_hz or '-'}"
    yield f"$comment bot4 bench={capture.bench} {span} $end"
    yield "$timescale 1 ns $end"
    yield f"$scope module {capture.bench} $end"
    for index, line in enumerate(capture.lines):
        yield f"$var wire 1 {chr(_FIRST_ID + index)} {line} $end"
    yield "$upscope $end"
    yield "$enddefinitions $end"


def _body(capture: Capture) -> Iterator[str]:
    yield "#0"
    yield "$dumpvars"
    for index, line in enumerate(capture.lines):
        yield f"{capture.initial[line]}{chr(_FIRST_ID + index)}"
    yield "$end"
    last_ns = 0
    for t_ns, index, level in _changes(capture):
        if t_ns != last_ns:
            yield f"#{t_ns}"
            last_ns = t_ns
        yield f"{level}{chr(_FIRST_ID + index)}"
    end_ns = capture.end_ns - capture.start_ns
    if end_ns != last_ns:
        yield f"#{end_ns}"


def _changes(capture: Capture) -> list[list[int]]:
    """All edges as [time from start in ns, line index, new level], in order of time, then line."""
    parts = []
    for index, line in enumerate(capture.lines):
        times = capture.edges[line] - capture.start_ns
        levels = (np.arange(times.size) + 1 + capture.initial[line]) & 1
        parts.append(np.column_stack((times, np.full(times.size, index), levels)))
    table = np.concatenate(parts)
    return table[np.argsort(table[:, 0], kind="stable")].tolist()
