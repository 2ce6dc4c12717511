"""What a file of a capture leaves unsaid, and the caller says instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from controller import wiring
from rig.capture.model import MAX_EDGES, Capture, CaptureError

# How analysers name a channel that nobody has named: sigrok, Logic 2, Logic 1.
_CHANNEL_STEMS = ("D", "Channel ", "Channel_")
_BITS_SET = np.array([byte.bit_count() for byte in range(256)])
UNNAMED_BENCH = "unnamed"
_T = TypeVar("_T", str, int)


@dataclass(frozen=True)
class Given:
    """The caller's word; a file that says otherwise is refused.

    lines -- of the file's channels, in order; None: by the channels' names (D0 is wired to ...)
    start_ns -- CLOCK_MONOTONIC of the first sample
    rate_hz -- for formats that do not name the sample rate
    lenient -- a silent file is a capture of an unnamed bench that starts at its own first time
    """

    lines: tuple[str, ...] | None = None
    bench: str | None = None
    start_ns: int | None = None
    rate_hz: int | None = None
    lenient: bool = False

    def agreed_bench(self, in_file: str | None) -> str:
        """Return the bench's name. Raises CaptureError when nobody says it, or both differ."""
        return _agreed("bench", in_file, self.bench, UNNAMED_BENCH if self.lenient else None)

    def agreed_start(self, in_file: int | None, own_zero: int = 0) -> int:
        """Return the start, ns; `own_zero` is the file's own first time, true to no clock."""
        return _agreed("start", in_file, self.start_ns, own_zero if self.lenient else None)

    def agreed_rate(self, in_file: int | None) -> int | None:
        """Return the sample rate, Hz, or None when nobody knows one."""
        if in_file is None and self.rate_hz is None:
            return None
        return _agreed("sample rate", in_file, self.rate_hz, None)

    def agreed_lines(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the line on each of the file's channels.

        Raises CaptureError when there are more or fewer, or one that is wired to nothing.
        """
        if self.lines is None:
            return tuple(_wired(name) for name in names)
        if len(names) != len(self.lines):
            raise CaptureError(f"{len(names)} channels, not {len(self.lines)}")
        if names != self.lines and not _numbered(names):
            raise CaptureError(f"channels are {', '.join(names)}, not {', '.join(self.lines)}")
        return self.lines


def _agreed(what: str, in_file: _T | None, given: _T | None, fallback: _T | None) -> _T:
    if in_file is not None and given is not None and in_file != given:
        raise CaptureError(f"{what} is {in_file} in the file, not {given}")
    value = next((v for v in (in_file, given, fallback) if v is not None), None)
    if value is None:
        raise CaptureError(f"the file does not say its {what}, and nobody else did")
    return value


def _numbered(names: tuple[str, ...]) -> bool:
    return any(
        names == tuple(f"{stem}{place}" for place in range(len(names))) for stem in _CHANNEL_STEMS
    )


def _wired(name: str) -> str:
    by_channel = {channel[1:]: line for channel, line in wiring.analysed()}
    for stem in _CHANNEL_STEMS:
        if name.startswith(stem) and name.removeprefix(stem) in by_channel:
            return by_channel[name.removeprefix(stem)]
    if name in by_channel.values():
        return name
    raise CaptureError(f"channel {name[:40]!r} is wired to nothing: D0..D7 or names of the wiring")


def capture_of(
    at_ns: NDArray[np.int64],
    states: NDArray[np.uint8],
    *,
    bench: str,
    end_ns: int,
    lines: tuple[str, ...],
    rate_hz: int | None,
) -> Capture:
    """Build a Capture from the times (ns) at which the byte of levels changes; line n is bit n.

    Raises CaptureError when all lines together have more edges than a reader should hold.
    """
    toggled = np.bincount(states[1:] ^ states[:-1], minlength=256)
    if int(toggled @ _BITS_SET) > MAX_EDGES:
        raise CaptureError(f"more than {MAX_EDGES} edges: noise, or no capture at all")
    initial, edges = {}, {}
    for bit, line in enumerate(lines):
        levels = (states >> bit) & 1
        initial[line] = int(levels[0])
        edges[line] = at_ns[1:][levels[1:] != levels[:-1]]
    return Capture(bench, initial, edges, int(at_ns[0]), end_ns, lines, rate_hz)
