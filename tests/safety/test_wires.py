"""Faults of the wires under a host that trades: serial cut and mended, port gone, HALT flapping."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.evidence import Witnessed, witnessed
from tests.integration.kit import BENCH_TIMES
from tests.integration.test_stopped_processes import MARGIN_MS

# us. Half a period of 10 kHz.
FLAP_US = 50
FLAPS = int(os.environ.get("BOT4_FLAPS", "10000"))
QUIET_S = 0.5


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witnessed]:
    """One host for all faults of this file; it is judged at the end."""
    with witnessed(tmp_path_factory.mktemp("wires")) as kit:
        yield kit
        found = kit.judge()
        print(f"\n  wires: {found}")
        assert found.faults == []


def last_order_ms(bench: Witnessed, since_ns: int) -> float:
    """Return the time of the last order after `since_ns`, ms."""
    late = bench.orders_after(since_ns)
    return (late[-1]["sent_ns"] - since_ns) / 1e6 if late else 0.0


def test_a_serial_line_cut_and_mended_halts_and_waits_for_the_button(
    bench: Witnessed, capsys: pytest.CaptureFixture
) -> None:
    bench.note()
    cut_ns = bench.bench.wires.cut("SERIAL")
    allowed_ms = BENCH_TIMES.controller_silence_ms + MARGIN_MS
    time.sleep(allowed_ms / 1000 + QUIET_S)
    last_ms = last_order_ms(bench, cut_ns)
    bench.bench.wires.mend("SERIAL")
    mended_ns = time.monotonic_ns()
    time.sleep(1.0)
    status = bench.status()
    with capsys.disabled():
        print(f"\n  serial cut: last order {last_ms:.1f} ms after (allowed {allowed_ms})")
    assert last_ms <= allowed_ms
    assert (status["mode"], status["halt"]) == ("EMERGENCY", "low")
    assert bench.orders_after(mended_ns) == []
    bench.rearm()


def relay_of(guard: int) -> int:
    """Return the child of the guard that waits for the serial port."""
    children = Path(f"/proc/{guard}/task/{guard}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def test_a_serial_port_that_is_gone_halts_until_the_guard_is_started_again(
    bench: Witnessed, capsys: pytest.CaptureFixture
) -> None:
    bench.note()
    guard = bench.pid("guard")
    relay = relay_of(guard)
    gone_ns = time.monotonic_ns()
    os.kill(relay, signal.SIGKILL)
    time.sleep(QUIET_S)
    last_ms = last_order_ms(bench, gone_ns)
    status = bench.wait_status(mode="EMERGENCY", halt="low")
    with capsys.disabled():
        print(f"\n  serial port gone: last order {last_ms:.1f} ms after, {status['reason']}")
    assert (status["mode"], status["reason"]) == ("EMERGENCY", "SERIAL_LOST")
    assert last_ms <= MARGIN_MS
    os.kill(guard, signal.SIGKILL)
    bench.rearm()


def test_halt_flapping_at_10_khz_halts_at_the_first_edge_and_stays(
    bench: Witnessed, capsys: pytest.CaptureFixture
) -> None:
    bench.note()
    pattern = [(n * FLAP_US, "HALT", n % 2) for n in range(FLAPS)]
    before = len(bench.bench.wires.fetch_edges())
    begun_ns = bench.bench.wires.stimulate(pattern)
    time.sleep(FLAPS * FLAP_US / 1e6 + QUIET_S)
    edges = bench.bench.wires.fetch_edges()[before:]
    bench.bench.wires.stimulate([(0, "HALT", 0)])
    last_ms = last_order_ms(bench, begun_ns)
    status = bench.wait_status(mode="EMERGENCY", halt="low", ladder_done=True, timeout_s=10)
    span_ms = (edges[-1][0] - edges[0][0]) / 1e6
    with capsys.disabled():
        print(f"\n  {len(edges)} edges within {span_ms:.0f} ms; last order {last_ms:.1f} ms after")
        longest = {kind: told["worst_us"] for kind, told in status["stretches"].items()}
        print(f"  guard's longest stretches, us: {longest}")
    assert len(edges) > FLAPS // 2
    assert last_ms <= MARGIN_MS
    assert status["mode"] == "EMERGENCY"
    bench.rearm()
