"""Every way to a halt ends with HALT low or the gate closed, ACK high, and no order after it."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from rig.leaks import read_packets
from rig.session import Session

QUIET_S = 1.0

# pytest's record_property: measurements end up in the JUnit file.
Record = Callable[[str, object], None]


def orders_sent(bench: Session) -> list[int]:
    """End host and venue; return when each OPEN and REDUCE order left, by the venue's record, ns."""
    bench.bench.end("host")
    bench.bench.end("venue")
    sent = [
        packet.sent_ns
        for packet in read_packets(bench.bench.venue_record)
        if packet.msg.intent in ("OPEN", "REDUCE")
    ]
    assert None not in sent
    return sorted(at for at in sent if at is not None)


def nothing_left_after(bench: Session, cause_ns: int, closed_ns: int, record: Record) -> None:
    """Assert that no order left after the gate was closed; record when the last one left, ms."""
    time.sleep(QUIET_S)
    sent = orders_sent(bench)
    late = [at for at in sent if at > cause_ns]
    record("cause_to_last_order_ms", (late[-1] - cause_ns) / 1e6 if late else 0.0)
    record("cause_to_ack_ms", (closed_ns - cause_ns) / 1e6)
    assert [at for at in sent if at > closed_ns] == []


def wait_for_ack(bench: Session, since_ns: int, timeout_s: float = 3.0) -> int:
    """Return the time of the first rising edge of ACK after `since_ns`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for at_ns, line, level in bench.wires.fetch_edges():
            if at_ns > since_ns and line == bench.ACK and level:
                return at_ns
        time.sleep(0.02)
    pytest.fail("ACK did not rise")


def test_press_raises_ack_and_nothing_leaves_afterwards(
    bench: Session, record_property: Record
) -> None:
    begun_ns = time.monotonic_ns()
    bench.press()
    ack_ns = wait_for_ack(bench, begun_ns)
    assert not bench.wires.levels()["HALT"]
    nothing_left_after(bench, begun_ns, ack_ns, record_property)


@pytest.mark.parametrize("wire", ["HALT", "SERIAL", "SWITCH_A", "SWITCH_B"])
def test_cut_wire_halts(bench: Session, wire: str, record_property: Record) -> None:
    cut_ns = bench.wires.cut(wire)
    ack_ns = wait_for_ack(bench, cut_ns)
    nothing_left_after(bench, cut_ns, ack_ns, record_property)


def test_halt_shorted_to_high_and_pressed_halts_over_the_serial_line(
    bench: Session, record_property: Record
) -> None:
    bench.wires.short("HALT", 1)
    pressed_ns = bench.wires.stimulate([(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)])
    ack_ns = wait_for_ack(bench, pressed_ns)
    nothing_left_after(bench, pressed_ns, ack_ns, record_property)


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "unplugged"])
def test_controller_that_is_gone_halts(
    bench: Session, how: signal.Signals, record_property: Record
) -> None:
    gone_ns = time.monotonic_ns()
    os.kill(bench.wires.state()["pids"]["PICO"], how)
    ack_ns = wait_for_ack(bench, gone_ns)
    nothing_left_after(bench, gone_ns, ack_ns, record_property)


def test_host_without_power_lets_nothing_out(bench: Session, record_property: Record) -> None:
    cut_ns = time.monotonic_ns()
    bench.bench.processes["host"].kill()  # everything of the host dies with it
    assert bench.wires.wait(lambda levels: not levels["HALT"], 3.0)
    fell_ns = max(at for at, line, _level in bench.wires.fetch_edges() if line == bench.HALT)
    nothing_left_after(bench, cut_ns, fell_ns, record_property)


def test_halt_stays_after_the_wire_is_mended(bench: Session, record_property: Record) -> None:
    cut_ns = bench.wires.cut("HALT")
    ack_ns = wait_for_ack(bench, cut_ns)
    bench.wires.mend("HALT")
    nothing_left_after(bench, cut_ns, ack_ns, record_property)


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
