"""A controller that hangs, resets or loses its power halts the host, and never arms by itself."""

import signal
import time

import pytest

from hil.kit import QUIET_S, Bench, Record

pytestmark = pytest.mark.needs("edge-clock")


@pytest.mark.needs("controller-stop")
def test_hung_controller_halts(bench: Bench, record_property: Record) -> None:
    hung_ns = bench.signal("controller", signal.SIGSTOP)
    closed_ns = bench.wait_edge("ACK", 1, hung_ns)
    time.sleep(QUIET_S)
    record_property("cause_to_ack_ms", round((closed_ns - hung_ns) / 1e6, 3))
    assert [at_ns for at_ns in bench.session.opening_ns() if at_ns > closed_ns] == []
    bench.parts.end("pico")


@pytest.mark.needs("controller-power")
def test_unplugged_controller_halts(bench: Bench, record_property: Record) -> None:
    unplugged_ns = bench.signal("controller", signal.SIGKILL)
    bench.halted(unplugged_ns, record_property)


@pytest.mark.needs("controller-power")
def test_reset_controller_halts_and_waits_for_the_button(
    bench: Bench, record_property: Record
) -> None:
    reset_ns = bench.wires.mark()
    bench.parts.end("pico")
    bench.parts.start_controller()
    bench.halted(reset_ns, record_property)
    bench.wait_status(controller="WAITING")
    assert bench.edges("HALT", 1, reset_ns) == []
