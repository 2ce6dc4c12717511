"""The main loop under CPython, on a board of paper."""

from types import SimpleNamespace
from typing import Any

import pytest

from controller import reasons, states
from controller.times import Times
from firmware.loop import Loop

REST = (0, 0, 0, 0, 0)
A_OPEN = (1, 0, 0, 0, 0)


class Ended(Exception):
    """The script of the board is over."""


class Paper:
    """A board whose time passes in `wait`, and that does what its script says."""

    PASS_MS, FULL_MS, LAMPS_MS = 10, 20, 60

    def __init__(self) -> None:
        self.time_ms = 0
        self.uptime_us = 0
        self.levels = REST
        self.fell = False
        self.data = b""
        self.fed = self.dropped = self.released = self.waits = 0
        self.lit: list[Any] = []
        self.sent = b""
        self.script: dict[int, Any] = {}

    def past(self) -> tuple[int, int, int]:
        return (1, 0, 0)

    def lamp_test(self) -> None: ...

    def on_change(self, handler: Any) -> None: ...

    def halt_to_ack_us(self) -> None: ...

    def wait(self, timeout_ms: int) -> None:
        self.waits += 1
        self.time_ms += max(timeout_ms, 1)
        self.uptime_us = self.time_ms * 1000
        for at_ms in sorted(self.script):
            if at_ms <= self.time_ms:
                self.script.pop(at_ms)()

    def now_ms(self) -> int:
        return self.time_ms

    def inputs(self) -> tuple[int, ...]:
        return self.levels

    def drop(self) -> None:
        self.dropped += 1

    def feed(self) -> None:
        self.fed += 1

    def lamps(self, levels: Any) -> None:
        self.lit.append(levels)

    def read(self) -> bytes | None:
        return self.data or None

    def write(self, data: bytes) -> None:
        self.sent += data

    def release(self) -> None:
        self.released += 1

    def entropy(self, count: int) -> bytes:
        return bytes(count)


@pytest.fixture(autouse=True)
def _gc_of_micropython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.loop.gc", SimpleNamespace(threshold=lambda count: None))


def end() -> None:
    raise Ended


def started(board: Paper, at: dict[int, Any], armed: bool = False) -> Loop:
    """Run until the script raises; with `armed` the controller begins in ARMED."""
    loop = Loop(board, Times("production"), bytes(32))
    board.script = at
    if armed:
        board.script = {1: lambda: setattr(loop.controller, "state", states.ARMED), **at}
    with pytest.raises(Ended):
        loop.run()
    return loop


def test_whatever_ends_the_loop_outputs_are_released_and_it_is_a_fault() -> None:
    board = Paper()
    loop = started(board, {200: end}, armed=True)
    assert board.released == 1
    assert loop.controller.reason == reasons.FAULT
    assert not loop.controller.halt_high


def test_halt_is_fed_in_armed_alone() -> None:
    board = Paper()
    started(board, {200: end})
    assert board.fed == 0
    board = Paper()
    started(board, {200: end}, armed=True)
    assert board.fed >= 19


def test_an_open_contact_is_the_reason_and_not_the_dead_man() -> None:
    board = Paper()

    def press() -> None:
        board.levels, board.fell = A_OPEN, True

    loop = started(board, {100: press, 150: end}, armed=True)
    assert loop.controller.reason == reasons.SWITCH_A
    assert board.dropped > 0


def test_halt_that_pio_dropped_with_no_contact_open_is_a_fault() -> None:
    board = Paper()
    loop = started(board, {100: lambda: setattr(board, "fell", True), 150: end}, armed=True)
    assert loop.controller.reason == reasons.FAULT


def test_a_line_that_never_falls_silent_cannot_starve_the_full_passes() -> None:
    board = Paper()
    board.data = b"\x55" * 64
    polls: list[int] = []
    loop = Loop(board, Times("production"), bytes(32))
    poll = loop.controller.poll
    loop.controller.poll = lambda: (polls.append(board.time_ms), poll())
    board.script = {400: end}
    with pytest.raises(Ended):
        loop.run()
    gaps = [later - earlier for earlier, later in zip(polls, polls[1:], strict=False)]
    assert max(gaps) <= Paper.FULL_MS + 1


def test_a_pass_either_listens_or_talks() -> None:
    board = Paper()
    heard: list[int] = []
    read = board.read
    board.read = lambda: (heard.append(board.time_ms), read())[1]
    started(board, {400: end})
    assert heard
    assert not [t for t in heard if t % Paper.FULL_MS == 0 and t]
