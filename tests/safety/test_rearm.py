"""Out of EMERGENCY by a person alone: what a wire that comes back must not do."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from host.hotpath.level import Drive, Level
from host.hotpath.reflex import Reflex
from host.hotpath.words import Words

from controller.times import Times
from host import layout, modes, shm
from host.guard.halting import ACK_HOLD_MS, MS, Halting
from host.modes import Reason, TradingMode

TIMES = Times("production")


class Desk:
    """A guard's halt path, HALT on a page of levels, one engine that works off what it is told."""

    def __init__(self) -> None:
        self.page = shm.create(layout.KIND_GUARD, "rearm")
        self.levels = Words(bytearray(8), True)
        self.wire, self._other = socket.socketpair()
        self.engine: Any = SimpleNamespace(name="engine", page=None, ladder_epoch=0)
        self.events: list[str] = []
        self.ack = False
        self.reflex = Reflex(self.page.words, Level(words=self.levels), TIMES.slot_busy_us)
        self.halting = Halting(
            self.page.words,
            TIMES,
            self.reflex,
            lambda: {"engine": self.engine},
            lambda kind, **_data: self.events.append(kind),
            lambda *_mode: None,
            lambda: None,
        )
        lines: Any = SimpleNamespace(
            halt_is_high=lambda: self.levels.load(0) == 1,
            ack_is_high=lambda: self.ack,
            raise_ack=lambda: self._set(True),
            lower_ack=lambda: self._set(False),
            ack_was_raised=lambda: self._set(True),
            ack_drive=self._drive,
        )
        self.halting.lines = lines
        self.reflex.acknowledge_by(self._drive())

    def trade(self) -> None:
        self.levels.store(0, 1)
        self.halting.keeper.rearmed(time.monotonic_ns())

    def halt(self) -> None:
        """HALT falls; the reflex sees the level, Python the edge behind it."""
        self.levels.store(0, 0)
        self.reflex.look(0)
        self.halting.adopt()
        self.halting.halt_fell()

    def rise(self) -> None:
        self.levels.store(0, 1)
        self.halting.halt_rose()

    def work_off(self) -> None:
        self.halting.ladder_done(self.engine, self.halting.keeper.epoch)
        self.halting.prepare_rearm(time.monotonic_ns() + ACK_HOLD_MS * MS, True)
        assert not self.ack

    def tick(self) -> TradingMode:
        self.halting.prepare_rearm(time.monotonic_ns(), True)
        return modes.unpack(self.page.words.load(layout.GUARD_MODE))[0]

    def close(self) -> None:
        for sock in (self.wire, self._other):
            sock.close()
        self.page.close()

    def _set(self, level: bool) -> None:
        self.ack = level

    def _drive(self) -> Drive:
        return Drive(self.wire.fileno(), b"ACK!")


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_a_cable_that_comes_back_is_no_rearm(desk: Desk) -> None:
    """All wires part for some 50 ms: MODE is lost, and the controller has never left ARMED."""
    desk.halting.controller_says(True)
    desk.trade()
    desk.halt()
    assert desk.ack
    desk.work_off()
    desk.rise()
    desk.halting.controller_says(True)
    assert desk.tick() == TradingMode.EMERGENCY
    # MODE is said again, the controller trips, and a person arms it.
    desk.halting.controller_says(False)
    desk.levels.store(0, 0)
    assert desk.tick() == TradingMode.EMERGENCY
    desk.rise()
    assert desk.tick() == TradingMode.EMERGENCY
    desk.halting.controller_says(True)
    assert desk.tick() == TradingMode.PAUSED


def test_what_the_controller_said_before_counts_no_more_when_the_edge_was_lost(desk: Desk) -> None:
    desk.halting.controller_says(False)
    desk.halting.controller_says(True)
    desk.trade()
    desk.levels.store(0, 0)
    desk.reflex.look(0)
    desk.halting.adopt()  # by the level alone: no falling edge came
    desk.work_off()
    desk.rise()
    assert desk.tick() == TradingMode.EMERGENCY


def test_a_spoilt_word_that_another_step_finds_first_gets_its_ack(desk: Desk) -> None:
    desk.trade()
    desk.page.words.store(layout.GUARD_MODE, modes.pack(TradingMode.NORMAL, Reason.REARMED, 99))
    desk.levels.store(0, 0)
    desk.halting.step_down(Reason.FEED_LOST)
    assert desk.halting.keeper.reason == Reason.GUARD_FAULT
    assert desk.tick() == TradingMode.EMERGENCY
    assert desk.ack


def test_a_text_of_any_kind_steps_down_and_is_on_record(desk: Desk) -> None:
    desk.trade()
    desk.halting.spread_news()  # of the re-arm
    desk.events.clear()
    desk.levels.store(0, 0)
    desk.halting.step_down(Reason.OPERATOR, "\x01" * 500)
    assert desk.halting.keeper.detail == "?" * 200
    assert desk.events == ["gate_closed", "mode"]
