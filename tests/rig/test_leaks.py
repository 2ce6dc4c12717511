"""The leak check finds a planted order anywhere, and refuses a record that proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.capture import LINES, Capture, from_events
from rig.leaks import OrderCount, RecordError, count_orders

A, HALT, ACK = 0, 2, 3
END = 10_000
# Two presses: the gate is closed in [1100, 2000] and in [3100, 10000].
EVENTS = [
    *[(1000, A, 1), (1050, HALT, 0), (1100, ACK, 1)],
    *[(1500, A, 0), (1900, ACK, 0), (2000, HALT, 1)],
    *[(3000, A, 1), (3050, HALT, 0), (3100, ACK, 1)],
]
QUERIES = ["open_orders", "position", "hello", "subscribe", "order", "fills", "rules", "deadman"]


def capture(events=EVENTS, **initial: int) -> Capture:
    levels = {**dict.fromkeys(LINES, 0), "HALT": 1, **initial}
    return from_events(events, bench="virtual", initial=levels, start_ns=0, end_ns=END)


def packet(sent_ns, op="new", intent="OPEN", **more) -> dict:
    msg = {"op": op, "id": "x", "qty": "1.0"} | ({} if intent is None else {"intent": intent})
    times = {"sent_ns": sent_ns, "read_ns": (sent_ns or 0) + 5, "peer_pid": 7}
    return {"kind": "packet", **times, "msg": msg, "outcome": "accepted", **more}


def numbered(rows: list[dict]) -> list[dict]:
    return [{"n": n, **row} for n, row in enumerate([{"kind": "start"}, *rows, {"kind": "stop"}])]


def write(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def count(tmp_path):
    def run(*rows: dict, at: Capture | None = None) -> OrderCount:
        return count_orders(write(tmp_path / "venue.jsonl", numbered([*rows])), at or capture())

    return run


def test_a_clean_run_counts_what_it_saw(count):
    got = count(
        packet(500), packet(999), packet(1060), {"kind": "fill"}, packet(2500), packet(11_000)
    )
    assert got == OrderCount(
        sent=5, between_halt_and_ack=1, outside_capture=1, before_each_press=[2, 1]
    )


def test_what_the_venue_does_by_itself_is_no_order_and_an_oco_is_one(count):
    kinds = ["fill", "cancelled", "cancelled_all", "cancel_reject", "amended", "amend_reject",
             "misbehaviour", "maintenance"]  # fmt: skip
    got = count(*({"kind": kind} for kind in kinds), packet(500, "oco", "REDUCE"))
    assert got == OrderCount(sent=1, before_each_press=[1, 0])


@pytest.mark.parametrize(
    ("t_ns", "leaks"),
    [(1099, 0), (1100, 1), (1500, 1), (2000, 1), (2001, 0), (3099, 0), (3100, 1), (END, 1)],
)
def test_both_ends_of_the_closed_gate_count(count, t_ns, leaks):
    assert count(packet(t_ns)).after_ack == leaks


@pytest.mark.parametrize(
    ("op", "intent", "counter"),
    [
        ("new", "OPEN", "after_ack"),
        ("new", "REDUCE", "after_ack"),
        ("new", None, "after_ack"),
        ("new", "CANCEL", "after_ack"),
        ("new", "open", "after_ack"),
        ("cancel", "OPEN", "after_ack"),
        ("amend", "CANCEL", "after_ack"),
        ("amend", "REDUCE", "after_ack"),
        ("oco", "REDUCE", "after_ack"),
        ("new", "LIQUIDATE", "after_ack_liquidate"),
        ("cancel", "CANCEL", "after_ack_cancel"),
        ("cancel_all", "CANCEL", "after_ack_cancel"),
        *[(op, None, None) for op in QUERIES],
    ],
)
def test_each_packet_goes_to_its_counter(count, op, intent, counter):
    got = count(packet(1500, op, intent))
    counters = {"after_ack", "after_ack_cancel", "after_ack_liquidate"}
    assert {name for name in counters if getattr(got, name)} == ({counter} if counter else set())


def test_a_gate_closed_from_the_start_counts_too(count):
    closed = capture([(500, ACK, 0), (600, HALT, 1)], ACK=1, HALT=0)
    assert count(packet(0), packet(600), packet(601), at=closed).after_ack == 2


def test_a_gate_that_acks_again_without_arming_stays_closed(count):
    twice = capture([*EVENTS, (4000, ACK, 0), (5000, ACK, 1)])
    assert count(packet(4500), at=twice).after_ack == 1


def test_without_ack_the_time_after_halt_ends_at_the_next_arming(count):
    no_ack = capture([(1000, A, 1), (1050, HALT, 0), (1500, A, 0), (2000, HALT, 1)])
    assert count(packet(1060), packet(2500), at=no_ack).between_halt_and_ack == 1


GOOD = st.builds(
    packet,
    st.integers(0, 1099) | st.integers(2001, 3099),
    st.sampled_from(["new", "cancel", *QUERIES]),
    st.sampled_from(["OPEN", "REDUCE", "CANCEL", "LIQUIDATE"]),
)


@given(
    st.lists(GOOD, max_size=20),
    st.integers(0, 20),
    st.integers(1100, 2000) | st.integers(3100, END),
    st.sampled_from(["OPEN", "REDUCE", None, "odd"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_planted_order_is_found_at_any_position(count, rows, where, t_ns, intent):
    assert count(*rows).after_ack == 0
    assert count(*rows[:where], packet(t_ns, "new", intent), *rows[where:]).after_ack == 1


LINES_OF_A_RUN = numbered([packet(500), {"kind": "fill"}, packet(600)])


def changed(at: int, **fields) -> list[dict]:
    return [{**line, **fields} if n == at else line for n, line in enumerate(LINES_OF_A_RUN)]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "stop line"),
        (LINES_OF_A_RUN[1:], "not the start"),
        (LINES_OF_A_RUN[:-1], "stop line"),
        (LINES_OF_A_RUN[:2] + LINES_OF_A_RUN[3:], "n = 3, not 2"),
        (LINES_OF_A_RUN[:-1] + LINES_OF_A_RUN, "n = 0, not 4"),
        ([*LINES_OF_A_RUN, LINES_OF_A_RUN[1]], "not the start"),
        (changed(0, n=1), "not the start"),
        (changed(1, sent_ns=None), "no sending time"),
        (changed(1, sent_ns="500"), "unreadable"),
        (changed(1, sent_ns=2**64), "unreadable"),
        (changed(1, kind="pocket"), "unreadable"),
        (changed(1, msg={"intent": "OPEN"}), "unreadable"),
        (changed(1, msg={"op": "new", "intent": 3}), "unreadable"),
        (changed(1, msg="new"), "unreadable"),
        (changed(2, n=True), "unreadable"),
    ],
)
def test_a_record_that_proves_nothing_is_refused(tmp_path, lines, why):
    path = write(tmp_path / "venue.jsonl", lines)
    with pytest.raises(RecordError, match=why) as caught:
        count_orders(path, capture())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_whole_runs_in_one_file_are_read_as_one(tmp_path):
    path = write(tmp_path / "venue.jsonl", LINES_OF_A_RUN * 2)
    assert count_orders(path, capture()).sent == 4


def test_a_missing_record_is_refused(tmp_path):
    with pytest.raises(RecordError, match="No such file"):
        count_orders(tmp_path / "absent", capture())


def test_a_record_cut_at_any_byte_is_refused(tmp_path):
    path = write(tmp_path / "venue.jsonl", LINES_OF_A_RUN)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(RecordError):
            count_orders(path, capture())


@pytest.mark.parametrize("noise", [b"\n", b"{}\n", b"\xff\n", b"null\n", b"[" * 100_000 + b"\n"])
def test_noise_between_lines_is_refused(tmp_path, noise):
    path = write(tmp_path / "venue.jsonl", LINES_OF_A_RUN)
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\n" + noise + rest)
    with pytest.raises(RecordError, match="line 2"):
        count_orders(path, capture())
