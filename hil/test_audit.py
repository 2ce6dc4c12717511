"""Each event is on record, and its times agree with the wires."""

import time

import pytest

from controller import reasons
from hil.kit import Bench, Record
from rig.outcome import verify_audit

pytestmark = pytest.mark.needs("edge-clock")

# ms. The guard's record is stamped when its loop has got that far; the halt itself never waits.
AGREE_MS = 250.0
# us. The longest pass of the firmware: an event is noted in the pass that sees it.
PASS_US = 10_000


def agree(name: str, recorded_ns: int, wire_ns: int, record: Record) -> None:
    """Assert that a record was made after its edge and soon; note how late it was."""
    late_ms = (recorded_ns - wire_ns) / 1e6
    record(f"{name}_recorded_after_ms", round(late_ms, 3))
    assert 0 <= late_ms <= AGREE_MS


def test_press_is_on_record_with_its_times(bench: Bench, record_property: Record) -> None:
    begun_ns = bench.press()
    fell_ns = bench.wait_edge("HALT", 0, begun_ns)
    ack_ns = bench.wait_edge("ACK", 1, begun_ns)
    closed = bench.wait_audit("gate_closed", begun_ns)
    stepped = bench.wait_audit("mode", begun_ns, mode="EMERGENCY")
    agree("gate_closed", closed["mono_ns"], fell_ns, record_property)
    agree("emergency", stepped["mono_ns"], fell_ns, record_property)
    trip = bench.wait_audit("controller_event", begun_ns, what="TRIP")["data"]
    seen = bench.wait_audit("controller_event", begun_ns, what="ACK_SEEN")["data"]
    on_wire_us = (ack_ns - fell_ns) / 1000
    record_property("halt_to_ack_wire_us", round(on_wire_us, 1))
    record_property("halt_to_ack_controller_us", seen["value"])
    # Two ways to one number: by the times of its events, and as it measured it itself.
    assert abs(seen["at_us"] - trip["at_us"] - seen["value"]) <= PASS_US


def test_rearming_is_on_record_with_its_time(bench: Bench, record_property: Record) -> None:
    begun_ns = bench.press()
    bench.wait_audit("controller_event", begun_ns, what="TRIP")
    bench.session.rearm()
    rose_ns = bench.wait_edge("HALT", 1, begun_ns)
    agree("halt_rose", bench.wait_audit("halt_rose", begun_ns)["mono_ns"], rose_ns, record_property)
    bench.wait_audit("controller_event", begun_ns, what="RELEASED")
    bench.wait_audit("controller_event", begun_ns, what="ARMED")
    bench.wait_audit("mode", begun_ns, mode="PAUSED", reason="REARMED")


@pytest.mark.needs("enclosure")
@pytest.mark.faults("ENCLOSURE")
def test_tampering_is_on_record(bench: Bench) -> None:
    opened_ns = bench.wires.stimulate([(0, "ENCLOSURE", 1)])
    bench.wait_audit("controller_trip", opened_ns, reason="ENCLOSURE")
    bench.wait_audit("controller_event", opened_ns, what="TRIP", detail=reasons.ENCLOSURE)


@pytest.mark.needs("cut-wire")
def test_events_of_a_lost_link_come_later_and_once(bench: Bench) -> None:
    cut_ns = bench.cut("SERIAL")
    bench.wait_edge("ACK", 1, cut_ns)
    time.sleep(0.3)
    bench.mend("SERIAL")
    bench.wait_audit("controller_event", cut_ns, what="LINK_LOST")
    bench.wait_audit("controller_event", cut_ns, what="TRIP")
    names = [
        (record["data"]["boot"], record["data"]["number"])
        for record in bench.audit()
        if record["kind"] == "controller_event"
    ]
    assert len(names) == len(set(names))


def test_log_of_the_run_verifies(bench: Bench, record_property: Record) -> None:
    bench.press()
    assert bench.parts.end("host") == 0
    report = verify_audit(bench.parts.audit_dir(), bench.parts.witness_key)
    record_property("records", report["records"])
    assert report["verified"], report["reason"]
