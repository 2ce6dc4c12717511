"""Captures as .vcd (value change dump, IEEE 1364), exact to the nanosecond; opens in GTKWave.

Times in the file count from the capture's start. A comment in the header keeps bench, start and
end; the last line is a comment with the CRC-32 of all bytes before it, so that a cut or changed
file is refused. Only files written here are read back: an analyser's own captures come as .sr.
"""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rig.capture.model import Capture, CaptureError, from_events

_FIRST_ID, _LAST_ID = 33, 126  # printable ASCII, the identifier codes of a .vcd

_CRC = re.compile(rb"\$comment bot4 crc32=([0-9a-f]{8}) \$end\n")
_SPAN = re.compile(r"\$comment bot4 bench=(\S+) start_ns=(-?\d+) end_ns=(-?\d+) \$end", re.ASCII)
_VAR = re.compile(r"\$var wire 1 ([!-~]) (\S+) \$end")
_TIME = re.compile(r"#(0|[1-9][0-9]*)")
_CHANGE = re.compile(r"([01])([!-~])")


def write_vcd(capture: Capture, path: Path, *, date: datetime | None = None) -> None:
    """Write `capture` to `path`; `date` is the header's (default: now). OSError as from open()."""
    if len(capture.lines) > _LAST_ID - _FIRST_ID + 1:
        raise CaptureError(f"{path}: a .vcd of ours holds at most 94 lines")
    stamp = (date or datetime.now(UTC)).isoformat(timespec="seconds")
    text = "\n".join([*_header(capture, stamp), *_body(capture)]) + "\n"
    data = text.encode("ascii")
    Path(path).write_bytes(data + b"$comment bot4 crc32=%08x $end\n" % crc32(data))


def _header(capture: Capture, stamp: str) -> Iterator[str]:
    yield f"$date {stamp} $end"
    yield f"$version Bot4 bench {capture.bench} $end"
    span = f"start_ns={capture.start_ns} end_ns={capture.end_ns}"
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


def read_vcd(path: Path) -> Capture:
    """Read a file that `write_vcd` wrote; CaptureError, naming the file, for anything else."""
    path = Path(path)
    try:
        return _parse(_intact_text(path.read_bytes()))
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}") from None
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # numbers of thousands of digits, text that is not ASCII
        raise CaptureError(f"{path}: not a .vcd of ours ({type(error).__name__})") from None


def _intact_text(data: bytes) -> str:
    cut = data.rfind(b"$comment bot4 crc32=")
    found = _CRC.fullmatch(data[cut:]) if cut >= 0 else None
    if found is None:
        raise CaptureError("the closing checksum line is missing: cut short, or not written here")
    if int(found[1], 16) != crc32(data[:cut]):
        raise CaptureError("the checksum does not fit: the file was changed or damaged")
    return data[:cut].decode("ascii")


def _parse(text: str) -> Capture:
    head, found, body = text.partition("$enddefinitions $end\n")
    span = _SPAN.search(head)
    lines = dict(_VAR.findall(head))
    if not found or span is None or "$timescale 1 ns $end\n" not in head or not lines:
        raise CaptureError("the header lacks timescale, bench, times or lines")
    start_ns, end_ns = int(span[2]), int(span[3])
    first, _, rest = body.removeprefix("#0\n$dumpvars\n").partition("$end\n")
    order = {code: index for index, code in enumerate(lines)}
    initial = {lines[code]: level for level, code in map(_change, first.split())}
    events, last_ns = [], 0
    for word in rest.split():
        if word.startswith("#"):
            last_ns = _time(word)
            continue
        level, code = _change(word)
        if code not in order:
            raise CaptureError(f"a change of a line never declared: {word!r}")
        events.append((start_ns + last_ns, order[code], level))
    if start_ns + last_ns != end_ns:
        raise CaptureError("the last time is not the end that the header names")
    return from_events(
        events,
        bench=span[1],
        initial=initial,
        start_ns=start_ns,
        end_ns=end_ns,
        lines=tuple(lines.values()),
    )


def _time(word: str) -> int:
    found = _TIME.fullmatch(word)
    if found is None:
        raise CaptureError(f"not a time: {word[:20]!r}")
    return int(found[1])


def _change(word: str) -> tuple[int, str]:
    found = _CHANGE.fullmatch(word)
    if found is None:
        raise CaptureError(f"not a change of a line between 0 and 1: {word[:20]!r}")
    return int(found[1]), found[2]
