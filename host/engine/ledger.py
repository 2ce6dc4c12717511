"""The paper ledger, from the engine's side: what it hears and sees, told as records of days.

At a venue called `paper` they are `paper_day` records, which `bot4 ready` counts; elsewhere `live_day`.
"""

import time
from collections.abc import Callable
from typing import Any

from host.ledger.paper import KIND, PaperDays

PAPER = "paper"
LIVE_KIND = "live_day"


class Ledger:
    """Keeps the days of one run. tell(kind, **data) -- pushes an event for the audit log"""

    def __init__(self, run: str, strategy: str, venue: str, tell: Callable[..., None]) -> None:
        self._days = PaperDays(run, strategy)
        self._kind = KIND if venue == PAPER else LIVE_KIND
        self._tell = tell

    def heard(self, event: dict[str, Any]) -> None:
        """Take an event of the venue that is traded at."""
        match event["ev"]:
            case "bar" | "trade" | "quote" if "time_ns" in event:
                self._days.row(time.time_ns(), event["time_ns"])
            case "fill":
                self._days.filled(event)

    def ordered(self) -> None:
        """An order has left."""
        self._days.ordered()

    def look(self, now_ns: int, equity: float | None, mode: str) -> None:
        """Look at the equity when that is due; None while nobody knows it. Call every pass."""
        if equity is None or now_ns < self._days.due_ns:
            return
        for record in self._days.take(time.time_ns(), now_ns, equity, mode):
            self._tell(self._kind, **record)

    def close(self) -> None:
        """The run ends."""
        for record in self._days.close():
            self._tell(self._kind, **record)
