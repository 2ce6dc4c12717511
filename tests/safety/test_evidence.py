"""The judge of the fault tests can find each thing that it looks for."""

from dataclasses import replace
from typing import Any

import pytest

from host.audit.verify import Report
from tests.integration.evidence import ACK, HALT, REARM, Evidence, weigh

MS = 1_000_000
# Pressed at 100 ms, armed by a held button at 500 ms.
EDGES = [
    (0, HALT, 1), (100 * MS, HALT, 0), (101 * MS, ACK, 1), (300 * MS, ACK, 0), (480 * MS, REARM, 0),
    (500 * MS, HALT, 1), (510 * MS, REARM, 1),
]  # fmt: skip


def record(seq: int, at_ms: int, kind: str, **data: Any) -> dict[str, Any]:
    data = {"n": seq - 1, **data}
    return {"seq": seq, "hash": f"{seq:x}", "mono_ns": at_ms * MS, "kind": kind, "origin": "guard",
            "data": data}  # fmt: skip


LOG = [
    record(1, 100, "mode", mode="EMERGENCY"),
    record(2, 101, "gate_closed", forced=True),
    record(3, 520, "mode", mode="PAUSED"),
    record(4, 600, "mode", mode="NORMAL"),
]
SENT = [50 * MS, 100 * MS, 700 * MS]
GOOD = {"log": LOG, "edges": EDGES, "sent_ns": SENT, "heads": {2: "2"},
        "report": Report(verified=True, records=4)}  # fmt: skip


def judged(**changed: Any) -> Evidence:
    return weigh(**{**GOOD, **changed})


def test_a_clean_run_has_no_faults() -> None:
    found = judged()
    assert found.faults == []
    assert (found.orders, found.acks, found.forced, found.heads) == (3, 1, 1, 1)


@pytest.mark.parametrize("at_ms", [101, 200, 301, 499])
def test_an_order_after_ack_is_counted_until_a_person_has_armed(at_ms: int) -> None:
    assert judged(sent_ns=[*SENT, at_ms * MS]).faults == ["after_ack 1"]


def test_halt_that_rises_without_the_button_opens_nothing() -> None:
    edges = [edge for edge in EDGES if edge[1] != REARM]
    assert judged(edges=edges).faults == ["after_ack 1", "left_by_itself 1"]


def test_a_step_out_of_emergency_before_the_button_is_counted() -> None:
    early = [*LOG[:2], record(3, 400, "mode", mode="PAUSED")]
    assert judged(log=early).faults == ["left_by_itself 1"]
    late = [*LOG[:2], record(3, 2600, "mode", mode="NORMAL")]
    assert judged(log=late).faults == ["left_by_itself 1"]


@pytest.mark.parametrize("heads", [{2: "3"}, {5: "5"}])
def test_a_record_that_is_missing_or_another_is_lost(heads: dict[int, str]) -> None:
    assert judged(heads=heads).faults == ["lost_records 1"]


def test_a_place_missing_from_the_ring_is_counted_and_a_repeat_is_not() -> None:
    assert judged(log=[LOG[0], *LOG[2:]], heads={}).faults == ["unnumbered 1"]
    assert judged(log=[*LOG[:2], LOG[1], *LOG[2:]]).faults == []
    other = {**LOG[1], "mono_ns": 102 * MS}
    assert judged(log=[*LOG[:2], other, *LOG[2:]]).faults == ["unnumbered 1"]


def test_events_that_the_recorder_lost_and_a_bad_chain_are_faults() -> None:
    lost = record(5, 700, "lost_events", count=3)
    assert judged(log=[*LOG, lost]).faults == ["lost_records 3"]
    report = replace_report(verified=False, reason="record 2: changed")
    assert judged(report=report).faults == ["unverified record 2: changed"]


def replace_report(**changed: Any) -> Report:
    return Report(**{"verified": True, "records": 4, **changed})


def test_the_figures_are_named_in_print() -> None:
    text = str(replace(judged(), after_ack=7))
    assert "after ack 7" in text
    assert "unnumbered 0" in text
