"""Pulses: those too short to be believed, bouncing contacts, glitches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import Capture
from rig.decode.uart import LINE as SERIAL

CONTACTS = ("SWITCH_A", "SWITCH_B")
# Contacts that have been still for so long have finished bouncing.
QUIET_NS = 5_000_000
# Two samples, less what rounding to whole ns may take from them.
_SHORTEST_SAMPLES = 1.5
_S_NS = 1_000_000_000


def reject_short(capture: Capture) -> tuple[Capture, dict[str, int]]:
    """Return the capture without pulses below two samples, and how many each line lost.

    One sample alone may be the analyser's own noise. The serial line keeps its pulses, it has a checksum;
    and edges that were stamped one by one have no sample to be shorter than.
    """
    if capture.rate_hz is None:
        return capture, dict.fromkeys(capture.lines, 0)
    shortest_ns = _SHORTEST_SAMPLES * _S_NS / capture.rate_hz
    edges, rejected = {}, {}
    for line in capture.lines:
        times = capture.edges[line]
        edges[line] = times if line == SERIAL else _without_short(times, shortest_ns)
        rejected[line] = (times.size - edges[line].size) // 2
    return replace(capture, edges=edges), rejected


def _without_short(times: NDArray[np.int64], shortest_ns: float) -> NDArray[np.int64]:
    if times.size < 2 or np.diff(times).min() >= shortest_ns:
        return times
    kept: list[int] = []
    for t_ns in times.tolist():
        if kept and t_ns - kept[-1] < shortest_ns:
            kept.pop()
        else:
            kept.append(t_ns)
    return np.array(kept, dtype=np.int64)


def bounce(capture: Capture, line: str) -> dict[str, Any]:
    """Return how a contact bounces. Its edges fall into bursts with 5 ms of quiet between them.

    A burst of an odd number of edges has moved the contact; an even one has left it where it was: a
    glitch. Times in us; None where there is nothing to measure.
    """
    times = capture.times(line)
    bursts = np.split(times, np.flatnonzero(np.diff(times) > QUIET_NS) + 1) if times.size else []
    spans = [(burst[-1] - burst[0]) / 1000 for burst in bursts]
    return {
        "moves": sum(burst.size % 2 for burst in bursts),
        "glitches": sum(1 - burst.size % 2 for burst in bursts),
        "most_edges": max((burst.size for burst in bursts), default=0),
        "longest_us": float(max(spans)) if spans else None,
        "shortest_pulse_us": shortest_us(times),
    }


def shortest_us(times: NDArray[np.int64]) -> float | None:
    """Return the shortest time between two edges, us."""
    return float(np.diff(times).min()) / 1000 if times.size > 1 else None
