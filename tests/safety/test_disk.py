"""The disk full, and the disk read-only, under a host that trades: it pauses, halts, loses nothing.

Everything of the host lies on that disk (log, unfinished ladder, what it prints); only the venue's
record does not, or there would be nothing to judge by.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.evidence import Witnessed, records, witnessed
from tests.safety import disks

PAUSE_S = 2.0
SETTLED_S = 0.3


def opened_after(bench: Witnessed, t_ns: int) -> list[dict]:
    """Return the OPEN packets sent after `t_ns`."""
    return [order for order in bench.orders_after(t_ns) if order["msg"]["intent"] == "OPEN"]


@pytest.mark.parametrize(
    ("mount", "spoil", "heal"),
    [
        (disks.small, disks.fill, disks.free),
        (disks.failing, disks.fail, None),  # such a disk comes back by fsck alone, not under a host
    ],
    ids=["full", "read-only"],
)
def test_a_log_that_cannot_be_written_pauses_trading_and_a_press_still_halts(
    tmp_path: Path,
    mount: Callable[[Path], AbstractContextManager[Path]],
    spoil: Callable[[Path], object],
    heal: Callable[[Path], None] | None,
    capsys: pytest.CaptureFixture,
) -> None:
    with mount(tmp_path / "out") as out:
        (out / "venue.jsonl").symlink_to(tmp_path / "venue.jsonl")
        with witnessed(out) as bench:
            bench.note()
            spoil(out)
            spoilt_ns = time.monotonic_ns()
            status = bench.wait_status(mode="PAUSED", reason="AUDIT_UNWRITABLE")
            paused_ms = (time.monotonic_ns() - spoilt_ns) / 1e6
            assert (status["mode"], status["reason"]) == ("PAUSED", "AUDIT_UNWRITABLE")
            quiet_ns = time.monotonic_ns()
            time.sleep(SETTLED_S)
            assert opened_after(bench, quiet_ns) == []
            bench.press()
            pressed_ns = time.monotonic_ns()
            status = bench.wait_status(mode="EMERGENCY", ladder_done=True)
            assert (status["mode"], status["ladder_done"]) == ("EMERGENCY", True)
            if heal is not None:
                heal(out)
            time.sleep(PAUSE_S)
            status = bench.status()
            assert (status["mode"], status["halt"]) == ("EMERGENCY", "low")
            assert bench.orders_after(pressed_ns) == []
            if heal is not None:
                bench.rearm()
            found = bench.judge()
            kinds = [(r["kind"], r["data"].get("reason")) for r in records(bench.audit)]
    with capsys.disabled():
        print(f"\n  paused, as status saw it, {paused_ms:.0f} ms after\n  {found}")
    assert found.faults == []
    if heal is not None:  # what happened meanwhile is on record too
        assert ("mode", "AUDIT_UNWRITABLE") in kinds
        assert ("mode", "HALT_LINE") in kinds
