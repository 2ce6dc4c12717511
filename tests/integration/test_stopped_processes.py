"""Killing or stopping any one process in mid-trading closes the gate; nothing leaves afterwards."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.kit import BENCH_TIMES, trading

# ms. What the watchdogs may need before the gate is shut, from the times of the bench profile, and
# a margin for the scheduler of a shared machine: the figure itself is printed.
MARGIN_MS = 150
LIMIT_MS = {
    ("guard", signal.SIGKILL): BENCH_TIMES.guard_lease_ms,
    ("guard", signal.SIGSTOP): BENCH_TIMES.guard_lease_ms,
    ("engine", signal.SIGKILL): 0,
    ("engine", signal.SIGSTOP): 0,
    ("recorder", signal.SIGKILL): 0,
    ("recorder", signal.SIGSTOP): BENCH_TIMES.recorder_heartbeat_ms,
    ("pico", signal.SIGKILL): 0,
    ("pico", signal.SIGSTOP): BENCH_TIMES.controller_silence_ms,
}
QUIET_S = 1.0


@pytest.mark.parametrize(("name", "how"), LIMIT_MS, ids=lambda value: getattr(value, "name", value))
def test_no_order_leaves_after_a_process_is_gone(
    tmp_path: Path, name: str, how: signal.Signals, capsys: pytest.CaptureFixture
) -> None:
    with trading(tmp_path) as bench:
        pid = bench.pid(name)
        hit_ns = time.monotonic_ns()
        os.kill(pid, how)
        allowed_ms = LIMIT_MS[name, how] + MARGIN_MS
        time.sleep(allowed_ms / 1000 + QUIET_S)
        late = bench.orders_after(hit_ns)
        last_ms = (late[-1]["sent_ns"] - hit_ns) / 1e6 if late else 0.0
        with capsys.disabled():
            print(
                f"\n  {how.name} {name}: last order {last_ms:.1f} ms after (allowed {allowed_ms})"
            )
        assert last_ms <= allowed_ms
        if how == signal.SIGSTOP:
            woken_ns = time.monotonic_ns()
            os.kill(pid, signal.SIGCONT)
            time.sleep(QUIET_S)
            assert bench.orders_after(woken_ns) == []
        status = bench.wait_status(mode="EMERGENCY", halt="low")
        assert (status["mode"], status["halt"]) == ("EMERGENCY", "low")


def test_a_killed_engine_comes_back_in_emergency_and_trades_again_only_after_a_rearm(
    tmp_path: Path,
) -> None:
    with trading(tmp_path) as bench:
        killed = bench.pid("engine")
        os.kill(killed, signal.SIGKILL)
        status = bench.wait_status(ladder_done=True, halt="low", ack="low")
        assert status["mode"] == "EMERGENCY"
        assert status["engine_pid"] not in (None, killed)
        quiet_ns = time.monotonic_ns()
        time.sleep(QUIET_S)
        assert bench.orders_after(quiet_ns) == []
        bench.rearm()  # raises when no order follows
