"""The analyser's clock against the host's: found, its errors reported, refused when too large."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.capture.model import Capture
from rig.latency import find_presses
from rig.physical.clocks import PAIR_NS, RESIDUAL_US, Closing, align, closings

US_NS, MS_NS, SECOND_NS = 1_000, 1_000_000, 1_000_000_000
LINES = ("SWITCH_A", "SWITCH_B", "HALT", "ACK")
TO_HALT_NS, TO_ACK_NS = 1 * US_NS, 80 * US_NS


def pressed(at_ns: int) -> Capture:
    """A recording of one press, half a second around it."""
    edges = {"SWITCH_A": at_ns, "SWITCH_B": at_ns + 9, "HALT": at_ns + TO_HALT_NS}
    edges["ACK"] = at_ns + TO_ACK_NS
    return Capture(
        "rig",
        {"SWITCH_A": 0, "SWITCH_B": 0, "HALT": 1, "ACK": 0},
        {line: np.array([edge], dtype=np.int64) for line, edge in edges.items()},
        at_ns - SECOND_NS // 2,
        at_ns + SECOND_NS // 2,
        LINES,
    )


def closing(at_ns: int, heard_ns: int = 30 * US_NS) -> Closing:
    """What a guard records of the same press."""
    return Closing(at_ns + TO_ACK_NS, at_ns + TO_HALT_NS + heard_ns, by_wire=True)


@settings(max_examples=30)
@given(
    st.integers(1, 20),
    st.floats(-200, 200),
    st.integers(-(10**15), 10**15),
    st.integers(0, 2**32),
)
def test_offset_drift_and_scattered_starts_are_found_and_no_latency_changes(
    count: int, ppm: float, offset_ns: int, seed: int
) -> None:
    rng = random.Random(seed)
    truth = [SECOND_NS * 3 * number for number in range(1, count + 1)]
    jitter = [rng.randint(0, MS_NS) for _press in truth]
    seen = [
        pressed(round(at + at * ppm / 1e6 + late)) for at, late in zip(truth, jitter, strict=True)
    ]
    records = [closing(at + offset_ns) for at in truth]
    aligned = align(seen, records, offset_ns + rng.randint(-50, 50) * MS_NS)
    assert aligned.complaint == ""
    assert aligned.pairs == count
    for raw, placed, at_ns in zip(seen, aligned.captures, truth, strict=True):
        assert placed.rising("ACK").tolist() == [at_ns + offset_ns + TO_ACK_NS]
        (before,), (after,) = find_presses(raw), find_presses(placed)
        assert after.switch_to_ack_us == before.switch_to_ack_us
    if aligned.residual_us is not None:
        assert aligned.residual_us == (30.0, 30.0)


def test_a_drift_is_reported() -> None:
    truth = [SECOND_NS * 10 * number for number in range(1, 9)]
    seen = [pressed(at + at // 10_000) for at in truth]
    aligned = align(seen, [closing(at) for at in truth], 0)
    assert aligned.drift_ppm == pytest.approx(-100, rel=0.01)
    assert aligned.scatter_us == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no ACK edge has a record"),
        ([closing(SECOND_NS)], "1 ACK edges have no record"),
        ([closing(SECOND_NS), closing(5 * SECOND_NS + 2 * PAIR_NS)], "1 ACK edges have no record"),
        (
            [closing(SECOND_NS, 2000 * US_NS), closing(5 * SECOND_NS, 2000 * US_NS)],
            f"limit {RESIDUAL_US:g} us",
        ),
    ],
)
def test_what_does_not_fit_is_no_comparison(records: list[Closing], said: str) -> None:
    aligned = align([pressed(SECOND_NS), pressed(5 * SECOND_NS)], records, 0)
    assert said in aligned.complaint
    assert aligned.told().startswith("not compared")


def test_recordings_whose_starts_scatter_too_far_are_no_comparison() -> None:
    truth = [SECOND_NS * 3 * number for number in range(1, 8)]
    seen = [pressed(at + number % 2 * 300 * MS_NS) for number, at in enumerate(truth)]
    assert "recordings start up to" in align(seen, [closing(at) for at in truth], 0).complaint


def record(kind: str, mono_ns: int, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "mono_ns": mono_ns, "data": data}


def gate_closed(mono_ns: int) -> dict[str, Any]:
    data = {"ack_ns": mono_ns, "emergency_ns": mono_ns - 9, "reason": "HALT_LINE"}
    return record("gate_closed", mono_ns, **data)


def test_only_closings_of_this_run_count() -> None:
    log = [
        gate_closed(50),
        gate_closed(120),
        record("mode", 10),
        gate_closed(110),
        gate_closed(130),
    ]
    assert [closed.ack_ns for closed in closings(log, 100)] == [110, 130]
    # The clock began anew: what is before that is of another boot.
    assert [closed.ack_ns for closed in closings([gate_closed(900), *log[3:]], 100)] == [110, 130]
