"""Whatever is tampered with halts, is named, and stays in the register until somebody re-arms."""

import os
import time

import pytest

from controller import frames, leds, protocol
from controller.mac import KEY_BYTES, Mac
from hil.kit import LAMPS, Bench, Record

pytestmark = pytest.mark.needs("edge-clock")


@pytest.mark.needs("enclosure")
@pytest.mark.faults("ENCLOSURE")
def test_opened_enclosure_halts(bench: Bench, record_property: Record) -> None:
    opened_ns = bench.wires.stimulate([(0, "ENCLOSURE", 1)])
    bench.halted(opened_ns, record_property)
    bench.wait_status(controller_reason="ENCLOSURE")


@pytest.mark.needs("short-wire")
@pytest.mark.parametrize("wire", LAMPS)
def test_led_wire_that_lies_halts(bench: Bench, wire: str, record_property: Record) -> None:
    time.sleep(0.3)  # armed and settled: green alone, or yellow beside it
    lie_ns = bench.short(wire, 1 - bench.wires.levels()[wire])
    bench.halted(lie_ns, record_property)
    assert bench.wait_status(mode="EMERGENCY")["reason"] == "LED_MISMATCH"


@pytest.mark.needs("short-wire")
@pytest.mark.faults("ACK_WHILE_RUN", "ACK_MISSING")
def test_ack_held_high_while_trading_halts(bench: Bench, record_property: Record) -> None:
    held_ns = bench.short("ACK", 1)
    bench.halted(held_ns, record_property, closed="HALT")
    bench.wait_status(controller_reason="ACK_WHILE_RUN")


@pytest.mark.needs("serial-write")
@pytest.mark.faults("BAD_MAC")
def test_frame_under_a_foreign_key_halts(bench: Bench, record_property: Record) -> None:
    foreign = frames.Channel(protocol.HOST, Mac(os.urandom(KEY_BYTES)))
    written_ns = write_on_the_line(bench, foreign.encode("MODE", (leds.NORMAL, 0, 1), 0))
    bench.halted(written_ns, record_property)
    bench.wait_status(controller_reason="BAD_MAC")


@pytest.mark.needs("serial-write")
def test_noise_on_the_line_is_counted_and_halts_nothing(bench: Bench) -> None:
    before = bench.wait_status(controller="ARMED")["link"]["status"]["noise"]
    written_ns = write_on_the_line(bench, b"\x05noise\x00")
    time.sleep(0.3)  # STATUS comes every 100 ms
    status = bench.wait_status(controller="ARMED")
    assert status["link"]["status"]["noise"] > before
    assert bench.edges("HALT", 0, written_ns) == []


@pytest.mark.faults("DISCREPANCY")
@pytest.mark.parametrize("contact", ["SWITCH_A", "SWITCH_B"])
def test_one_contact_alone_halts_and_is_a_latched_fault(
    bench: Bench, contact: str, record_property: Record
) -> None:
    opened_ns = bench.wires.stimulate([(0, contact, 1)])
    bench.halted(opened_ns, record_property)
    bench.wait_status(controller_reason=contact)
    bench.wait_fault("DISCREPANCY")
    # Closing it again shows nothing about the other contact: the button does not arm.
    bench.close_contacts()
    time.sleep(0.1)
    bench.wires.stimulate([(0, "REARM", 0), (200_000, "REARM", 1)])
    time.sleep(0.3)
    assert bench.edges("HALT", 1, opened_ns) == []
    # Both opened and closed together do.
    bench.open_contacts()
    time.sleep(0.1)


def write_on_the_line(bench: Bench, data: bytes) -> int:
    """Write bytes at the host's end of the serial line; return the time, ns."""
    port = os.open(bench.parts.serial_port, os.O_WRONLY | os.O_NOCTTY)
    try:
        at_ns = time.monotonic_ns()
        os.write(port, data)
    finally:
        os.close(port)
    return at_ns
