"""One capture of the wires: a start level and a list of edge times for each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# The analyser's channels D0..D7, in order (architecture.md, "The wiring, one table").
LINES = ("SWITCH_A", "SWITCH_B", "HALT", "ACK", "LED_RED", "LED_YELLOW", "LED_GREEN", "PICO_TX")

# A flood beyond this is noise or an attack on the reader's memory: 128 MB of edge times.
MAX_EDGES = 1 << 24

# Names go unquoted into .vcd and .sr headers, so blanks and punctuation are refused at the door.
_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


class CaptureError(Exception):
    """A capture, or the file of one, that cannot be trusted. The message is one line."""


@dataclass(frozen=True, eq=False)
class Capture:
    """Levels of some lines over [start_ns, end_ns], in the bench's CLOCK_MONOTONIC.

    `initial[line]` is the level (0 or 1) at `start_ns`. `edges[line]` is an int64 array, shape
    (n,), of the times in ns at which the line toggles: strictly increasing, start < t <= end. The
    level at an edge's own time is the new one. Arrays are read-only copies. `rate_hz` is the
    analyser's sample rate, None where every edge was stamped by itself; it says how far a time can
    be trusted, so two captures with the same edges are equal whatever it is.

    Raises CaptureError when any of this does not hold.
    """

    bench: str
    initial: Mapping[str, int]
    edges: Mapping[str, NDArray[np.int64]]
    start_ns: int
    end_ns: int
    lines: tuple[str, ...] = LINES
    rate_hz: int | None = None

    def __post_init__(self) -> None:
        _check_names(self.bench, self.lines)
        if self.rate_hz is not None and self.rate_hz < 1:
            raise CaptureError(f"sample rate {self.rate_hz} Hz is not above 0")
        if self.end_ns < self.start_ns:
            raise CaptureError(f"capture ends at {self.end_ns} ns, before {self.start_ns} ns")
        for what, keys in (("initial levels", self.initial), ("edges", self.edges)):
            if set(keys) != set(self.lines):
                raise CaptureError(f"{what} are for {sorted(keys)}, not for {sorted(self.lines)}")
        levels = {line: _level(line, self.initial[line]) for line in self.lines}
        edges = {line: self._checked(line, self.edges[line]) for line in self.lines}
        object.__setattr__(self, "initial", levels)
        object.__setattr__(self, "edges", edges)

    def _checked(self, line: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
        raw = np.asarray(times)
        if raw.ndim != 1 or (raw.size and raw.dtype.kind not in "iu"):
            raise CaptureError(f"{line}: edge times must be one row of whole nanoseconds")
        array = raw.astype(np.int64)  # always a copy: the caller's array may change later
        if array.size:
            if np.any(array[1:] <= array[:-1]):
                raise CaptureError(f"{line}: edge times are not strictly increasing")
            if array[0] <= self.start_ns or array[-1] > self.end_ns:
                raise CaptureError(f"{line}: an edge lies outside the capture")
        array.setflags(write=False)
        return array

    def __eq__(self, other: object) -> bool:
        """Equal bench, times, lines, start levels and edge lists."""
        if not isinstance(other, Capture):
            return NotImplemented
        same_span = (self.start_ns, self.end_ns) == (other.start_ns, other.end_ns)
        return self.bench == other.bench and same_span and self.same_edges(other)

    def same_edges(self, other: Capture) -> bool:
        """True when lines, start levels and all edge lists agree; one edge more is a difference."""
        return (
            self.lines == other.lines
            and self.initial == other.initial
            and all(np.array_equal(self.edges[line], other.edges[line]) for line in self.lines)
        )

    def times(self, line: str) -> NDArray[np.int64]:
        """All edges of `line` in ns; CaptureError when the capture has no such line."""
        if line not in self.edges:
            raise CaptureError(f"no line {line!r} in this capture, only {', '.join(self.lines)}")
        return self.edges[line]

    def level_at(self, line: str, t_ns: int) -> int:
        """The level at `t_ns`, an edge at that very time included; CaptureError outside."""
        return self._level(line, t_ns, "right")

    def level_before(self, line: str, t_ns: int) -> int:
        """The level just before `t_ns`, so that an edge at that very time is not yet seen."""
        return self._level(line, t_ns, "left")

    def _level(self, line: str, t_ns: int, side: str) -> int:
        times = self.times(line)
        if not self.start_ns <= t_ns <= self.end_ns:
            raise CaptureError(f"{line}: nothing is known at {t_ns} ns, outside the capture")
        passed = np.searchsorted(times, t_ns, side=side)  # type: ignore[call-overload]
        return self.initial[line] ^ (int(passed) & 1)

    def rising(self, line: str) -> NDArray[np.int64]:
        """Times in ns at which `line` goes from 0 to 1."""
        times = self.times(line)
        return times[self.initial[line] :: 2]

    def falling(self, line: str) -> NDArray[np.int64]:
        """Times in ns at which `line` goes from 1 to 0."""
        times = self.times(line)
        return times[1 - self.initial[line] :: 2]

    def window(self, t0_ns: int, t1_ns: int) -> Capture:
        """The part in [t0_ns, t1_ns], cut to the capture; CaptureError when nothing is left."""
        start, end = max(t0_ns, self.start_ns), min(t1_ns, self.end_ns)
        if end < start:
            raise CaptureError(f"the window {t0_ns}..{t1_ns} ns is outside the capture")
        initial = {line: self.level_at(line, start) for line in self.lines}
        edges = {
            line: t[slice(*np.searchsorted(t, (start, end), side="right"))]
            for line, t in self.edges.items()
        }
        return replace(self, initial=initial, edges=edges, start_ns=start, end_ns=end)


def from_events(
    events: Iterable[Sequence[int]],
    *,
    bench: str,
    initial: Mapping[str, int],
    start_ns: int,
    end_ns: int,
    lines: tuple[str, ...] = LINES,
    rate_hz: int | None = None,
) -> Capture:
    """Build a Capture from (time_ns, line_index, level) in the order they were recorded.

    Repeats of the level a line already has are dropped. An event at exactly `start_ns` sets the
    start level; every line needs one, there or in `initial`. Refused with CaptureError: times that
    go back or lie outside, unknown lines, levels other than 0 and 1, a pulse of no length.
    """
    _check_names(bench, lines)
    table = _event_table(events, lines, start_ns, end_ns)
    levels = dict(initial)
    edges = {}
    for index, line in enumerate(lines):
        mine = table[table[:, 1] == index]
        at_start = mine[:, 0] == start_ns
        if at_start.any():
            levels[line] = int(mine[at_start][-1, 2])
        if line not in levels:
            raise CaptureError(f"{line}: no level is known at the start")
        later = mine[~at_start]
        before = np.concatenate(([_level(line, levels[line])], later[:-1, 2]))[: len(later)]
        edges[line] = later[later[:, 2] != before, 0]
    return Capture(bench, levels, edges, start_ns, end_ns, lines, rate_hz)


def _event_table(
    events: Iterable[Sequence[int]], lines: tuple[str, ...], start_ns: int, end_ns: int
) -> NDArray[np.int64]:
    rows = events if isinstance(events, np.ndarray) else list(events)
    if len(rows) == 0:
        return np.empty((0, 3), dtype=np.int64)
    try:
        table = np.asarray(rows)
    except (ValueError, OverflowError):
        raise CaptureError("an event is not (time_ns, line_index, level)") from None
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype.kind != "i":
        raise CaptureError("an event is not (time_ns, line_index, level) in whole numbers")
    times, indices, levels = table.T
    for bad, why in (
        (np.concatenate(([False], times[1:] < times[:-1])), "goes back in time"),
        ((times < start_ns) | (times > end_ns), "lies outside the capture"),
        ((indices < 0) | (indices >= len(lines)), "names an unknown line"),
        ((levels != 0) & (levels != 1), "has a level that is not 0 or 1"),
    ):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise CaptureError(f"event {row} {tuple(table[row].tolist())} {why}")
    return table.astype(np.int64)


def _level(line: str, level: int) -> int:
    if isinstance(level, (bool, int, np.integer)) and level in (0, 1):
        return int(level)
    raise CaptureError(f"{line}: start level {level!r} is not 0 or 1")


def _check_names(bench: str, lines: tuple[str, ...]) -> None:
    if not lines or len(set(lines)) != len(lines):
        raise CaptureError("a capture needs lines, each with a name of its own")
    for name in (bench, *lines):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise CaptureError(f"{name!r} is no name: letters, digits and _ . - only")
