"""A host that is frozen, killed or rebooted sends nothing, and comes back halted."""

import contextlib
import signal
import time
from collections.abc import Iterator

import pytest

from hil.kit import QUIET_S, Bench, Record

pytestmark = pytest.mark.needs("signals", "edge-clock")


@contextlib.contextmanager
def frozen(bench: Bench, name: str) -> Iterator[int]:
    """Stop a process of the host; give the time, ns; let it go on afterwards."""
    pid = bench.pid(name)
    frozen_ns = bench.wires.mark()
    bench.parts.signal(pid, signal.SIGSTOP)
    try:
        yield frozen_ns
    finally:
        bench.parts.signal(pid, signal.SIGCONT)


def test_frozen_engine_halts(bench: Bench, record_property: Record) -> None:
    with frozen(bench, "engine") as frozen_ns:
        bench.halted(frozen_ns, record_property)


def test_killed_engine_halts_and_comes_back_halted(bench: Bench, record_property: Record) -> None:
    before = bench.pid("engine")
    killed_ns = bench.signal("engine", signal.SIGKILL)
    bench.halted(killed_ns, record_property)
    assert bench.wait_status(mode="EMERGENCY")["engine_pid"] != before


@pytest.mark.faults("ACK_MISSING")
def test_frozen_guard_is_tripped_by_the_controller(bench: Bench, record_property: Record) -> None:
    with frozen(bench, "guard") as frozen_ns:
        bench.halted(frozen_ns, record_property, closed="HALT")
    bench.wait_status(mode="EMERGENCY")


@pytest.mark.faults("ACK_MISSING")
def test_killed_guard_lets_nothing_out(bench: Bench, record_property: Record) -> None:
    killed_ns = bench.signal("guard", signal.SIGKILL)
    bench.halted(killed_ns, record_property, closed="HALT")


@pytest.mark.faults("ACK_MISSING")
def test_host_without_power_lets_nothing_out(bench: Bench, record_property: Record) -> None:
    cut_ns = bench.wires.mark()
    bench.parts.kill_host()
    bench.halted(cut_ns, record_property, closed="HALT")


def test_rebooted_host_trades_only_after_the_button(bench: Bench) -> None:
    assert bench.parts.end("host") == 0
    ended_ns = bench.wires.mark()
    bench.parts.start_host()
    bench.wait_status(mode="EMERGENCY", halt="low")
    time.sleep(QUIET_S)
    assert [at_ns for at_ns in bench.session.opening_ns() if at_ns > ended_ns] == []
    bench.session.rearm()
    assert [at_ns for at_ns in bench.session.opening_ns() if at_ns > ended_ns] != []
