"""The capture's clock against the host's, where the two are compared and nowhere else.

Both ends of one wire tell of the same moment: the analyser has the rising edge of ACK, the guard has on
record when it raised it (`gate_closed`, `ack_ns`). Each recording is shifted as a whole by what its own
ACK edges say: no distance within it changes, so a latency is the analyser's own. How far the start
stamps of the recordings scatter about one straight line (offset and drift, Theil-Sen) shows whether
edges and records were paired rightly; what is left within a recording (the fall of HALT against
`emergency_ns`, where the guard heard of it by that wire) is the residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rig.capture.model import Capture
from rig.physical.stretches import shifted

# An ACK edge and its record further apart than this, after all that is known, are not one event.
PAIR_NS = 500_000_000
# us. Of recordings about the straight line, and within a recording (median): more is no comparison.
SCATTER_US, RESIDUAL_US = 50_000.0, 1_000.0
PPM = 1e6
BY_WIRE = "HALT_LINE"


@dataclass(frozen=True)
class Closing:
    """One `gate_closed` of the audit log, ns in the host's clock."""

    ack_ns: int
    emergency_ns: int
    by_wire: bool


@dataclass(frozen=True)
class Alignment:
    """Captures in the host's clock, and how well that holds; us.

    complaint -- why clocks cannot be compared; empty when they can
    """

    captures: list[Capture]
    pairs: int = 0
    scatter_us: float | None = None
    drift_ppm: float | None = None
    residual_us: tuple[float, float] | None = None
    complaint: str = ""

    def told(self) -> str:
        """Return it in words, for the report."""
        if self.complaint:
            return f"not compared: {self.complaint}"
        scatter = f", starts within {self.scatter_us:.1f} us of a straight line"
        drift = f", drift {self.drift_ppm:.1f} ppm" if self.drift_ppm is not None else ""
        text = f"{self.pairs} ACK edges paired with their records{scatter}{drift}"
        if self.residual_us is not None:
            text += f"; residual p50 {self.residual_us[0]:.1f} us, max {self.residual_us[1]:.1f} us"
        return text


def closings(records: Sequence[dict[str, Any]], since_ns: int) -> list[Closing]:
    """Return the gate closings at the end of an audit log, from `since_ns` of this boot on."""
    found: list[Closing] = []
    later_ns = None
    for record in reversed(records):
        at_ns = record["mono_ns"]
        if at_ns < since_ns:
            break
        if record["kind"] == "gate_closed":
            data = record["data"]
            if later_ns is not None and at_ns > later_ns:
                break  # the clock began anew in between: another boot
            later_ns = at_ns
            found.append(Closing(data["ack_ns"], data["emergency_ns"], data["reason"] == BY_WIRE))
    return found[::-1]


def align(captures: Sequence[Capture], closed: Sequence[Closing], coarse_ns: int) -> Alignment:
    """Return the captures in the host's clock.

    coarse_ns -- what to add to a capture's times, as far as known without the records
    """
    offsets: list[tuple[int, float]] = []
    residuals_us: list[float] = []
    placed, unpaired, left = [], 0, list(closed)
    for capture in captures:
        own = []
        for edge_ns in capture.rising("ACK").tolist():
            known_ns = coarse_ns + (round(offsets[-1][1]) if offsets else 0)
            pair = _nearest(left, edge_ns + known_ns)
            if pair is None:
                unpaired += 1
                continue
            left.remove(pair)
            own.append(pair.ack_ns - edge_ns)
            offsets.append((edge_ns, pair.ack_ns - edge_ns - coarse_ns))
            residuals_us += _residual_us(capture, edge_ns, pair)
        if own:
            shift_ns = round(float(np.median(own)))
        else:  # nothing closed in it: as the one before
            shift_ns = coarse_ns + (round(offsets[-1][1]) if offsets else 0)
        placed.append(shifted(capture, shift_ns))
    if not offsets:
        return Alignment(placed, complaint="no ACK edge has a record")
    drift, scatter_us = _line(offsets)
    reach = (float(np.median(residuals_us)), max(residuals_us)) if residuals_us else None
    return Alignment(
        placed,
        len(offsets),
        scatter_us,
        None if drift is None else drift * PPM,
        reach,
        _complaint(unpaired, scatter_us, reach),
    )


def _complaint(unpaired: int, scatter_us: float, reach: tuple[float, float] | None) -> str:
    if unpaired:
        return f"{unpaired} ACK edges have no record within {PAIR_NS / 1e6:g} ms"
    if scatter_us > SCATTER_US:
        return f"recordings start up to {scatter_us:.0f} us off, limit {SCATTER_US:g} us"
    if reach is not None and reach[0] > RESIDUAL_US:
        return f"edges and records differ by {reach[0]:.0f} us (median), limit {RESIDUAL_US:g} us"
    return ""


def _nearest(closed: Sequence[Closing], at_ns: int) -> Closing | None:
    best = min(closed, key=lambda closing: abs(closing.ack_ns - at_ns), default=None)
    return best if best is not None and abs(best.ack_ns - at_ns) <= PAIR_NS else None


def _residual_us(capture: Capture, ack_ns: int, pair: Closing) -> list[float]:
    """How much longer or shorter the record is than the wire, from the fall of HALT to ACK."""
    falls = capture.falling("HALT")
    falls = falls[falls <= ack_ns]
    if not (pair.by_wire and falls.size):
        return []
    return [abs((pair.ack_ns - pair.emergency_ns) - (ack_ns - int(falls[-1]))) / 1000]


def _line(offsets: Sequence[tuple[int, float]]) -> tuple[float | None, float]:
    """Return (drift, largest distance in us) of a straight line that outliers do not bend."""
    at = np.array([edge for edge, _offset in offsets], dtype=np.float64)
    by = np.array([offset for _edge, offset in offsets], dtype=np.float64)
    first, second = np.triu_indices(len(at), 1)
    apart = at[second] - at[first]
    slopes = (by[second] - by[first])[apart > 0] / apart[apart > 0]
    drift = float(np.median(slopes)) if slopes.size else None
    rest = by - (drift or 0.0) * at
    return drift, float(np.abs(rest - np.median(rest)).max() / 1000)
