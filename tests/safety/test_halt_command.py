"""`bot4 halt`: the mode word within a millisecond of the request, and the reason on record.

The word is watched in the guard's own page, read-only, by a loop that does nothing else; both ends are
read in CLOCK_MONOTONIC. BOT4_HALTS sets the number of requests (`make faults`: 50).
"""

import os
import statistics
import time
from pathlib import Path

import pytest

from host import layout, modes
from host.guard.client import GuardClient
from host.modes import TradingMode
from tests.integration.evidence import records, witnessed
from tests.integration.kit import bot4
from tests.safety.pages import Watch

HALTS = int(os.environ.get("BOT4_HALTS", "5"))
LIMIT_US = 1000.0
PATIENCE_NS = 1_000_000_000


def ask(run_dir: Path, watch: Watch) -> float:
    """Ask as `bot4 halt` does; return the time from the request to the mode word, us."""
    client = GuardClient(run_dir)
    asked_ns = time.monotonic_ns()
    client.tell(op="down", detail="timed")
    while modes.unpack(watch.words.load(layout.GUARD_MODE))[0] != TradingMode.EMERGENCY:
        assert time.monotonic_ns() - asked_ns < PATIENCE_NS
    seen_ns = time.monotonic_ns()
    client.close()
    return (seen_ns - asked_ns) / 1000


def test_a_request_to_halt_is_in_the_mode_word_within_a_millisecond_and_on_record(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with witnessed(tmp_path, repeat=True) as bench:
        watch = Watch(bench.pid("guard"), "guard")
        took_us = []
        for _ in range(HALTS):
            took_us.append(ask(bench.bench.run_dir, watch))
            bench.note()
            bench.rearm()
        done = bot4("halt", "by hand", "--run-dir", str(bench.bench.run_dir))
        assert (done.returncode, done.stdout[:14]) == (0, "mode EMERGENCY")
        found = bench.judge()
        asked = [r["data"]["detail"] for r in records(bench.audit) if r["kind"] == "asked_down"]
    took_us.sort()
    with capsys.disabled():
        print(f"\n  {HALTS} requests to halt, request -> mode word, us: "
              f"p50 {statistics.median(took_us):.0f}, max {took_us[-1]:.0f}\n  {found}")  # fmt: skip
    assert asked[: HALTS + 1] == ["timed"] * HALTS + ["by hand"]
    assert statistics.median(took_us) <= LIMIT_US
    assert found.faults == []
