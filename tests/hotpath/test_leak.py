"""A million orders through the compiled path, and a run of the trader around it: memory stays flat."""

import json
import subprocess
import sys

import pytest

# KiB. Arenas of the allocator come and go; a leak of one byte an order would be 977.
FLAT_KB = 512


def growth(what: str) -> dict[str, int]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "tests.hotpath.growth", what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("what", ["path", "trader"])
def test_orders_leave_no_memory_behind(what: str, capsys: pytest.CaptureFixture) -> None:
    found = growth(what)
    with capsys.disabled():
        print(f"\n  {found['orders']} orders ({what}): {found['grown_kb']:+} KiB", end=" ")
    assert found["orders"] > 1_000
    assert found["grown_kb"] < FLAT_KB


def test_a_planted_leak_is_found() -> None:
    assert growth("planted")["grown_kb"] > FLAT_KB
