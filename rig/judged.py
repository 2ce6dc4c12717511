"""One layout of a session, judged: its stages, what they bound, the guard's own times, its misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rig import blame, guard_stamps, latency, statistics
from rig.capture.model import CaptureError
from rig.guard_stamps import Closing, GuardTimes
from rig.latency import Press, Probe
from rig.presses import Presses
from rig.report.views import Run, run_of
from rig.session import Layout


@dataclass(frozen=True)
class Asked:
    """What the session was to do and what the rest of the result says of it."""

    presses: int
    orders_after_ack: int | None
    audit_verified: bool | None
    limit_us: float = latency.LIMIT_US


class Guard:
    """The guard's stamps of a whole session; `error` where there are none to be had."""

    def __init__(self, bench: str, audit: Path) -> None:
        self.one_clock = bench in guard_stamps.ONE_CLOCK
        self.error = ""
        self._closings: list[Closing] = []
        if self.one_clock:
            try:
                self._closings = guard_stamps.read_closings(audit)
            except CaptureError as error:
                self.error = str(error)

    def of(self, presses: Sequence[Press]) -> GuardTimes:
        """Return the stamps of some presses; none and no complaint where the clocks differ."""
        if not self.one_clock or self.error:
            return GuardTimes([None] * len(presses), [self.error] if self.error else [])
        return guard_stamps.join(presses, self._closings)


def judge(layout: Layout, found: Presses, guard: Guard, asked: Asked) -> tuple[dict[str, Any], Run]:
    """Return the layout's part of the result, and what is drawn of it."""
    presses, probe = found.of(layout), read_probe(layout)
    judgement = latency.judge(
        presses,
        probe,
        asked=asked.presses,
        bench=found.capture.bench,
        orders_after_ack=asked.orders_after_ack,
        audit_verified=asked.audit_verified,
        limit_us=asked.limit_us,
    )
    times = guard.of(presses)
    stages = latency.samples_us(presses)
    missed = len(judgement.misses) + max(0, asked.presses - len(presses))
    verdict = latency.worst([judgement.verdict] + [latency.FAIL] * bool(times.complaints))
    told = {
        "latency_us": {name: latency.stats(values) for name, values in stages.items()},
        "guard_us": times.figures(presses) if guard.one_clock else None,
        "guard_complaints": times.complaints if guard.one_clock else None,
        "noise_floor_us": latency.stats(probe.lateness_us),
        "confidence": statistics.confidence(
            stages, failures=missed, presses=max(asked.presses, len(presses))
        ),
        "asked": asked.presses,
        "presses": len(presses),
        "verdict": verdict,
        "reasons": judgement.reasons + latency.shortened(times.complaints),
        "misses": blame.tell(judgement.misses, presses, times.closings),
    }
    return told, run_of(layout.name, found.capture, presses, times.closings)


def read_probe(layout: Layout) -> Probe:
    """Join the probes of a layout, cut to its time. A probe that left no file leaves no samples."""
    pairs = [
        np.fromfile(file, dtype=np.int64).reshape(-1, 2) for file in layout.probes if file.exists()
    ]
    if len(pairs) != len(layout.probes):
        return Probe(np.empty(0, np.int64), np.empty(0, np.float64))
    both = np.concatenate(pairs)
    both = both[(both[:, 0] >= layout.start_ns) & (both[:, 0] <= layout.end_ns)]
    both = both[np.argsort(both[:, 0], kind="stable")]
    return Probe(both[:, 0], both[:, 1] / 1000)
