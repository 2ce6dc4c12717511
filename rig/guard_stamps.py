"""The guard's own times of each halt, from its audit log, beside the wires.

A record `gate_closed` says when the guard saw HALT low (`emergency_ns`) and when it had raised ACK
(`ack_ns`), in the host's CLOCK_MONOTONIC. Only where the capture is in that clock too can both be joined.
Nothing is verified here: that is `bot4 audit verify`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rig import latency
from rig.decode.audit import read_records
from rig.latency import Press

ONE_CLOCK = ("virtual", "emulated")  # benches whose captures are in the host's CLOCK_MONOTONIC
STAGES = ("halt_to_seen", "seen_to_ack")


class Closing(NamedTuple):
    """One closing of the gate: HALT seen low and ACK raised, ns."""

    seen_ns: int
    ack_ns: int


@dataclass(frozen=True)
class GuardTimes:
    """One entry a press; None where the log tells of no closing between its HALT and its ACK."""

    closings: list[Closing | None]
    complaints: list[str]

    def stages_us(self, presses: Sequence[Press]) -> dict[str, list[float]]:
        """HALT -> seen and seen -> ACK of each press that has both: they add up to HALT -> ACK."""
        found: dict[str, list[float]] = {stage: [] for stage in STAGES}
        for press, closing in zip(presses, self.closings, strict=True):
            for stage, value in stages_of(press, closing).items():
                found[stage].append(value)
        return found

    def figures(self, presses: Sequence[Press]) -> dict[str, Any]:
        """Return statistics in us; `ack_stamp` is how long after the wire's edge the guard noted it."""
        late = [
            (closing.ack_ns - press.t_ack_ns) / 1000
            for press, closing in zip(presses, self.closings, strict=True)
            if closing is not None and press.t_ack_ns is not None
        ]
        stages = self.stages_us(presses)
        return {
            name: latency.stats(values) for name, values in {**stages, "ack_stamp": late}.items()
        }


def stages_of(press: Press, closing: Closing | None) -> dict[str, float]:
    """Return the two stages of one press in us; nothing for a press without stamps."""
    if closing is None or press.t_halt_ns is None or press.t_ack_ns is None:
        return {}
    return {
        "halt_to_seen": (closing.seen_ns - press.t_halt_ns) / 1000,
        "seen_to_ack": (press.t_ack_ns - closing.seen_ns) / 1000,
    }


def read_closings(audit: Path) -> list[Closing]:
    """Return all closings in order of time. Raises CaptureError for a log that cannot be read."""
    found = [
        Closing(data["emergency_ns"], data["ack_ns"])
        for _at_ns, kind, data in read_records(audit)
        if kind == "gate_closed" and _is_stamped(data)
    ]
    return sorted(found)


def _is_stamped(data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    return all(isinstance(data.get(name), int) for name in ("emergency_ns", "ack_ns"))


def join(presses: Sequence[Press], closings: Sequence[Closing]) -> GuardTimes:
    """Give each press the first closing after its HALT.

    What cannot be is a complaint: no closing between HALT and ACK of the wire, one seen before HALT fell,
    an ACK raised before HALT was seen or after the next press. A missing press is judged elsewhere.
    """
    seen = np.array([closing.seen_ns for closing in closings], dtype=np.int64).tolist()
    given: list[Closing | None] = []
    complaints = []
    for number, press in enumerate(presses):
        if press.t_halt_ns is None or press.t_ack_ns is None:
            given.append(None)
            continue
        place = bisect_left(seen, press.t_switch_ns)
        closing = closings[place] if place < len(closings) else None
        wrong = _contradiction(press, closing, presses[number + 1 : number + 2])
        if wrong:
            complaints.append(f"press {number + 1}: {wrong}")
        given.append(None if wrong else closing)
    return GuardTimes(given, complaints)


def _contradiction(press: Press, closing: Closing | None, following: Sequence[Press]) -> str:
    assert press.t_halt_ns is not None
    assert press.t_ack_ns is not None
    if closing is None or closing.seen_ns > press.t_ack_ns:
        return "the audit log has no closing of the gate between HALT and ACK"
    if closing.seen_ns < press.t_halt_ns:
        early_us = (press.t_halt_ns - closing.seen_ns) / 1000
        return f"the guard noted HALT {early_us:.1f} us before the wire fell"
    if closing.ack_ns < closing.seen_ns:
        return "the guard noted ACK before it saw HALT"
    if following and closing.ack_ns > following[0].t_switch_ns:
        return "the guard noted ACK after the next press"
    return ""
