"""One recording after the other, and the one capture that they make together.

An analyser's memory is finite, so it runs from before a hand moves until ACK has come and the aftermath
is over, and not in between. What a line did in a gap shows at the beginning of the next stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rig.analysers import Analyser
from rig.capture.model import Capture, CaptureError


@dataclass(frozen=True)
class Gap:
    """Time in which nothing was recorded, and the lines that were not as before when it ended."""

    start_ns: int
    end_ns: int
    changed: tuple[str, ...]


class Stretches:
    """Starts and ends the recordings of one analyser."""

    def __init__(self, analyser: Analyser) -> None:
        self.analyser = analyser
        self.done: list[Capture] = []
        self._armed = False

    def begin(self) -> None:
        """Record from now on, if that is not so already. Raises AnalyserError."""
        if not self._armed:
            self.analyser.arm(None, None)
            self._armed = True

    def end(self) -> bool:
        """End the recording under way and keep it; False when there was none. Raises CaptureFailed."""
        if not self._armed:
            return False
        self._armed = False
        self.done.append(self.analyser.stop())
        return True

    def close(self) -> None:
        """Forget a recording under way, and give the analyser back."""
        self._armed = False
        self.analyser.close()


def shifted(capture: Capture, by_ns: int) -> Capture:
    """Return a capture in a clock that is `by_ns` ahead: no distance in it changes."""
    return replace(
        capture,
        edges={line: times + by_ns for line, times in capture.edges.items()},
        start_ns=capture.start_ns + by_ns,
        end_ns=capture.end_ns + by_ns,
    )


def join(stretches: Sequence[Capture], bench: str) -> tuple[Capture, list[Gap]]:
    """Return one capture of all stretches, with the gaps between them.

    A line that changed in a gap has its edge where it is seen first: at the next stretch's start. Raises
    CaptureError without a stretch, and when two overlap.
    """
    if not stretches:
        raise CaptureError("nothing was recorded")
    first = stretches[0]
    edges = {line: [first.edges[line]] for line in first.lines}
    gaps = []
    for before, after in zip(stretches, stretches[1:], strict=False):
        if after.lines != before.lines:
            raise CaptureError("two recordings have other lines")
        if after.start_ns <= before.end_ns:
            overlap_us = (before.end_ns - after.start_ns) / 1000
            raise CaptureError(f"two recordings overlap by {overlap_us:.1f} us: their clocks lie")
        changed = tuple(
            line
            for line in after.lines
            if before.level_at(line, before.end_ns) != after.initial[line]
        )
        gaps.append(Gap(before.end_ns, after.start_ns, changed))
        for line in after.lines:
            if line in changed:
                edges[line].append(np.array([after.start_ns], dtype=np.int64))
            edges[line].append(after.edges[line])
    joined = Capture(
        bench=bench,
        initial=first.initial,
        edges={line: np.concatenate(parts) for line, parts in edges.items()},
        start_ns=first.start_ns,
        end_ns=stretches[-1].end_ns,
        lines=first.lines,
        rate_hz=first.rate_hz,
    )
    return joined, gaps
