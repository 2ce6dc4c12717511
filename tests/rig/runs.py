"""Synthetic runs of any size: captures with all lines, presses, the guard's stamps, a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig import blame, guard_stamps, latency, statistics
from rig.capture import LINES
from rig.capture.model import Capture, from_events
from rig.guard_stamps import Closing
from rig.latency import Press, Probe, find_presses, samples_us, stats
from rig.report.views import Run, run_of

US, MS = 1_000, 1_000_000
CYCLE_NS = 100 * MS
INITIAL = {**dict.fromkeys(LINES, 0), "HALT": 1, "LED_GREEN": 1, "PICO_TX": 1}


def latencies(n: int, seed: int = 1, slower_us: float = 0.0) -> np.ndarray:
    """Switch -> HALT and HALT -> ACK in ns, shape (n, 2): skewed, as real ones are."""
    rng = np.random.default_rng(seed)
    us = rng.lognormal((3.9, 3.2), (0.35, 0.3), (n, 2)) + (0.0, slower_us)
    return np.rint(us * US).astype(np.int64)


def capture(times: np.ndarray, serial_edges: int) -> Capture:
    """A press every 100 ms; `serial_edges` of D7 in each cycle, in four bursts."""
    events = []
    burst = np.arange(serial_edges // 4) * 2170
    for index, (to_halt, to_ack) in enumerate(times.tolist()):
        t = (index + 1) * CYCLE_NS
        halt, ack = t + to_halt, t + to_halt + to_ack
        events += [(t, 0, 1), (t + 40 * US, 0, 0), (t + 70 * US, 0, 1), (t + 250 * US, 1, 1)]
        events += [(halt, 2, 0), (ack, 3, 1), (ack + 600 * US, 4, 1), (ack + 650 * US, 6, 0)]
        events += [(t + 60 * MS, 0, 0), (t + 60 * MS, 1, 0), (t + 70 * MS, 3, 0)]
        events += [(t + 80 * MS, 2, 1), (t + 80 * MS, 4, 0), (t + 80 * MS, 6, 1)]
        for k in range(4):
            start = ack + (1 + 20 * k) * MS
            events += [(int(start + at), 7, (n + 1) % 2) for n, at in enumerate(burst.tolist())]
    end = (len(times) + 2) * CYCLE_NS
    ordered = sorted(events, key=lambda event: event[0])
    return from_events(ordered, bench="virtual", initial=INITIAL, start_ns=0, end_ns=end)


def run(n: int, layout: str = "one_core", serial_edges: int = 8, **options: Any) -> Run:
    """A layout of `n` presses with the guard's stamps half-way between HALT and ACK."""
    seen = capture(latencies(n, **options), serial_edges)
    presses = find_presses(seen)
    return run_of(layout, seen, presses, closings_of(presses))


def closings_of(presses: list[Press]) -> list[Closing]:
    """The guard's stamps, half-way between HALT and ACK."""
    return [
        Closing((p.t_halt_ns + p.t_ack_ns) // 2, p.t_ack_ns + 9 * US)  # type: ignore[operator]
        for p in presses
    ]


def result(*runs: Run, limit_us: float = 1000.0, **changes: Any) -> dict[str, Any]:
    """A result as rig.outcome makes it, of presses that are judged for real."""
    layouts = {each.layout: _layout(each, limit_us) for each in runs}
    first = layouts[runs[0].layout]
    made = {
        "bench": "virtual",
        "mcu": "micropython-unix",
        "micropython": "1.26.1",
        "at": "2026-11-22T20:00:00+00:00",
        "data": {"source": "made", "rows": 10, "rows_replayed": 10},
        "presses": first["presses"],
        "latency_us": first["latency_us"],
        "layouts": layouts,
        "noise_floor_us": first["noise_floor_us"],
        "orders": {"sent": 77, "after_ack": 0, "presses_without_order": 0, "refused": 6},
        "audit": {"verified": True, "records": 55, "reason": ""},
        "limit_us": limit_us,
        "verdict": latency.worst(each["verdict"] for each in layouts.values()),
        "reasons": [reason for each in layouts.values() for reason in each["reasons"]],
        "seed": 1,
        "load": [],
        "fouls": [],
        "host_exit": 0,
        "guard_stretches": {
            "tick": {"count": 30126, "over_100_us": 6, "worst_us": 125, "worst_wall_us": 187}
        },
        "environment": {"bot4": "0.1.0", "kernel": "Linux 6.1", "host sha256": "ab" * 8},
        "artifacts": {"report": "out/report.html"},
    }
    return {**made, **changes}


def _layout(each: Run, limit_us: float) -> dict[str, Any]:
    probe = Probe(np.arange(0, 3) * MS, np.array([20.0, 22.0, 100.0]))
    n = len(each.presses)
    judged = latency.judge(
        each.presses,
        probe,
        asked=n,
        bench="virtual",
        orders_after_ack=0,
        audit_verified=True,
        limit_us=limit_us,
    )
    times = guard_stamps.GuardTimes(list(each.closings), [])
    stages = samples_us(each.presses)
    return {
        "latency_us": {key: stats(values) for key, values in stages.items()},
        "guard_us": times.figures(each.presses),
        "guard_complaints": [],
        "noise_floor_us": stats(probe.lateness_us),
        "confidence": statistics.confidence(stages, failures=len(judged.misses), presses=n),
        "asked": n,
        "presses": n,
        "verdict": judged.verdict,
        "reasons": judged.reasons,
        "misses": blame.tell(judged.misses, each.presses, times.closings),
    }
