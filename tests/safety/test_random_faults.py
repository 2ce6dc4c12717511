"""Processes killed and stopped at random moments: the gate closes, and only the button opens it.

BOT4_FAULT_ROUNDS sets the number of rounds (`make faults`: 200; here a short run).
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from host import config
from host.audit.verify import verify
from rig.processes import BenchError
from tests.integration.kit import Trading, trading
from tests.integration.test_ladder import host
from tests.integration.test_stopped_processes import LIMIT_MS, MARGIN_MS

ROUNDS = int(os.environ.get("BOT4_FAULT_ROUNDS", "6"))
QUIET_S = 0.4
# s. A supervisor gives up on a child that ends too often; a person would not press on either.
CALM_S = 1.0
# Rows a second: the 5030 rows of the demo's data must last for all rounds.
SPEED = min(60.0, 5000 / (5.0 * ROUNDS))


# An engine that dies again within a minute would stay down, as it should; here it dies on purpose.
ALWAYS_AGAIN = config.DEFAULT.read_text() + "\n[supervisor]\nsecond_failure_s = 0.001\n"


def one_round(bench: Trading, name: str, how: signal.Signals) -> float:
    """Hit one process; return the time of the last order after it, ms. Asserts the rest."""
    pid = bench.pid(name)
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


def kinds_in(audit: Path) -> Counter:
    """Count the records of each kind."""
    return Counter(
        msgspec.json.decode(line)["kind"]
        for segment in sorted(audit.glob("audit-*.jsonl"))
        for line in segment.read_bytes().splitlines()
    )


def test_faults_at_random_moments_never_let_an_order_out(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = random.Random(5)
    worst: dict[str, float] = {}
    with trading(tmp_path, speed=SPEED, host=host(tmp_path, ALWAYS_AGAIN)) as bench:
        for number in range(ROUNDS):
            name, how = rng.choice(list(LIMIT_MS))
            time.sleep(rng.uniform(0.0, 0.5))
            key = f"{how.name} {name}"
            worst[key] = max(worst.get(key, 0.0), one_round(bench, name, how))
            try:
                bench.rearm()
            except BenchError as error:
                pytest.fail(f"round {number}, {key}: {error}")
            time.sleep(CALM_S)
    report = verify(tmp_path / "audit")
    kinds = kinds_in(tmp_path / "audit")
    with capsys.disabled():
        print(f"\n  {ROUNDS} rounds; last order after each fault, worst, ms:")
        for key, last_ms in sorted(worst.items()):
            print(f"    {key:18} {last_ms:7.1f}")
        print(f"  audit: {report.records} records, verified {report.verified}")
    assert report.verified, report.reason
    assert kinds["lost_events"] == 0
