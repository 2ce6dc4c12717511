"""Works off an emergency: cancel, ask until nothing is open, compare positions, then say done.

Done means that the venue answers so, not that the request was sent. It is also how the engine
reconciles when it starts: it always begins in EMERGENCY, with orders it does not know.
"""

import time
from collections.abc import Callable
from typing import Any

IDLE, CANCELLING, LISTING, COMPARING, DONE = range(5)
RETRY_MS = 500


class Ladder:
    """One run per epoch of EMERGENCY.

    cancel_all() -- sends the CANCEL through the gate
    ask(op, req) -- sends a query to the venue
    """

    def __init__(self, cancel_all: Callable[[], None], ask: Callable[[str, int], None]) -> None:
        self._cancel_all = cancel_all
        self._ask = ask
        self._step = IDLE
        self._req = 0
        self._asked_ns = 0
        self.epoch = 0

    @property
    def done(self) -> bool:
        """True once the venue has confirmed everything for this epoch."""
        return self._step == DONE

    def begin(self, epoch: int) -> None:
        """Start for a new emergency."""
        self.epoch = epoch
        self._go(CANCELLING)

    def restart(self) -> None:
        """Begin again: the connection was new, or something was still open."""
        if self._step not in (IDLE, DONE):
            self._go(CANCELLING)

    def retry(self) -> None:
        """Ask again when an answer is overdue; call every pass."""
        waiting = self._step in (CANCELLING, LISTING, COMPARING)
        if waiting and time.monotonic_ns() - self._asked_ns > RETRY_MS * 1_000_000:
            self._go(CANCELLING)

    def take(self, event: dict[str, Any]) -> str | None:
        """Take the venue's answer; return its position when everything has been confirmed."""
        kind = event["ev"]
        if self._step == CANCELLING and kind == "cancelled_all":
            self._go(LISTING)
        elif self._step == LISTING and kind == "open_orders" and event["req"] == self._req:
            self._go(CANCELLING if event["orders"] else COMPARING)
        elif self._step == COMPARING and kind == "position" and event["req"] == self._req:
            self._step = DONE
            return str(event["qty"])
        return None

    def _go(self, step: int) -> None:
        self._step = step
        self._asked_ns = time.monotonic_ns()
        self._req += 1
        if step == CANCELLING:
            self._cancel_all()
        elif step == LISTING:
            self._ask("open_orders", self._req)
        elif step == COMPARING:
            self._ask("position", self._req)
