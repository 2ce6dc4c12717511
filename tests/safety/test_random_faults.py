"""Processes killed and stopped at random moments: the gate closes, and only the button opens it.

BOT4_FAULT_ROUNDS sets the number of rounds (`make faults`: 200; here a short run).
"""

import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from host import config
from rig.processes import BenchError
from tests.integration.evidence import Witnessed, witnessed
from tests.integration.test_ladder import host
from tests.integration.test_stopped_processes import LIMIT_MS, MARGIN_MS

ROUNDS = int(os.environ.get("BOT4_FAULT_ROUNDS", "6"))
QUIET_S = 0.4
# s. A supervisor gives up on a child that ends too often; a person would not press on either.
CALM_S = 1.0
MOST_TRIES = 4
# Rows a second: the 5030 rows of the demo's data must last for all rounds.
SPEED = min(60.0, 5000 / (5.0 * ROUNDS))


@dataclass
class Row:
    """One process and one signal: how often, and the last order after it, ms, at worst."""

    rounds: int = 0
    worst_ms: float = 0.0


# An engine that dies again within a minute would stay down, as it should; here it dies on purpose.
ALWAYS_AGAIN = config.DEFAULT.read_text() + "\n[supervisor]\nsecond_failure_s = 0.001\n"


def one_round(bench: Witnessed, name: str, how: signal.Signals) -> float:
    """Hit one process; return the time of the last order after it, ms. Asserts the rest."""
    pid = bench.pid(name)
    bench.note()
    hit_ns = time.monotonic_ns()
    os.kill(pid, how)
    allowed_ms = LIMIT_MS[name, how] + MARGIN_MS
    time.sleep(allowed_ms / 1000 + QUIET_S)
    late = bench.orders_after(hit_ns)
    last_ms = (late[-1]["sent_ns"] - hit_ns) / 1e6 if late else 0.0
    assert last_ms <= allowed_ms, (name, how)
    woken_ns = time.monotonic_ns()
    if how == signal.SIGSTOP:
        with contextlib.suppress(ProcessLookupError):  # the guard kills an engine stuck in a send
            os.kill(pid, signal.SIGCONT)
        time.sleep(QUIET_S)
    elif name == "pico":
        bench.bench.end("pico")
        bench.bench.start_controller()
    assert bench.orders_after(woken_ns) == []
    assert bench.wait_status(mode="EMERGENCY", halt="low", timeout_s=10)["mode"] == "EMERGENCY"
    return last_ms


def rearm(bench: Witnessed) -> int:
    """Arm until the host trades; return how often it had halted by itself before it came to that.

    A machine that stands still for longer than the watchdogs wait is a halt, as it should be.
    """
    for tries in range(MOST_TRIES):
        try:
            bench.rearm()
        except BenchError:
            if tries + 1 == MOST_TRIES or bench.status().get("mode") != "EMERGENCY":
                raise
        else:
            return tries
    raise AssertionError


def test_faults_at_random_moments_never_let_an_order_out(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = random.Random(5)
    # Every fault as often as every other, in an order that nobody chose.
    faults = (list(LIMIT_MS) * (ROUNDS // len(LIMIT_MS) + 1))[:ROUNDS]
    rng.shuffle(faults)
    rows = {fault: Row() for fault in LIMIT_MS}
    again = 0
    with witnessed(tmp_path, speed=SPEED, host=host(tmp_path, ALWAYS_AGAIN)) as bench:
        for number, (name, how) in enumerate(faults):
            time.sleep(rng.uniform(0.0, 0.5))
            row = rows[name, how]
            row.worst_ms = max(row.worst_ms, one_round(bench, name, how))
            row.rounds += 1
            try:
                again += rearm(bench)
            except BenchError as error:
                pytest.fail(f"round {number}, {how.name} {name}: {error}")
            time.sleep(CALM_S)
        found = bench.judge()
    with capsys.disabled():
        print(f"\n  {ROUNDS} rounds        rounds  last order after it, worst, ms")
        for (name, how), row in rows.items():
            print(f"    {how.name} {name:12} {row.rounds:5} {row.worst_ms:10.1f}")
        print(f"  halted by the machine itself and armed again: {again}\n  {found}")
    assert found.faults == []
