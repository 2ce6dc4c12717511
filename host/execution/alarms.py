"""What of the venue's words or of our own state wants a person: one table, everything counted."""

from collections import Counter
from collections.abc import Callable
from typing import Any

ALARMS = (
    # code, what it means
    ("BAD_EVENT", "a message that cannot be read, or with a field out of range; nothing was changed"),
    ("BAD_REQUEST", "the venue could not read one of our requests"),
    ("FOREIGN_ORDER", "a report of an order that nobody here has noted; its fill is not booked"),
    ("IMPOSSIBLE_EVENT", "the table of order life knows no such event in this state; it was refused"),
    ("CONTRADICTION", "the venue says two things that cannot both be true, or the older one later; "
     "what is booked stays, and an order that is open is asked for"),
    ("OVERFILL", "an execution of more than was ever asked for, or one too many; it is not booked"),
    ("TRADE_CONTRADICTS", "the same execution was told twice with different figures; the first counts"),
    ("LOST_FILL", "the venue has counted an execution that it has not told for longer than allowed"),
    ("NO_ANSWER", "a request was not answered in time: its outcome is unknown"),
    ("UNRESOLVED", "an unknown outcome was not cleared up in time"),
    ("STOP_REFUSED", "the venue or a rule has refused a protective stop"),
    ("TARGET_REFUSED", "the venue or a rule has refused the target"),
    ("NAKED", "a position has had no live stop, or not for all of it, for longer than allowed"),
    ("DUST", "what is left of the position is too small for any order"),
)  # fmt: skip
CODES = frozenset(code for code, _text in ALARMS)
# The same alarm again is told no more often; all are counted.
AGAIN_NS = 1_000_000_000


class Alarms:
    """Counts alarms by code, and tells each code at most once in AGAIN_NS with how many there were.

    tell(kind, **data) -- kind "alert"
    """

    def __init__(self, tell: Callable[..., None]) -> None:
        self.counts: Counter[str] = Counter()
        self._tell = tell
        self._told_ns: dict[str, int] = {}

    def __call__(self, code: str, now_ns: int, **data: Any) -> None:
        """Raise one alarm. `data` is for the audit log: texts are cut to what fits there."""
        if code not in CODES:
            raise ValueError(f"no alarm is called {code!r}")
        self.counts[code] += 1
        told_ns = self._told_ns.get(code)
        if told_ns is None or now_ns - told_ns >= AGAIN_NS:
            self._told_ns[code] = now_ns
            short = {k: v[:200] if isinstance(v, str) else v for k, v in data.items()}
            self._tell("alert", code=code, count=self.counts[code], **short)
