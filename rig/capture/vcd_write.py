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
from numpy.typing import NDArray

from rig.capture.model import Capture, CaptureError

_FIRST_ID, _LAST_ID = 33, 126  # printable ASCII, the identifier codes of a .vcd
MAX_LINES = _LAST_ID - _FIRST_ID + 1
_BATCH = 65_536  # changes in memory as text at a time
CRC_LINE = b"$comment bot4 crc32=%08x $end\n"


def write_vcd(capture: Capture, path: Path, *, date: datetime | None = None) -> None:
    """Write `capture` to `path`; `date` is the header's (default: now). OSError as from open()."""
    if len(capture.lines) > MAX_LINES:
        raise CaptureError(f"{path}: a .vcd of ours holds at most 94 lines")
    stamp = (date or datetime.now(UTC)).isoformat(timespec="seconds")
    crc = 0
    with Path(path).open("wb") as file:
        for text in _parts(capture, stamp):
            data = text.encode("ascii")
            crc = crc32(data, crc)
            file.write(data)
        file.write(CRC_LINE % crc)


def _parts(capture: Capture, stamp: str) -> Iterator[str]:
    yield "\n".join([*_header(capture, stamp), *_start(capture)]) + "\n"
    times, codes = _changes(capture)
    for first in range(0, times.size, _BATCH):
        batch = times[first : first + _BATCH].tolist()
        words: list[object] = [None] * (2 * len(batch))
        words[0::2], words[1::2] = batch, codes[first : first + _BATCH].tolist()
        yield ("#%d\n%s\n" * len(batch)) % tuple(words)
    end_ns = capture.end_ns - capture.start_ns
    if end_ns != (times[-1] if times.size else 0):
        yield f"#{end_ns}\n"


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


def _start(capture: Capture) -> Iterator[str]:
    yield "#0"
    yield "$dumpvars"
    for index, line in enumerate(capture.lines):
        yield f"{capture.initial[line]}{chr(_FIRST_ID + index)}"
    yield "$end"


def _changes(capture: Capture) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """All edges in order of time, then line: time from the start in ns, and the word for it."""
    times, codes = [], []
    for index, line in enumerate(capture.lines):
        words = np.array([f"{level}{chr(_FIRST_ID + index)}" for level in (0, 1)])
        edges = capture.edges[line]
        times.append(edges - capture.start_ns)
        codes.append(words[(np.arange(edges.size) + 1 + capture.initial[line]) & 1])
    at = np.concatenate(times)
    order = np.argsort(at, kind="stable")
    return at[order], np.concatenate(codes)[order]
