"""Compares the venue's open orders and position with ours, all the time, not only at the start.

What is open and not ours was made past the decision pipeline, and so was a position that nothing of
ours explains: both are UNKNOWN_ORDER, a tamper alert, and trading pauses.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from host.engine.provenance import Ids

MS = 1_000_000
# A fill on its way makes the position differ for a moment; one that differs so often in a row does not.
DIFFERS_IN_A_ROW = 3
# Far above the ladder's numbers, so that no answer is taken for one to the other.
FIRST_REQ = 2**40
# Ids that are named in an alert.
NAMED = 5


class Reconciler:
    """One venue. `strange` latches until a person has re-armed.

    ask(op, req) -- sends a query
    alert(code, **data) -- tells a person
    """

    def __init__(
        self,
        ids: Ids,
        period_ms: int,
        deadline_ms: int,
        ask: Callable[[str, int], None],
        alert: Callable[..., None],
    ) -> None:
        self._ids = ids
        self._period_ns = period_ms * MS
        self._deadline_ns = deadline_ms * MS
        self._ask = ask
        self._alert = alert
        self._req = FIRST_REQ
        self._asked_ns = 0
        self._unanswered_ns = 0
        self._differs = 0
        self._named: set[str] = set()
        self.strange = False

    def tick(self, now_ns: int) -> None:
        """Ask when it is time; call every pass while trading and connected."""
        if now_ns - self._asked_ns >= self._period_ns:
            self._asked_ns = now_ns
            self._unanswered_ns = self._unanswered_ns or now_ns
            self._req += 1
            self._ask("open_orders", self._req)
            self._ask("position", self._req)

    def position(self, event: dict[str, Any], ours: Decimal) -> None:
        """Take the venue's position; `ours` is what its fills, which come before it, have made."""
        if event["req"] > FIRST_REQ:
            self._unanswered_ns = 0
        if event["req"] != self._req:
            return
        theirs = Decimal(event["qty"])
        self._differs = self._differs + 1 if theirs != ours else 0
        if self._differs == DIFFERS_IN_A_ROW:
            self._strange("POSITION", ours=f"{ours:f}", theirs=f"{theirs:f}")

    def orders(self, ids: list[str]) -> None:
        """Look at ids that the venue lists or reports as filled."""
        foreign = [i for i in ids if not self._ids.ours(i) and i not in self._named]
        if foreign:
            self._named.update(foreign)
            self._strange("ORDER", count=len(foreign), ids=foreign[:NAMED])

    def silent(self, now_ns: int) -> bool:
        """Return True when nothing has been answered for longer than allowed."""
        return self._unanswered_ns > 0 and now_ns - self._unanswered_ns > self._deadline_ns

    def clear(self) -> None:
        """The ladder has taken the venue's word for everything, and a person will re-arm."""
        self._unanswered_ns = 0
        self.strange = False
        self._differs = 0
        self._named.clear()

    def _strange(self, what: str, **data: Any) -> None:
        self.strange = True
        self._alert("UNKNOWN_ORDER", what=what, **data)
