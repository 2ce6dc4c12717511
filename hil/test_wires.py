"""A wire that breaks is a halt, whichever it is, and a wire that lies does not prevent one."""

import pytest

from hil.kit import GROUND, Bench, Record

pytestmark = pytest.mark.needs("cut-wire", "edge-clock")


# ACK_WHILE_RUN: with HALT cut the controller sees an ACK that it has not asked for, and is right.
@pytest.mark.faults("DISCREPANCY", "ACK_WHILE_RUN")
@pytest.mark.parametrize("wire", ["HALT", "SERIAL", "SWITCH_A", "SWITCH_B"])
def test_cut_wire_halts(bench: Bench, wire: str, record_property: Record) -> None:
    bench.halted(bench.cut(wire), record_property)


# The lines part one by one: ACK may be seen high before its own line has gone.
@pytest.mark.faults("ACK_MISSING", "ACK_WHILE_RUN")
def test_broken_ground_halts(bench: Bench, record_property: Record) -> None:
    cut_ns = min([bench.cut(wire) for wire in GROUND])
    bench.halted(cut_ns, record_property)


def test_press_with_the_serial_line_unplugged_halts(bench: Bench, record_property: Record) -> None:
    cut_ns = bench.cut("SERIAL")
    pressed_ns = bench.open_contacts()
    assert pressed_ns > cut_ns
    bench.halted(pressed_ns, record_property)


@pytest.mark.needs("short-wire")
@pytest.mark.faults("ACK_MISSING")
def test_halt_shorted_to_high_and_pressed_halts_over_the_serial_line(
    bench: Bench, record_property: Record
) -> None:
    bench.short("HALT", 1)
    pressed_ns = bench.open_contacts()
    closed_ns = bench.wait_edge("ACK", 1, pressed_ns)
    record_property("cause_to_ack_ms", round((closed_ns - pressed_ns) / 1e6, 3))
    assert bench.wait_status(mode="EMERGENCY")["controller"] == "TRIPPED"
    assert [at_ns for at_ns in bench.session.opening_ns() if at_ns > closed_ns] == []


@pytest.mark.faults("ACK_WHILE_RUN")
def test_halt_stays_after_the_wire_is_mended(bench: Bench, record_property: Record) -> None:
    cut_ns = bench.cut("HALT")
    bench.wait_edge("ACK", 1, cut_ns)
    bench.mend("HALT")
    bench.halted(cut_ns, record_property)


@pytest.mark.faults("ACK_MISSING")
def test_cut_ack_wire_is_an_alarm_and_halts_no_less(bench: Bench, record_property: Record) -> None:
    bench.cut("ACK")
    pressed_ns = bench.open_contacts()
    bench.halted(pressed_ns, record_property)
    bench.wait_fault("ACK_MISSING")
