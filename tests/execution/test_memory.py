"""Open and close, over and over: nothing grows. BOT4_EXECUTION_CYCLES=1000000 is the long form."""

import gc
import os
import sys
import time
from pathlib import Path

import pytest

from host.execution.store import KEEP
from host.perf import execution

CYCLES = int(os.environ.get("BOT4_EXECUTION_CYCLES", "3000"))
PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
# Of the allocator's own making: caches, a page here or there.
BLOCKS, RESIDENT_KB = 500, 1024


def resident_kb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


@pytest.mark.timeout(3600)
def test_a_million_trades_later_memory_is_what_it_was(capsys: pytest.CaptureFixture) -> None:
    desk = execution.Loopback()
    for _ in range(KEEP):  # until what is remembered of ended orders is full
        execution.cycle(desk)
    gc.collect()
    blocks, kb, began_s = sys.getallocatedblocks(), resident_kb(), time.monotonic()
    for _ in range(CYCLES):
        execution.cycle(desk)
    gc.collect()
    more, more_kb = sys.getallocatedblocks() - blocks, resident_kb() - kb
    with capsys.disabled():
        print(f"\n  {CYCLES} cycles in {time.monotonic() - began_s:.0f} s: {more:+} blocks, "
              f"{more_kb:+.0f} kB", end="")  # fmt: skip
    assert more < BLOCKS
    assert more_kb < RESIDENT_KB
    position = desk.manager.position
    assert position.executions == 4 * (CYCLES + KEEP)
    assert (position.qty, position.basis, position.rounded) == (0, 0, 0)
    assert len(str(position.cash)) < 40
    assert not desk.manager.alarms.counts


def test_what_grows_is_found() -> None:
    desk = execution.Loopback()
    desk.manager.orders._keep = 10**9
    execution.cycle(desk)
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(500):
        execution.cycle(desk)
    gc.collect()
    assert sys.getallocatedblocks() - blocks > BLOCKS
