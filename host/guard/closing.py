"""Closing the gate: wait for the send in flight, or end the engine that will not finish it."""

import signal
import time
from dataclasses import dataclass

from controller.times import Times
from host import layout
from host.guard.clients import Client, ended

# us. Between two looks at the slot: the engine needs the CPU to leave it, so no spinning.
LOOK_US = 20
KILL_WAIT_MS = 1000


@dataclass(frozen=True)
class Closed:
    """How the gate was closed: `forced` when the engine had to be killed, `sure` when it is shut."""

    sure: bool
    forced: bool
    waited_us: int


def close_gate(engine: Client | None, times: Times) -> Closed:
    """Return once no send is in flight. The mode word must already be EMERGENCY.

    A slot still busy after times.slot_busy_us belongs to an engine that is stopped or stuck in
    the middle of a send: SIGKILL and wait for its end, after which nothing of it can leave.
    """
    if engine is None or engine.page is None:
        return Closed(True, False, 0)
    begun_ns = time.monotonic_ns()
    while engine.page.words.load(layout.ENGINE_SLOT):
        waited_us = (time.monotonic_ns() - begun_ns) // 1000
        if waited_us > times.slot_busy_us:
            return _force(engine, begun_ns)
        time.sleep(LOOK_US / 1e6)
    return Closed(True, False, (time.monotonic_ns() - begun_ns) // 1000)


def _force(engine: Client, begun_ns: int) -> Closed:
    signal.pidfd_send_signal(engine.pidfd, signal.SIGKILL)
    sure = ended(engine, KILL_WAIT_MS)
    return Closed(sure, True, (time.monotonic_ns() - begun_ns) // 1000)
