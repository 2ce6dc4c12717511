"""Four engines race random halts through the real gate; after an acknowledgement nothing arrives.

BOT4_GATE_PASSES sets the number of passes (`make stress`: 10,000,000; here a short run). The planted
engine asks the gate and then sends by itself, outside the slot: the same watch must find it.
"""

import multiprocessing
import os
import random
import socket
import time
from multiprocessing.connection import Connection

import pytest
from host.hotpath.gate import Gate
from host.hotpath.words import Words, now_ns

from host import layout, modes, refusals, shm
from host.modes import Intent, Reason, TradingMode

PASSES = int(os.environ.get("BOT4_GATE_PASSES", "500000"))
ENGINES = 4
BATCH = 500
LEVEL = 0
# s. How long the halt is held: a request that slipped through would arrive within it.
HELD_S = 0.002

context = multiprocessing.get_context("fork")


def engine(
    guard_fd: int, level_fd: int, venue: socket.socket, pipe: Connection, passes: int, planted: bool
) -> None:
    """Send through the gate until `passes` are done; hand over our page first."""
    os.nice(10)  # the guard must get the CPU as it does in reality, or there are few halts
    page = shm.create(layout.KIND_ENGINE, "stress")
    pipe.send(page.fd)
    guard = shm.attach(guard_fd, layout.KIND_GUARD)
    gate = Gate(guard.words, page.words, levels=shm.level_words(level_fd), level_index=LEVEL)
    pipe.recv()
    send = past_the_gate if planted else through_the_gate
    sent = 0
    for number in range(passes):
        code = send(gate, venue, number)
        sent += code == refusals.SENT
        if code == refusals.MODE:
            time.sleep(0.0001)  # halted: leave the CPU, and the passes, for when it counts
    pipe.send(sent)


def through_the_gate(gate: Gate, venue: socket.socket, _number: int) -> int:
    """What an honest engine does."""
    return gate.send(venue.fileno(), b"x", Intent.OPEN)


def past_the_gate(gate: Gate, venue: socket.socket, number: int) -> int:
    """Ask the gate, then send by oneself: the time between check and use is open."""
    code = gate.permit(Intent.OPEN)
    if code != refusals.SENT:
        return code
    if number % 8 == 0:
        time.sleep(0.001)  # wide enough to be seen within a short test
    try:
        venue.send(b"x", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return refusals.WOULD_BLOCK
    return code


class Guard:
    """The guard's side of the race: steps down, waits for every slot, watches the venue's end."""

    def __init__(self) -> None:
        self.page = shm.create(layout.KIND_GUARD, "stress-guard")
        self.level_fd, self.levels = _level_page()
        self.host, self.venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.host.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 23)
        self.venue.setblocking(False)
        self.engines: list[shm.Page] = []
        self.epoch = 0
        self.received = 0

    def go(self) -> None:
        """Let everybody trade."""
        self._write(TradingMode.NORMAL)
        self.page.words.store(layout.GUARD_LEASE_NS, now_ns() + layout.MOST_LEASE_NS)

    def halt(self) -> int:
        """Close the gate, as host.guard.closing does; return how many requests came after it."""
        self._write(TradingMode.EMERGENCY)
        while any(page.words.load(layout.ENGINE_SLOT) for page in self.engines):
            time.sleep(0)
        self.drain()
        before = self.received
        time.sleep(HELD_S)
        self.drain()
        return self.received - before

    def drain(self) -> None:
        """Take everything that has arrived at the venue."""
        while True:
            try:
                self.received += len(self.venue.recv(1 << 20))  # a request is one byte
            except BlockingIOError:
                return

    def _write(self, mode: TradingMode) -> None:
        self.epoch += 1
        word = modes.pack(mode, Reason.HALT_LINE, self.epoch)
        self.page.words.store(layout.GUARD_MODE, word)


def _level_page() -> tuple[int, Words]:
    page = shm.create(layout.KIND_GUARD, "stress-levels")
    page.words.store(LEVEL, 1)
    return page.fd, page.words


def race(passes: int, planted: bool) -> tuple[int, int, int]:
    """Run the race; return (halts, requests that left, requests that left after a halt)."""
    guard, rng = Guard(), random.Random(3)
    pipes, processes = [], []
    for _ in range(ENGINES):
        ours, theirs = context.Pipe()
        arguments = (guard.page.fd, guard.level_fd, guard.host, theirs, passes // ENGINES, planted)
        process = context.Process(target=engine, args=arguments, daemon=True)
        process.start()
        pidfd_path = f"/proc/{process.pid}/fd/{ours.recv()}"
        fd = os.open(pidfd_path, os.O_RDONLY)
        guard.engines.append(shm.attach(fd, layout.KIND_ENGINE))
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.send("go")
    halts = leaked = 0
    while any(
        process.is_alive() and not pipe.poll()
        for process, pipe in zip(processes, pipes, strict=True)
    ):
        guard.go()
        until = time.monotonic() + rng.uniform(0, 0.002)
        while time.monotonic() < until:
            guard.drain()
        leaked += guard.halt()
        halts += 1
    sent = sum(pipe.recv() for pipe in pipes)
    for process in processes:
        process.join(10)
        assert process.exitcode == 0
    guard.drain()
    assert guard.received == sent
    for end in (guard.host, guard.venue):
        end.close()
    return halts, sent, leaked


def test_nothing_passes_the_gate_after_an_acknowledged_halt(
    capsys: pytest.CaptureFixture,
) -> None:
    halts, sent, leaked = race(PASSES, planted=False)
    with capsys.disabled():
        print(f"\n  {PASSES} passes, {halts} halts, {sent} requests left, {leaked} after a halt")
    assert leaked == 0
    assert halts > 10
    assert sent > 0


def test_an_engine_that_sends_outside_its_slot_is_found() -> None:
    halts, sent, leaked = race(40_000, planted=True)
    assert leaked > 0, f"{halts} halts, {sent} requests left"
