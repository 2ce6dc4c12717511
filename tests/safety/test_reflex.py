"""The guard's reflex: HALT low closes the gate and raises ACK, whatever else happens."""

import errno
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from host.hotpath.gate import Gate
from host.hotpath.level import Drive, Level
from host.hotpath.reflex import Reflex
from host.hotpath.words import Words
from hypothesis import given
from hypothesis import strategies as st

from host import layout, modes, shm
from host.modes import Reason, TradingMode
from rig.processes import fifo_permitted

SLOT_BUSY_US = 2000
RECORD = b"\x03\x01\x07\x00"


class Desk:
    """A guard's page, one line, one engine, and the wire that ACK goes out on."""

    def __init__(self) -> None:
        self.page = shm.create(layout.KIND_GUARD, "reflex")
        self.engine = shm.create(layout.KIND_ENGINE, "reflex-engine")
        self.levels = Words(bytearray(64), True)
        self.wire, self.analyser = socket.socketpair()
        self.analyser.setblocking(False)
        halt = Level(words=self.levels, index=2)
        self.reflex = Reflex(self.page.words, halt, SLOT_BUSY_US)
        self.reflex.watch(self.engine.words)
        self.reflex.acknowledge_by(Drive(self.wire.fileno(), RECORD))

    def set(self, mode: int, level: int, epoch: int = 7) -> int:
        word = modes.pack(mode, Reason.REARMED, epoch)
        self.page.words.store(layout.GUARD_MODE, word)
        self.page.words.store(layout.GUARD_LADDER_TOKEN, 99)
        self.levels.store(2, level)
        return word

    def mode(self) -> tuple[TradingMode, Reason, int]:
        return modes.unpack(self.page.words.load(layout.GUARD_MODE))

    def acked(self) -> bytes:
        try:
            return self.analyser.recv(64)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for each in (self.wire, self.analyser, self.page, self.engine):
            each.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


