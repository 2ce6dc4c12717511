"""The gate of a backtest permits as the real one does, and nothing leaves the process through it."""

from __future__ import annotations

import os

import pytest
from host.hotpath.simgate import SimGate
from host.hotpath.words import Words

from host import layout, modes, refusals
from host.modes import Intent, Reason, TradingMode


def page(writable: bool = True) -> Words:
    return Words(bytearray(layout.HEAD_BYTES), writable)


def level(high: int = 1) -> Words:
    made = Words(bytearray(8), True)
    made.store(0, high)
    return made


@pytest.mark.parametrize("mode", list(TradingMode))
@pytest.mark.parametrize("intent", list(Intent))
def test_it_permits_what_the_matrix_says(mode: TradingMode, intent: Intent) -> None:
    guard = page()
    guard.store(layout.GUARD_MODE, modes.pack(mode, Reason.REARMED, 3))
    guard.store(layout.GUARD_LADDER_TOKEN, 9)
    gate = SimGate(guard, page(), level())
    code = gate.send(-1, b"{}", intent, 9)
    assert (code == refusals.SENT) == modes.permitted(mode, intent)
    assert gate.taken() == ([b"{}"] if code == refusals.SENT else [])


def test_nothing_is_written_to_the_descriptor() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        gate = SimGate(page(), page(), level())
        assert gate.send(writer, b"order", Intent.OPEN) == refusals.SENT
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    finally:
        os.close(reader)
        os.close(writer)
    assert gate.taken() == [b"order"]
    assert gate.taken() == []


def test_halt_low_stops_it_and_what_has_no_room_is_refused() -> None:
    assert SimGate(page(), page(), level(0)).send(0, b"x", Intent.OPEN) == refusals.HALT_LOW
    gate = SimGate(page(), page(), level())
    codes = [gate.send(0, b"x", Intent.OPEN) for _ in range(65)]
    assert codes == [refusals.SENT] * 64 + [refusals.WOULD_BLOCK]
    gate.taken()
    assert gate.send(0, b"x" * 4096, Intent.OPEN) == refusals.WOULD_BLOCK


def test_a_page_that_somebody_else_writes_is_refused() -> None:
    with pytest.raises(PermissionError, match="page of its own"):
        SimGate(page(False), page(), level())
