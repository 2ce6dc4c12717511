"""The invariant: no position without a live stop. Looked at after every event, measured in ns."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from host.execution.alarms import Alarms
from host.execution.exact import ZERO, sub
from host.execution.order import Order
from host.venues.messages import plain

MS = 1_000_000


def uncovered(position: Decimal, stops: Iterable[Order]) -> Decimal:
    """Return how much of a position no stop closes that stands at the venue for certain.

    Of a stop that is being amended counts the smaller of both quantities; one that is on its way, is
    being cancelled or is unknown counts nothing.
    """
    bare, side = abs(position), "sell" if position > 0 else "buy"
    for stop in stops:
        if stop.standing and stop.side == side:
            qty = stop.qty
            if stop.change is not None and stop.change.qty is not None:
                qty = min(qty, Decimal(stop.change.qty))
            bare = sub(bare, max(ZERO, sub(qty, stop.filled)))
    return max(ZERO, bare)


class Watch:
    """Times each stretch in which some of the position is bare, and tells it when it ends.

    naked -- how much is bare now; gaps, longest_ns, total_ns -- of the stretches that have ended
    dust -- what is left is too small for any order: nothing can protect it, and it counts as covered
    tell(kind, **data) -- kind "naked": one stretch, in ms
    """

    def __init__(self, naked_ms: int, alarms: Alarms, tell: Callable[..., None]) -> None:
        self.naked = self.worst = ZERO
        self.gaps = self.longest_ns = self.total_ns = 0
        self._since_ns: int | None = None
        self._limit_ns = naked_ms * MS
        self._alarms = alarms
        self._tell = tell

    def overdue(self, now_ns: int) -> bool:
        """Return True while the position has been bare for longer than allowed."""
        return self._since_ns is not None and now_ns - self._since_ns > self._limit_ns

    def look(self, position: Decimal, stops: Iterable[Order], dust: bool, now_ns: int) -> None:
        """Look at the position and the stops as they are now."""
        self.naked = ZERO if dust else uncovered(position, stops)
        if self.naked:
            if self._since_ns is None:
                self._since_ns, self.worst = now_ns, ZERO
            self.worst = max(self.worst, self.naked)
            if self.overdue(now_ns):
                self._alarms("NAKED", now_ns, qty=plain(self.naked), ms=self._ms(now_ns))
        elif self._since_ns is not None:
            gap_ns = now_ns - self._since_ns
            self.gaps += 1
            self.longest_ns = max(self.longest_ns, gap_ns)
            self.total_ns += gap_ns
            self._tell("naked", ms=self._ms(now_ns), qty=plain(self.worst))
            self._since_ns = None

    def _ms(self, now_ns: int) -> float:
        return round((now_ns - (self._since_ns or now_ns)) / MS, 3)
