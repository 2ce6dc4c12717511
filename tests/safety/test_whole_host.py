"""The host as a whole: killed, started twice, its wall clock set, its CPU and memory taken away."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.processes import Placement, end, fifo_permitted, spawn
from tests.integration.evidence import Witnessed, records, witnessed
from tests.integration.kit import BENCH_TIMES, bot4
from tests.integration.test_stopped_processes import MARGIN_MS
from tests.planted.preload import Shim

DAY_NS = 86_400_000_000_000
QUIET_S = 0.7
# s. A strategy that holds what it wants sends nothing for a while.
GOES_ON_S = 20.0
HOG_S = float(os.environ.get("BOT4_HOG_S", "0.7"))
HOGS = {
    "cpu": "while True: pass",
    "memory": "while True: [bytes(1 << 20) for _ in range(256)]",
    "gil": "import threading\n"
    "def spin():\n"
    "    while True: sorted(range(100_000))\n"
    "[threading.Thread(target=spin).start() for _ in range(4)]",
}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Shim:
    return Shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, shim: Shim) -> Iterator[Witnessed]:
    """One host for all faults of this file; it is judged at the end."""
    out = tmp_path_factory.mktemp("whole")
    with witnessed(out, host=shim.host(), repeat=True) as kit:
        yield kit
        found = kit.judge()
        print(f"\n  whole host: {found}")
        assert found.faults == []


@pytest.mark.parametrize("days", [1, -1])
def test_a_wall_clock_set_by_a_day_changes_nothing_that_counts(
    bench: Witnessed, shim: Shim, days: int, capsys: pytest.CaptureFixture
) -> None:
    for _try in range(3):  # a busy machine may starve the engine once; a clock would every time
        bench.note()
        set_ns = time.monotonic_ns()
        shim.set_clock(days * DAY_NS)
        time.sleep(QUIET_S)
        traded = len(bench.orders_after(set_ns))
        walls = [r["wall_ns"] for r in records(bench.audit)[-20:]]
        assert abs(walls[-1] - time.time_ns() - days * DAY_NS) < DAY_NS // 100
        bench.press()
        pressed_ns = time.monotonic_ns()
        shim.set_clock(0)
        time.sleep(QUIET_S)
        status = bench.wait_status(mode="EMERGENCY")
        with capsys.disabled():
            print(f"\n  clock {days:+d} day: {traded} orders went on, then {status['reason']}")
        assert bench.orders_after(pressed_ns) == []
        bench.rearm()
        if status["reason"] == "HALT_LINE":
            break
    assert status["reason"] == "HALT_LINE"


def test_a_second_host_at_the_same_box_is_refused_and_the_first_goes_on(
    bench: Witnessed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv("BOT4_BENCH_SOCKET", bench.bench._socket)
    guard = bench.pid("guard")
    given = bench.bench.processes["host"].args
    words = list(given[given.index("run") :])
    place = words.index("--guard-cpu")
    del words[place : place + 2]  # the rig keeps off that core, and so would the second host
    begun_ns = time.monotonic_ns()
    refusals = []
    for run_dir in (bench.bench.run_dir, tmp_path / "another"):  # the same, and one of its own
        words[words.index("--run-dir") + 1] = str(run_dir)
        done = bot4(*words)
        refusals.append(done.stderr.strip())
        assert done.returncode == 2, done.stderr
    with capsys.disabled():
        print("", *refusals, sep="\n  second host: ")
    assert "another host runs in" in refusals[0]
    assert "serial port" in refusals[1]
    assert not any("\n" in line for line in refusals)
    assert bench.pid("guard") == guard
    assert bench.status()["mode"] == "NORMAL"
    deadline = time.monotonic() + GOES_ON_S
    while not bench.orders_after(begun_ns):
        assert time.monotonic() < deadline, "the first host trades no more"
        time.sleep(0.1)


@pytest.mark.parametrize("fifo", [0, 40], ids=["fair", "SCHED_FIFO"])
@pytest.mark.parametrize("kind", HOGS)
def test_a_guard_beside_hogs_goes_on_or_halts(
    bench: Witnessed, tmp_path: Path, kind: str, fifo: int, capsys: pytest.CaptureFixture
) -> None:
    if fifo and not fifo_permitted():
        pytest.skip("SCHED_FIFO is not permitted")
    bench.note()
    cpus = frozenset(bench.bench.cpus)
    command = [sys.executable, "-c", HOGS[kind]]
    log = tmp_path / "hog.log"
    begun_ns = time.monotonic_ns()
    hogs = [spawn(command, log=log, placement=Placement(cpus, fifo)) for _ in cpus]
    try:
        time.sleep(HOG_S)
        bench.bench.wires.stimulate([(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)])
        pressed_ns = time.monotonic_ns()
        allowed_ms = BENCH_TIMES.guard_lease_ms + MARGIN_MS
        time.sleep(allowed_ms / 1000 + QUIET_S)
    finally:
        for hog in hogs:
            hog.kill()
            end(hog)
    traded = len(bench.orders_after(begun_ns))
    late = bench.orders_after(pressed_ns)
    last_ms = (late[-1]["sent_ns"] - pressed_ns) / 1e6 if late else 0.0
    status = bench.wait_status(mode="EMERGENCY", halt="low")
    with capsys.disabled():
        how = "SCHED_FIFO" if fifo else "fair"
        print(f"\n  {kind} hogs, {how}: {traded} orders, last {last_ms:.1f} ms after the press, "
              f"{status['reason']}")  # fmt: skip
    assert last_ms <= allowed_ms
    assert status["mode"] == "EMERGENCY"
    bench.rearm()


def test_a_host_killed_as_a_whole_halts_and_the_next_one_waits_for_the_button(
    bench: Witnessed, capsys: pytest.CaptureFixture
) -> None:
    bench.note()
    host = bench.bench.processes.pop("host")
    killed_ns = time.monotonic_ns()
    host.send_signal(signal.SIGKILL)
    host.communicate(timeout=10)
    time.sleep(QUIET_S)
    late = bench.orders_after(killed_ns)
    last_ms = (late[-1]["sent_ns"] - killed_ns) / 1e6 if late else 0.0
    assert bench.bench.wires.levels()["HALT"] == 0
    bench.bench.start_host()
    started_ns = time.monotonic_ns()
    time.sleep(QUIET_S)
    with capsys.disabled():
        print(f"\n  SIGKILL of the whole host: last order {last_ms:.1f} ms after")
    assert last_ms <= MARGIN_MS
    assert bench.wait_status(mode="EMERGENCY")["halt"] == "low"
    assert bench.orders_after(started_ns) == []
    bench.rearm()


def test_no_process_of_a_killed_host_is_left(bench: Witnessed) -> None:
    shown = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    mine = [line for line in shown.splitlines() if str(bench.bench.run_dir) in line]
    guards = [line for line in mine if " host.guard " in line]
    assert len(guards) == 2  # the guard and its relay