@given(st.sampled_from(TradingMode), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_it_acts_when_halt_is_not_high_and_only_then(mode: int, epoch: int, level: int) -> None:
    desk = Desk()
    before = desk.set(mode, level, epoch)
    desk.reflex.look(0)
    if level == 1 or mode == TradingMode.EMERGENCY:
        assert desk.page.words.load(layout.GUARD_MODE) == before
        assert (desk.reflex.take(), desk.acked()) == (None, b"")
    else:
        after = (TradingMode.EMERGENCY, Reason.HALT_LINE, (epoch + 1) % 2**32)
        assert desk.mode() == after
        assert desk.page.words.load(layout.GUARD_LADDER_TOKEN) == 0
        low_ns, ack_ns = desk.reflex.take()
        assert low_ns <= ack_ns <= time.monotonic_ns()
        assert desk.acked() == RECORD
        assert desk.reflex.take() is None
    desk.close()


def test_ack_waits_for_the_send_in_flight(desk: Desk) -> None:
    desk.set(TradingMode.NORMAL, 0)
    desk.engine.words.store(layout.ENGINE_SLOT, 1)
    freed_ns = 0

    def leave() -> None:
        nonlocal freed_ns
        freed_ns = time.monotonic_ns()
        desk.engine.words.store(layout.ENGINE_SLOT, 0)

    free = threading.Timer(0.0005, leave)
    with select.epoll() as poller:
        free.start()
        desk.reflex.wait(poller.fileno(), 0)  # without the GIL, so that the timer can run
        free.join()
    _low_ns, ack_ns = desk.reflex.take()
    assert ack_ns == 0 or ack_ns > freed_ns
    assert bool(desk.acked()) == bool(ack_ns)


def test_a_stuck_send_gets_no_ack_and_is_left_to_the_caller(desk: Desk) -> None:
    desk.set(TradingMode.NORMAL, 0)
    desk.engine.words.store(layout.ENGINE_SLOT, 1)
    desk.reflex.look(0)
    _low_ns, ack_ns = desk.reflex.take()
    assert (ack_ns, desk.acked()) == (0, b"")
    assert desk.mode()[0] == TradingMode.EMERGENCY
    assert not desk.reflex.slots_free()
    desk.reflex.forget(desk.engine.words)
    assert desk.reflex.slots_free()


@pytest.mark.skipif(not fifo_permitted(), reason="SCHED_FIFO is not permitted here")
def test_an_engine_in_the_middle_of_a_send_is_lifted_above_its_neighbours(desk: Desk) -> None:
    """A sleeping process with its slot taken stands for one whose CPU a neighbour has."""
    with subprocess.Popen(["sleep", "60"]) as engine:
        desk.reflex.forget(desk.engine.words)
        desk.reflex.watch(desk.engine.words, engine.pid)
        desk.reflex.lift_to(1)
        desk.set(TradingMode.NORMAL, 0)
        desk.engine.words.store(layout.ENGINE_SLOT, 1)
        desk.reflex.look(0)
        assert os.sched_getscheduler(engine.pid) == os.SCHED_FIFO
        assert desk.reflex.calm() == 1
        assert os.sched_getscheduler(engine.pid) == os.SCHED_OTHER
        assert desk.reflex.calm() == 0
        desk.engine.words.store(layout.ENGINE_SLOT, 0)
        desk.set(TradingMode.NORMAL, 0)
        desk.reflex.look(0)
        assert os.sched_getscheduler(engine.pid) == os.SCHED_OTHER
        engine.kill()


def test_an_ack_that_cannot_be_driven_is_not_claimed(desk: Desk) -> None:
    desk.set(TradingMode.NORMAL, 0)
    desk.reflex.acknowledge_by(Drive(os.open(os.devnull, os.O_RDWR)))  # no GPIO line
    desk.reflex.look(0)
    assert desk.reflex.take()[1] == 0


def test_it_looks_on_every_wake_and_says_what_is_ready(desk: Desk) -> None:
    desk.set(TradingMode.NORMAL, 1)
    reader, writer = os.pipe()
    with select.epoll() as poller:
        poller.register(reader, select.EPOLLIN)
        assert desk.reflex.wait(poller.fileno(), 0) == []
        os.write(writer, b"x")
        desk.levels.store(2, 0)
        assert desk.reflex.wait(poller.fileno(), 1000) == [(reader, select.EPOLLIN)]
    assert desk.mode()[0] == TradingMode.EMERGENCY
    for fd in (reader, writer):
        os.close(fd)


def test_a_signal_that_ends_the_wait_is_no_failure_whatever_the_look_says(desk: Desk) -> None:
    unreadable = os.open(os.devnull, os.O_RDWR)  # no GPIO line: the look's ioctl fails
    reflex = Reflex(desk.page.words, Level(unreadable), SLOT_BUSY_US)
    desk.set(TradingMode.NORMAL, 1)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        with select.epoll() as poller:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            assert reflex.wait(poller.fileno(), 10_000) == []
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(unreadable)
    assert desk.mode()[0] == TradingMode.EMERGENCY
    with pytest.raises(OSError, match="epoll_wait") as raised:
        reflex.wait(-1, 0)
    assert raised.value.errno == errno.EBADF


def test_stretches_are_counted_by_kind(desk: Desk) -> None:
    desk.set(TradingMode.NORMAL, 1)
    with select.epoll() as poller:
        desk.reflex.look(3)  # before the first wait nothing was kept waiting
        assert desk.reflex.stretches(3)["count"] == 0
        desk.reflex.wait(poller.fileno(), 0)
        begun = time.thread_time_ns()
        while time.thread_time_ns() - begun < 2_000_000:
            pass
        desk.reflex.look(3)
    told = desk.reflex.stretches(3)
    assert (told["count"], told["over_100_us"]) == (1, 1)
    assert told["worst_us"] >= 2000


def test_what_it_is_built_from_is_checked(desk: Desk) -> None:
    with pytest.raises(PermissionError):
        Reflex(shm.attach(desk.page.fd, layout.KIND_GUARD).words, Level(words=desk.levels), 1)
    with pytest.raises(TypeError):
        Reflex(None, Level(words=desk.levels), 1)
    with pytest.raises(TypeError):
        desk.reflex.watch(None)
    with pytest.raises(TypeError):
        Gate(None, desk.engine.words, levels=desk.levels)
    with pytest.raises(ValueError, match="one way"):
        Level()
    with pytest.raises(IndexError):
        Level(words=desk.levels, index=8)
    for _ in range(15):
        desk.reflex.watch(desk.engine.words)
    with pytest.raises(ValueError, match="16 engines"):
        desk.reflex.watch(desk.engine.words)
