"""An engine stopped exactly between the gate's permit and the kernel: nothing of it leaves.

The engine and its gate are the real ones; only libc's send() stops the process before it goes on
(tests/planted/shim.c). BOT4_SEND_ROUNDS sets the number of rounds (`make faults`: 40).
"""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.integration.evidence import records, witnessed
from tests.integration.kit import planted
from tests.planted.preload import Shim, state

ROUNDS = int(os.environ.get("BOT4_SEND_ROUNDS", "3"))
FOUND_S = 10.0


def stop_in_send(shim: Shim) -> int:
    """Return the process id of an engine that has stopped inside its send."""
    shim.stop_next_open()
    deadline = time.monotonic() + FOUND_S
    while not shim.stopped or state(shim.stopped) != "T":
        assert time.monotonic() < deadline, "no engine came to a send"
        time.sleep(0.0005)
    assert "engine" in Path(f"/proc/{shim.stopped}/cmdline").read_text()
    return shim.stopped


def wake(pid: int) -> bool:
    """SIGCONT; False when the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return state(pid) not in ("", "Z")


def test_an_engine_that_wakes_in_its_send_after_ack_sends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = random.Random(11)
    shim = Shim(tmp_path)
    alive = 0
    with witnessed(tmp_path / "out", host=shim.host()) as bench:
        for _ in range(ROUNDS):
            pid = stop_in_send(shim)
            before_ns = time.monotonic_ns()
            bench.note()
            bench.press()  # returns once ACK has risen
            alive += wake(pid)
            time.sleep(rng.uniform(0.05, 0.3))
            assert bench.orders_after(before_ns) == []
            bench.rearm()
        found = bench.judge()
        closed = [r["data"] for r in records(bench.audit) if r["kind"] == "gate_closed"]
    with capsys.disabled():
        waited = sorted(data["waited_us"] for data in closed if data["forced"])
        print(f"\n  {ROUNDS} engines stopped in send(), woken after ACK: {alive} still lived")
        print(f"  killed after us: {waited}\n  {found}")
    assert alive == 0
    assert found.forced == ROUNDS
    assert found.faults == []


def test_an_engine_that_wakes_while_the_gate_is_closing_sends_before_ack_or_never(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = random.Random(12)
    shim = Shim(tmp_path)
    with witnessed(tmp_path / "out", host=shim.host()) as bench:
        for _ in range(ROUNDS):
            pid = stop_in_send(shim)
            bench.bench.wires.stimulate([(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)])
            time.sleep(rng.uniform(0.0, 0.001))  # around slot_busy_us
            wake(pid)
            bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=10.0)
            bench.rearm()
        found = bench.judge()
    with capsys.disabled():
        print(f"\n  {ROUNDS} engines woken while the gate was closing\n  {found}")
    assert found.acks >= ROUNDS
    assert found.faults == []


def test_the_planted_engine_without_a_slot_is_found(tmp_path: Path) -> None:
    shim = Shim(tmp_path)
    host = planted("host.engine", "tests.planted.slotless_engine")
    with witnessed(tmp_path / "out", host=shim.host(*host)) as bench:
        pid = stop_in_send(shim)
        bench.press()
        assert wake(pid)
        time.sleep(0.3)
        found = bench.judge()
    assert found.faults == ["after_ack 1"]
