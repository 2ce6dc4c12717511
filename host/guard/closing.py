"""Closing the gate: wait for the send in flight, or end the engine that will not finish it."""

import contextlib
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

from host import layout
from host.guard.clients import Client, ended
from host.hotpath.reflex import Reflex

KILL_WAIT_MS = 1000


@dataclass(frozen=True)
class Closed:
    """How the gate was closed: `forced` engines had to be killed, `sure` when it is shut."""

    sure: bool
    forced: int
    waited_us: int


def close_gate(reflex: Reflex, engines: Iterable[Client], since_ns: int = 0) -> Closed:
    """Return once no send is in flight. The mode word must already be EMERGENCY.

    since_ns -- when the wait for a send in flight began; 0 is now

    A slot that stays busy (Times.slot_busy_us) belongs to an engine that is stopped or stuck in the
    middle of a send: SIGKILL and wait for its end, after which nothing of it can leave.
    """
    begun_ns = time.monotonic_ns()
    forced, sure = 0, True
    if not reflex.slots_free(since_ns):
        for engine in engines:
            if engine.page is not None and engine.page.words.load(layout.ENGINE_SLOT):
                with contextlib.suppress(ProcessLookupError):  # it has ended in its send
                    signal.pidfd_send_signal(engine.pidfd, signal.SIGKILL)
                forced, sure = forced + 1, ended(engine, KILL_WAIT_MS) and sure
    return Closed(sure, forced, (time.monotonic_ns() - begun_ns) // 1000)
