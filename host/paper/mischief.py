"""What the venue does wrong when a test says so, each once; the record shows what really happened.

Requests: they or their answers get lost, and the asker is told `unknown`. Events: lost, told twice, or
told after the event that follows.
"""

from __future__ import annotations

from typing import Any

from host.venues import events as ev
from host.venues import messages as m

TIMEOUT = "TIMEOUT"
ACCEPTED, LOST = "timeout_accepted", "timeout_lost"
KINDS = {
    ACCEPTED: "the next request that changes orders is carried out, its answer lost: `unknown`",
    LOST: "the next request that changes orders never arrives, and nobody knows: `unknown`",
    "lost_fill": "the next fill is not told, and stands in `fills`",
    "double_fill": "the next fill is told twice, under one `trade`",
    "late_fill": "the next fill is told after the event that follows it",
    "late_ack": "the next ack is told after the event that follows it",
}
_OPS = {m.New: "new", m.Oco: "oco", m.Cancel: "cancel", m.Amend: "amend"}
_TOLD = (ev.Ack, ev.Reject, ev.Fill, ev.Cancelled, ev.CancelledAll, ev.Amended)

# Whom to tell (None: every trader) and what.
Delivery = tuple[Any, ev.Ev]


class Mischief:
    """Garbles what passes between the traders and the desk; `idle` when there is nothing to do."""

    def __init__(self) -> None:
        self.idle = True
        self._armed: list[str] = []
        self._late: list[Delivery] = []

    def arm(self, kind: str) -> None:
        """Do this once, at the next chance."""
        self._armed.append(kind)
        self.idle = False

    def end(self) -> list[Delivery]:
        """Do nothing wrong any more; returns what was still held back."""
        self._armed.clear()
        self.idle = True
        late, self._late = self._late, []
        return late

    def meets(self, message: m.Message) -> str | None:
        """ACCEPTED or LOST for a request that is to be told as unknown."""
        if type(message) not in _OPS:
            return None
        return next((kind for kind in (ACCEPTED, LOST) if self._now(kind)), None)

    def pass_on(self, target: Any, event: ev.Ev) -> list[Delivery]:
        """What is told instead of an event."""
        if not isinstance(event, _TOLD):
            return [(target, event)]
        late, self._late = self._late, []
        told: list[Delivery] = [(target, event)]
        if isinstance(event, ev.Fill):
            if self._now("lost_fill"):
                told = []
            elif self._now("double_fill"):
                told *= 2
            elif self._now("late_fill"):
                told, self._late = [], told
        elif isinstance(event, ev.Ack) and self._now("late_ack"):
            told, self._late = [], told
        self.idle = not self._armed and not self._late
        return told + late

    def _now(self, kind: str) -> bool:
        if kind not in self._armed:
            return False
        self._armed.remove(kind)
        return True


def unknown(message: m.Message) -> list[ev.Ev]:
    """What the asker is told of a request that nobody knows the outcome of."""
    ids = (
        [message.id, message.stop_id]
        if isinstance(message, m.Oco)
        else [getattr(message, "id", "")]
    )
    return [ev.Unknown(order_id, _OPS[type(message)], TIMEOUT) for order_id in ids]
