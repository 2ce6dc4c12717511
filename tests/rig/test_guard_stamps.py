"""The guard's own times beside the wire, and which stage made a press slow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import blame
from rig.capture.model import CaptureError
from rig.guard_stamps import Closing, GuardTimes, join, read_closings
from rig.latency import Miss, Press

MS = 1_000_000
PRESSES = [Press(k * 100 * MS, k * 100 * MS + 50_000, k * 100 * MS + 90_000) for k in (1, 2, 3)]
GOOD = [Closing(p.t_switch_ns + 60_000, p.t_switch_ns + 95_000) for p in PRESSES]


def record(kind: str, **data: object) -> str:
    return json.dumps({"mono_ns": 1, "kind": kind, "data": data}) + "\n"


def test_stages_add_up_to_halt_to_ack() -> None:
    times = join(PRESSES, GOOD)
    assert times == GuardTimes(list(GOOD), [])
    assert times.stages_us(PRESSES) == {"halt_to_seen": [10.0] * 3, "seen_to_ack": [30.0] * 3}
    assert times.figures(PRESSES)["ack_stamp"]["max"] == 5.0


PLANTED = {
    "no record": (Closing(PRESSES[2].t_switch_ns - 1, 0), "no closing of the gate"),
    "seen after ACK": (Closing(PRESSES[1].t_switch_ns + 91_000, 0), "no closing of the gate"),
    "seen before HALT": (Closing(PRESSES[1].t_switch_ns + 49_000, 0), "1.0 us before the wire fell"),
    "ACK before seen": (Closing(PRESSES[1].t_switch_ns + 60_000, 5), "ACK before it saw HALT"),
    "ACK too late": (Closing(PRESSES[1].t_switch_ns + 60_000, 400 * MS), "after the next press"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_a_log_that_contradicts_the_wire_is_found(case: str) -> None:
    planted, complaint = PLANTED[case]
    times = join(PRESSES, sorted([GOOD[0], planted, GOOD[2]]))
    assert len(times.complaints) == 1
    assert times.complaints[0].startswith("press 2: ")
    assert complaint in times.complaints[0]
    assert times.closings == [GOOD[0], None, GOOD[2]]


def test_a_press_that_never_ended_is_no_contradiction() -> None:
    assert join([Press(1, 2, None), Press(1, None, None)], []) == GuardTimes([None, None], [])


@given(st.lists(st.tuples(st.integers(0, 400 * MS), st.integers(0, 400 * MS)), max_size=8))
def test_stages_are_never_negative_whatever_the_log_says(log: list[tuple[int, int]]) -> None:
    times = join(PRESSES, sorted(Closing(*entry) for entry in log))
    for stage in times.stages_us(PRESSES).values():
        assert all(value >= 0 for value in stage)
    assert len(times.complaints) == times.closings.count(None)


def test_closings_are_read_from_the_log(tmp_path: Path) -> None:
    text = record("gate_closed", emergency_ns=20, ack_ns=30) + record("heartbeat")
    text += record("gate_closed", emergency_ns=5, ack_ns=9, forced=True)
    text += record("gate_closed", emergency_ns="5", ack_ns=9) + record("gate_closed")
    (tmp_path / "a.jsonl").write_text(text)
    assert read_closings(tmp_path) == [Closing(5, 9), Closing(20, 30)]
    with pytest.raises(CaptureError, match="no audit log"):
        read_closings(tmp_path / "none")


def test_the_slow_stage_is_the_one_furthest_above_its_usual_time() -> None:
    slow = Press(400 * MS, 400 * MS + 60_000, 402 * MS)
    seen = Closing(401 * MS + 900_000, 402 * MS)
    presses, closings = [*PRESSES, slow], [*GOOD, seen]
    (told,) = blame.tell([Miss(3, "unexplained", 2000.0, 12.0)], presses, closings)
    assert told["stage"] == "halt_to_seen"
    assert told["stage_us"] == pytest.approx(1840.0)
    assert told["usual_us"] == 10.0
    assert told["probe_us"] == 12.0
    (told,) = blame.tell([Miss(3, "unexplained", 2000.0, None)], presses, [None] * 4)
    assert told["stage"] == "halt_to_ack"


@pytest.mark.parametrize(
    ("press", "stage"),
    [(Press(1, None, None), "switch_to_halt"), (Press(1, 2, None), "halt_to_ack")],
)
def test_a_press_without_an_end_hangs_in_a_stage(press: Press, stage: str) -> None:
    presses = [*PRESSES, press]
    (told,) = blame.tell([Miss(3, "missing", None, None)], presses, [None] * 4)
    assert (told["stage"], told["stage_us"]) == (stage, None)
