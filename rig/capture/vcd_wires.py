"""The wires of a .vcd while its body is read: times in, changes in, toggle times out."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import MAX_EDGES, CaptureError


class Wires:
    """Levels and toggle times (ns) of the lines `names` (by code), in units of `unit_ns`."""

    def __init__(self, unit_ns: Fraction, names: Mapping[bytes, str]) -> None:
        self._up, self._down = unit_ns.as_integer_ratio()
        self._names = names
        self._toggles = {code: array("q") for code in names}
        self._first: dict[bytes, int] = {}
        self._level: dict[bytes, int] = {}
        self._changes = 0
        self._zero: int | None = None
        self._now = 0

    def set_time(self, word: bytes) -> None:
        """Go to the time `#123`, in units of the timescale."""
        digits = word[1:]
        if not digits.isdigit() or len(digits) > 24:
            raise CaptureError(f"not a time: {word[:20]!r}")
        now = (2 * int(digits) * self._up + self._down) // (2 * self._down)
        if now >= 1 << 62 or (self._zero is not None and now < self._now):
            raise CaptureError(f"time goes back or out of range: {word[:24]!r}")
        self._now = now
        if self._zero is None:
            self._zero = now

    def change(self, word: bytes) -> None:
        """Take `1!`: a level and the line's code."""
        level, code = word[0] - 48, word[1:]
        toggles = self._toggles.get(code)
        if toggles is None or level not in (0, 1):
            raise CaptureError(f"not a change of a line between 0 and 1: {word[:20]!r}")
        before = self._level.get(code)
        if self._zero is None:
            self._zero = 0
        if before is None or (self._now == self._zero and not toggles):
            if self._now != self._zero:
                raise CaptureError(f"{self._names[code]}: no level is known at the start")
            self._first[code] = self._level[code] = level
        elif before != level:
            self._level[code] = level
            if toggles and toggles[-1] == self._now:
                toggles.pop()  # the last word on one instant holds
            else:
                self._count()
                toggles.append(self._now)

    def _count(self) -> None:
        self._changes += 1
        if self._changes > MAX_EDGES:
            raise CaptureError(f"more than {MAX_EDGES} edges: noise, or no capture at all")

    @property
    def toggles(self) -> dict[bytes, NDArray[np.int64]]:
        """Toggle times of each line, ns, as the file counts them."""
        return {code: np.array(times, dtype=np.int64) for code, times in self._toggles.items()}

    def initial(self) -> list[int]:
        """Return the start level of each line; CaptureError for one without any."""
        missing = [name for code, name in self._names.items() if code not in self._first]
        if missing:
            raise CaptureError(f"{missing[0]}: no level is known at the start")
        return [self._first[code] for code in self._names]

    def span(self) -> tuple[int, int]:
        """Return the first and the last time, ns."""
        return self._zero or 0, self._now
