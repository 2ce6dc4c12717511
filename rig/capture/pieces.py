"""The pieces logic-1-1, logic-1-2, ... of a sigrok session: from deflated samples to changes.

A billion samples pass through here, so: pieces are inflated side by side in threads (the inflater,
the checksum and numpy all let go of the interpreter's lock), a megabyte at a time that stays in the
processor's cache, and only the samples at which the byte changes are kept.
"""

from __future__ import annotations

import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig.capture.grid import MAX_SAMPLES
from rig.capture.model import MAX_EDGES, CaptureError

try:
    from isal import isal_zlib as inflater
except ImportError:  # a Pi without the bench's packages: the same, several times slower
    import zlib as inflater  # type: ignore[no-redef]

# isal's stub calls its error a value where it is a class.
INFLATE_ERRORS: tuple[type[Exception], ...] = (zlib.error, inflater.error)  # type: ignore[assignment]
_OUT_BYTES = 1 << 20
_IN_BYTES = 1 << 16
_LOCAL = struct.Struct("<4s5H3L2H")  # a zip member's own header; the name and more follow
_ENCRYPTED = 1


class Changes(NamedTuple):
    """Samples at which the byte changes (the first one included), the byte from there on, and how
    many samples there are in all."""

    at: NDArray[np.int64]
    states: NDArray[np.uint8]
    samples: int


def check_method(info: zipfile.ZipInfo) -> None:
    """Raise CaptureError for a member that sigrok would not have written."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CaptureError(f"{info.filename} is packed in a way that sigrok does not use")
    if info.flag_bits & _ENCRYPTED:
        raise CaptureError(f"{info.filename} is encrypted")


def find_pieces(session: zipfile.ZipFile, stem: str) -> list[zipfile.ZipInfo]:
    """Return the pieces in order. Raises CaptureError when one is missing, or all are too much."""
    found = {info.filename: info for info in session.infolist()}
    present = {name for name in found if name.startswith(f"{stem}-")}
    wanted = [f"{stem}-{number}" for number in range(1, len(present) + 1)]
    if not present or present != set(wanted):
        raise CaptureError(f"pieces {stem}-1, {stem}-2, ... are missing or not in one row")
    pieces = [found[name] for name in wanted]
    for piece in pieces:
        check_method(piece)
    samples = sum(piece.file_size for piece in pieces)
    if samples > MAX_SAMPLES:
        raise CaptureError(f"{samples} samples, more than the {MAX_SAMPLES} that are read")
    if not samples:
        raise CaptureError("no sample in it")
    return pieces


def read_changes(fd: int, pieces: Sequence[zipfile.ZipInfo]) -> Changes:
    """Inflate all pieces from the file `fd`. Raises CaptureError for what is damaged or a flood."""
    if sum(piece.compress_size for piece in pieces) > os.fstat(fd).st_size:
        raise CaptureError("pieces lie upon each other")
    flood = _Flood()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        parts = list(pool.map(lambda piece: _read_piece(fd, piece, flood), pieces))
    return _joined(parts)


class _Flood:
    """Counts the changes of all pieces, so that a flood ends while it is still small."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found = 0

    def add(self, count: int) -> None:
        with self._lock:
            self._found += count
            if self._found > MAX_EDGES:
                raise CaptureError(f"more than {MAX_EDGES} edges: noise, or no capture at all")


def _read_piece(fd: int, piece: zipfile.ZipInfo, flood: _Flood) -> Changes:
    ats: list[NDArray[np.int64]] = []
    states: list[NDArray[np.uint8]] = []
    samples, crc, last = 0, 0, -1
    flood.add(0)
    for data in _inflated(fd, piece):
        crc = inflater.crc32(data, crc)
        chunk = np.frombuffer(data, dtype=np.uint8)
        at = changes_in(chunk, last)
        flood.add(at.size)
        ats.append(at + samples)
        states.append(chunk[at])
        samples, last = samples + chunk.size, int(chunk[-1])
    if samples != piece.file_size or crc != piece.CRC:
        raise CaptureError(f"{piece.filename}: the checksum does not fit: cut short or damaged")
    if not samples:
        return Changes(np.empty(0, np.int64), np.empty(0, np.uint8), 0)
    return Changes(np.concatenate(ats), np.concatenate(states), samples)


def changes_in(chunk: NDArray[np.uint8], last: int) -> NDArray[np.int64]:
    """Places at which a byte of `chunk` differs from the one before it; `last` is before the first.

    Eight bytes are compared at once. A word equal to the one before it changes nothing, unless it is
    not eight times the same byte: then it is a pattern that goes on.
    """
    words = chunk[: chunk.size & ~7].view(np.uint64)
    at = np.flatnonzero(words[1:] != words[:-1]) + 1
    new = np.concatenate((np.zeros(min(1, words.size), dtype=np.int64), at))
    runs = np.diff(np.append(new, words.size))
    patterned = words[new] != (words[new] >> np.uint64(8) | words[new] << np.uint64(56))
    lengths = np.where(patterned, runs, 1)
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    looked_at = np.repeat(new, lengths) + steps
    places = (looked_at[:, None] * 8 + np.arange(8)).ravel()
    places = np.concatenate((places, np.arange(chunk.size & ~7, chunk.size)))
    changed = chunk[places] != chunk[places - 1]
    changed[0] = int(chunk[0]) != last
    return places[changed]


def _inflated(fd: int, piece: zipfile.ZipInfo) -> Iterator[bytes]:
    """The samples of a piece, at most a megabyte at a time and never more than it announces."""
    left = piece.file_size
    stored = piece.compress_type == zipfile.ZIP_STORED
    engine = inflater.decompressobj(-15)
    for packed in _packed(fd, piece):
        while packed and not (stored or engine.eof):
            data = engine.decompress(packed, _OUT_BYTES)
            packed = engine.unconsumed_tail
            left -= len(data)
            _check_left(piece, left)
            if data:
                yield data
        if stored:
            left -= len(packed)
            _check_left(piece, left)
            yield packed
    if not stored and (tail := engine.flush()):
        _check_left(piece, left - len(tail))
        yield tail


def _check_left(piece: zipfile.ZipInfo, left: int) -> None:
    if left < 0:
        raise CaptureError(f"{piece.filename} holds more samples than it announces")


def _packed(fd: int, piece: zipfile.ZipInfo) -> Iterator[bytes]:
    head = os.pread(fd, _LOCAL.size, piece.header_offset)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise CaptureError(f"{piece.filename} is not where the zip's directory says")
    *_rest, name_bytes, extra_bytes = _LOCAL.unpack(head)
    at = piece.header_offset + _LOCAL.size + name_bytes + extra_bytes
    end = at + piece.compress_size
    while at < end:
        data = os.pread(fd, min(_IN_BYTES, end - at), at)
        if not data:
            raise CaptureError(f"{piece.filename} is cut short")
        at += len(data)
        yield data


def _joined(parts: Sequence[Changes]) -> Changes:
    """Put pieces in one row; a change at a seam is one only when the byte differs across it."""
    ats: list[NDArray[np.int64]] = []
    states: list[NDArray[np.uint8]] = []
    samples, last = 0, -1
    for part in parts:
        if part.samples:
            same = int(part.states[0] == last)
            ats.append(part.at[same:] + samples)
            states.append(part.states[same:])
            samples, last = samples + part.samples, int(part.states[-1])
    return Changes(np.concatenate(ats), np.concatenate(states), samples)
