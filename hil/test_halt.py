"""Every way to a halt ends with HALT low or the gate closed, ACK high, and no order after it."""

import time

import pytest

from rig.leaks import read_packets
from rig.session import Session

QUIET_S = 1.0


def orders_between(bench: Session, start_ns: int, end_ns: int) -> int:
    """Count the OPEN and REDUCE orders that left in a stretch of time, by the venue's record."""
    bench.bench.end("host")
    bench.bench.end("venue")
    sent = [
        packet.sent_ns
        for packet in read_packets(bench.bench.venue_record)
        if packet.msg.intent in ("OPEN", "REDUCE")
    ]
    assert None not in sent
    return sum(start_ns < at < end_ns for at in sent)


def wait_for_ack(bench: Session, since_ns: int, timeout_s: float = 3.0) -> int:
    """Return the time of the first rising edge of ACK after `since_ns`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for at_ns, line, level in bench.wires.fetch_edges():
            if at_ns > since_ns and line == bench.ACK and level:
                return at_ns
        time.sleep(0.02)
    pytest.fail("ACK did not rise")


def test_press_raises_ack_and_nothing_leaves_afterwards(bench: Session) -> None:
    begun_ns = time.monotonic_ns()
    bench.press()
    ack_ns = wait_for_ack(bench, begun_ns)
    time.sleep(QUIET_S)
    assert not bench.wires.levels()["HALT"]
    assert orders_between(bench, ack_ns, time.monotonic_ns()) == 0


@pytest.mark.parametrize("wire", ["HALT", "SERIAL", "SWITCH_A", "SWITCH_B"])
def test_cut_wire_halts(bench: Session, wire: str) -> None:
    cut_ns = bench.wires.cut(wire)
    ack_ns = wait_for_ack(bench, cut_ns)
    time.sleep(QUIET_S)
    assert orders_between(bench, ack_ns, time.monotonic_ns()) == 0


def test_halt_stays_after_the_wire_is_mended(bench: Session) -> None:
    cut_ns = bench.wires.cut("HALT")
    wait_for_ack(bench, cut_ns)
    bench.wires.mend("HALT")
    mended_ns = time.monotonic_ns()
    time.sleep(QUIET_S)
    assert orders_between(bench, mended_ns, time.monotonic_ns()) == 0


@pytest.mark.parametrize("wire", ["LED_RED", "LED_YELLOW", "LED_GREEN"])
def test_led_wire_that_lies_halts(bench: Session, wire: str) -> None:
    time.sleep(0.5)  # armed and settled: green alone, or yellow beside it
    lie_ns = bench.wires.short(wire, 1 - bench.wires.levels()[wire])
    wait_for_ack(bench, lie_ns)
    assert bench.status()["reason"] == "LED_MISMATCH"


def test_opened_enclosure_halts(bench: Session) -> None:
    at_ns = bench.wires.stimulate([(0, "ENCLOSURE", 1)])
    wait_for_ack(bench, at_ns)
    assert not bench.wires.levels()["HALT"]


def test_button_alone_does_not_arm_while_the_switch_is_open(bench: Session) -> None:
    bench.press()
    bench.wires.stimulate([(0, "REARM", 0), (300_000, "REARM", 1)])
    time.sleep(0.5)
    assert not bench.wires.levels()["HALT"]
