"""Reads captures from .vcd (value change dump, IEEE 1364), ours and those of other programs.

Ours are refused unless the checksum in their last line fits (`rig.capture.vcd_write`). Others are what
they say: their first time is the start, and where sigrok names the sample rate in a comment, times
that it rounded go back to the sample they were taken from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rig.capture.given import Given
from rig.capture.grid import nearest_sample, parse_rate, to_offset_ns
from rig.capture.model import Capture, CaptureError
from rig.capture.vcd_wires import Wires
from rig.capture.vcd_write import CRC_LINE, MAX_LINES, write_vcd

__all__ = ["load_vcd", "read_vcd", "write_vcd"]

_READ_BYTES = 1 << 20
_WORD_BYTES = 256
_HEADER_WORDS = 10_000
_CRC_BYTES = len(CRC_LINE % 0)
_CRC_START = CRC_LINE.partition(b"%")[0]
_OURS = re.compile(
    r"bot4 bench=(\S+) start_ns=(-?\d{1,19}) end_ns=(-?\d{1,19})(?: rate_hz=(\d{1,10}|-))?"
)
_ACQUIRED = re.compile(r"Acquisition with \d+/\d+ channels at (\S+ \S+)")
_TIMESCALE = re.compile(r"(10{0,2}) ?([munpf]?s)")
_TENTHS = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15}
_BODY_KEYWORDS = (b"$dumpvars", b"$dumpall", b"$dumpon", b"$dumpoff", b"$end")


def read_vcd(path: Path, *, bench: str | None = None, start_ns: int | None = None) -> Capture:
    """Read a .vcd; `bench` and `start_ns` (CLOCK_MONOTONIC ns) are for files that do not say.

    Raises CaptureError, one line with the file's name, when the file is damaged or not of one-bit
    lines between 0 and 1.
    """
    path = Path(path)
    try:
        return load_vcd(path, Given(None, bench, start_ns))
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}") from None
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from None


def load_vcd(path: Path, given: Given) -> Capture:
    """Read a .vcd; CaptureError without the file's name, OSError as from open()."""
    with Path(path).open("rb") as file:
        sealed = _check_seal(file)
        words = _words(file)
        head = _read_head(words)
        if sealed != (head.ours is not None):
            raise CaptureError("header and checksum line do not belong together: cut or changed")
        return _read_body(words, head, given)


@dataclass
class _Head:
    """Declarations. `ours` is (bench, start ns, end ns, rate or -) of a file of ours."""

    unit_ns: Fraction | None = None
    names: dict[bytes, str] = field(default_factory=dict)
    rate_hz: int | None = None
    sigrok: bool = False
    ours: tuple[str, str, str, str] | None = None


def _check_seal(file: BinaryIO) -> bool:
    """True when the file ends with our checksum line; CaptureError when that does not fit."""
    size = os.fstat(file.fileno()).st_size
    left, crc = size - _CRC_BYTES, 0
    file.seek(max(0, left))
    line = file.read()
    file.seek(0)
    if not line.startswith(_CRC_START):
        return False
    while left > 0 and (data := file.read(min(_READ_BYTES, left))):
        crc, left = crc32(data, crc), left - len(data)
    file.seek(0)
    if line != CRC_LINE % crc:
        raise CaptureError("the checksum does not fit: the file was changed or damaged")
    return True


def _words(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while data := file.read(_READ_BYTES):
        words = (rest + data).split()
        whole = data[-1:].isspace() or not words
        rest = b"" if whole else words.pop()
        if len(rest) > _WORD_BYTES:
            raise CaptureError(f"a word is longer than {_WORD_BYTES} bytes")
        yield from words
    if rest:
        yield rest


def _read_head(words: Iterator[bytes]) -> _Head:
    head, block = _Head(), list[str]()
    for count, word in enumerate(words):
        if count > _HEADER_WORDS:
            raise CaptureError("its header does not end")
        if word != b"$end":
            block.append(word.decode("ascii", "replace"))
            continue
        keyword, text = block[0] if block else "", " ".join(block[1:])
        if keyword == "$enddefinitions":
            if head.unit_ns is None or not head.names:
                raise CaptureError("the header lacks timescale or lines")
            return head
        _declare(head, keyword, text, block)
        block = []
    raise CaptureError("no header of a .vcd, or one that is cut short")


def _declare(head: _Head, keyword: str, text: str, block: list[str]) -> None:
    if keyword == "$var":
        if len(block) < 5 or block[2] != "1" or block[3].encode() in head.names:
            raise CaptureError(f"not a line of one bit: {text[:40]!r}")
        head.names[block[3].encode()] = block[4]
        if len(head.names) > MAX_LINES:
            raise CaptureError(f"more than {MAX_LINES} lines")
    elif keyword == "$timescale":
        scale = _TIMESCALE.fullmatch(text)
        if scale is None:
            raise CaptureError(f"no timescale: {text[:20]!r}")
        head.unit_ns = Fraction(int(scale[1]) * 10**9, 10 ** _TENTHS[scale[2]])
    elif keyword == "$version":
        head.sigrok = text.startswith("libsigrok")
    elif keyword == "$comment":
        if acquired := _ACQUIRED.fullmatch(text):
            head.rate_hz = parse_rate(acquired[1])
        elif ours := _OURS.fullmatch(text):
            head.ours = (ours[1], ours[2], ours[3], ours[4] or "-")


def _read_body(words: Iterator[bytes], head: _Head, given: Given) -> Capture:
    assert head.unit_ns is not None
    wires = Wires(head.unit_ns, head.names)
    for word in words:
        first = word[:1]
        if first == b"#":
            wires.set_time(word)
        elif word == b"$comment":
            while next(words, b"$end") != b"$end":
                pass
        elif word not in _BODY_KEYWORDS:
            wires.change(word)
    names = tuple(head.names.values())
    if head.ours is None:
        bench, said_start, rate_hz = None, None, given.agreed_rate(head.rate_hz)
        lines = given.agreed_lines(names)
    else:
        bench, said_start = head.ours[0], int(head.ours[1])
        rate_hz = None if head.ours[3] == "-" else int(head.ours[3])
        lines = names if given.lines is None else given.agreed_lines(names)
    zero, last = wires.span()
    start = given.agreed_start(said_start, zero)
    placed = _on_samples if head.ours is None and rate_hz else _as_they_are
    edges = [placed(times, zero, rate_hz) for times in wires.toggles.values()]
    end = int(placed(np.array([last]), zero, rate_hz)[0])
    if head.sigrok and rate_hz:
        # sigrok closes with the time after its last sample.
        at = nearest_sample(np.array([last - zero]), rate_hz) - 1
        end = max(0, int(to_offset_ns(at, rate_hz)[0]), *(int(t[-1]) for t in edges if t.size))
    if head.ours is not None and start + end != int(head.ours[2]):
        raise CaptureError("the last time is not the end that the header names")
    return Capture(
        given.agreed_bench(bench),
        dict(zip(lines, wires.initial(), strict=True)),
        {line: times + start for line, times in zip(lines, edges, strict=True)},
        start,
        start + end,
        lines,
        rate_hz,
    )


def _as_they_are(times: NDArray[np.int64], zero: int, _rate_hz: int | None) -> NDArray[np.int64]:
    return times - zero


def _on_samples(times: NDArray[np.int64], zero: int, rate_hz: int | None) -> NDArray[np.int64]:
    assert rate_hz is not None
    return to_offset_ns(nearest_sample(times - zero, rate_hz), rate_hz)
