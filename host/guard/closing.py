"""Closing the gate: wait for the send in flight, or end the engine that will not finish it."""

import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

from controller.times import Times
from host import layout
from host.guard.clients import Client, ended

# us. Between two looks at the slot: the engine needs the CPU to leave it, so no spinning.
LOOK_US = 20
KILL_WAIT_MS = 1000


@dataclass(frozen=True)
class Closed:
    """How the gate was closed: `forced` engines had to be killed, `sure` when it is shut."""

    sure: bool
    forced: int
    waited_us: int


def close_gates(engines: Iterable[Client], times: Times) -> Closed:
    """Return once no engine has a send in flight; a stuck one is killed alone."""
    closed = [close_gate(engine, times) for engine in engines]
    return Closed(
        all(each.sure for each in closed),
        sum(each.forced for each in closed),
        sum(each.waited_us for each in closed),
    )


def close_gate(engine: Client, times: Times) -> Closed:
    """Return once no send is in flight. The mode word must already be EMERGENCY.

    A slot still busy after times.slot_busy_us belongs to an engine that is stopped or stuck in
    the middle of a send: SIGKILL and wait for its end, after which nothing of it can leave.
    """
    if engine.page is None:
        return Closed(True, 0, 0)
    begun_ns = time.monotonic_ns()
    while engine.page.words.load(layout.ENGINE_SLOT):
        waited_us = (time.monotonic_ns() - begun_ns) // 1000
        if waited_us > times.slot_busy_us:
            return _force(engine, begun_ns)
        time.sleep(LOOK_US / 1e6)
    return Closed(True, 0, (time.monotonic_ns() - begun_ns) // 1000)


def _force(engine: Client, begun_ns: int) -> Closed:
    signal.pidfd_send_signal(engine.pidfd, signal.SIGKILL)
    sure = ended(engine, KILL_WAIT_MS)
    return Closed(sure, 1, (time.monotonic_ns() - begun_ns) // 1000)
