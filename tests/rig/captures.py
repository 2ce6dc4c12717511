"""Captures for the tests: any at all, and one of a bench at work."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from controller import frames, mac, protocol, states
from rig.capture import LINES, Capture
from rig.capture.grid import to_offset_ns, to_samples
from rig.virtual import serial_line

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
needs_sigrok = pytest.mark.skipif(
    shutil.which("sigrok-cli") is None, reason="sigrok-cli is not installed"
)
MS = 1_000_000


@st.composite
def captures(draw, max_ns: int = 3_000_000, lines: tuple[str, ...] = LINES) -> Capture:
    """Any capture, exact to the nanosecond, in some bench's clock."""
    start = draw(st.integers(-(10**12), 10**15))
    end = start + draw(st.integers(1, max_ns))
    edges = {}
    for line in lines:
        times = draw(st.sets(st.integers(start + 1, end), max_size=12))
        edges[line] = np.array(sorted(times), dtype=np.int64)
    initial = {line: draw(st.integers(0, 1)) for line in lines}
    return Capture("virtual", initial, edges, start, end, lines)


def on_samples(capture: Capture, rate_hz: int) -> Capture:
    """What an analyser at `rate_hz` sees of a capture; edges that share a sample cancel."""
    edges = {}
    for line, times in capture.edges.items():
        at, count = np.unique(to_samples(times - capture.start_ns, rate_hz), return_counts=True)
        edges[line] = capture.start_ns + to_offset_ns(at[count % 2 == 1], rate_hz)
    last = to_samples(np.array([capture.end_ns - capture.start_ns]), rate_hz)
    end = capture.start_ns + int(to_offset_ns(last, rate_hz)[0])
    return replace(capture, edges=edges, end_ns=end, rate_hz=rate_hz)


def spoken(at_ns: int, name: str, values: tuple, channel: frames.Channel) -> tuple[int, bytes]:
    """One message of the controller, as it goes onto the wire."""
    return at_ns, channel.encode(name, values, at_ns // 1000)


def controller_channel() -> frames.Channel:
    """The controller's end of a session under some key."""
    return frames.Channel(protocol.CONTROLLER, mac.Mac(bytes(range(32))))


def bench_at_work(presses: int = 3) -> Capture:
    """A lamp test, then presses with bouncing contacts, and what the controller says meanwhile.

    Each press: contact A, B 150 us later, HALT 2 us after A, ACK at 300 us; TRIP, later STATUS.
    """
    edges: dict[str, list[int]] = {line: [] for line in LINES}
    edges["LED_RED"] += [5 * MS, 15 * MS]
    edges["LED_YELLOW"] += [15 * MS, 35 * MS]
    edges["LED_GREEN"] += [35 * MS, 65 * MS]
    edges["HALT"] += [80 * MS]
    edges["LED_GREEN"] += [80 * MS]
    channel, sent = controller_channel(), []
    for number in range(presses):
        at = (100 + 100 * number) * MS
        sent += [
            spoken(t, "STATUS", (states.ARMED, 0, 0, 4, 0, 0, 0, 0), channel)
            for t in range(at - 15 * MS, at, 2 * MS)
        ]
        for line, skew in (("SWITCH_A", 0), ("SWITCH_B", 150_000)):
            edges[line] += [at + skew, at + skew + 40_000, at + skew + 90_000, at + 50 * MS]
        edges["HALT"] += [at + 2_000, at + 75 * MS]
        edges["ACK"] += [at + 300_000, at + 70 * MS]
        edges["LED_GREEN"] += [at + 400_000, at + 75 * MS]
        edges["LED_RED"] += [at + 400_000, at + 75 * MS]
        sent.append(spoken(at + 100_000, "TRIP", (1, at // 1000), channel))
        sent += [
            spoken(t, "STATUS", (states.TRIPPED, 1, 0b10011, 1, 0, 0, 0, 0), channel)
            for t in range(at + 10 * MS, at + 40 * MS, 2 * MS)
        ]
    end = (100 + 100 * presses) * MS
    times = {line: np.array(t, dtype=np.int64) for line, t in edges.items()}
    times["PICO_TX"] = serial_line.edges(sent, start_ns=0, end_ns=end)
    initial = {**dict.fromkeys(LINES, 0), "PICO_TX": 1}
    return Capture("virtual", initial, times, 0, end)
