"""Text files of captures, row by row: bounded in memory whatever is in them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import MAX_EDGES, CaptureError

_ROW_BYTES = 65_536  # the longest real one: a VCD header, or the levels of a few hundred lines
_MOST_LEVELS = 4096


def rows(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, row without its end); CaptureError for one that never ends."""
    number = 0
    while row := file.readline(_ROW_BYTES + 1):
        number += 1
        if len(row) > _ROW_BYTES:
            raise CaptureError(f"row {number} is longer than {_ROW_BYTES} bytes")
        yield number, row.rstrip(b"\r\n")


def shown(cell: bytes) -> str:
    """Return a cell for a complaint: printable, and not the whole file."""
    return repr(cell[:24].decode("ascii", "replace"))


class Levels:
    """Turns the cells `0,1,1` into the byte 0b110; line n is bit n.

    Files repeat a handful of texts millions of times, so each is taken apart once.
    """

    def __init__(self, separator: bytes, lines: int) -> None:
        self._separator = separator
        self._lines = lines
        self._known: dict[bytes, int] = {}

    def __call__(self, text: bytes, row: int) -> int:
        """Return the levels of row `row`; CaptureError when the text is not one level a line."""
        state = self._known.get(text)
        if state is None:
            state = self._parse(text, row)
            if len(self._known) < _MOST_LEVELS:
                self._known[text] = state
        return state

    def _parse(self, text: bytes, row: int) -> int:
        cells = [cell.strip(b' "') for cell in text.split(self._separator)]
        if len(cells) != self._lines:
            raise CaptureError(f"row {row} has {len(cells)} levels, not {self._lines}")
        bad = next((cell for cell in cells if cell not in (b"0", b"1")), None)
        if bad is not None:
            raise CaptureError(f"row {row}: {shown(bad)} is no level, only 0 and 1 are")
        return sum((cell == b"1") << bit for bit, cell in enumerate(cells))


class ChangeList:
    """Collects (time, levels) in order of time and keeps those at which something changes."""

    def __init__(self) -> None:
        self._at = array("q")
        self._states = bytearray()
        self._last = -1
        self.end: int | None = None

    def add(self, at: int, state: int, row: int) -> None:
        """Take the levels from `at` on; CaptureError when that is not after the one before."""
        if self.end is not None and at <= self.end:
            raise CaptureError(f"row {row}: its time is not after the one before")
        if state != self._last:
            if len(self._at) >= MAX_EDGES:
                raise CaptureError(f"more than {MAX_EDGES} edges: noise, or no capture at all")
            try:
                self._at.append(at)
            except OverflowError:
                raise CaptureError(f"row {row}: its time is out of range") from None
            self._states.append(state)
            self._last = state
        self.end = at

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.uint8], int]:
        """Return times of the changes (the first time included), levels from there on, the end."""
        if self.end is None:
            raise CaptureError("no sample in it")
        at = np.frombuffer(self._at, dtype=np.int64)
        return at, np.frombuffer(bytes(self._states), dtype=np.uint8), self.end
