"""What is known of the slices so far: which type the venue takes, how far the price has gone."""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, auto

from host.engine.emergency.liquidation import (
    KINDS,
    PLAIN_KINDS,
    ZERO,
    Kinds,
    Rules,
    Slice,
    plan,
)
from host.engine.emergency.settings import Emergency

# The venue may judge the least notional at another price than ours: below so many of it we believe
# that a position is too small. A larger one that is refused so is refused like any other.
SMALL = 2


class Verdict(Enum):
    """What follows from a refusal."""

    AGAIN = auto()  # look at list and position at once, then plan anew
    WAIT = auto()  # the same, but not before the retry time
    EXHAUSTED = auto()  # every order type was refused: wait, then begin with the first one
    DUST = auto()  # what is left is too small to be traded


class Slices:
    """`attempt` widens the price bound, `dust` is the position that cannot be traded.

    reduce_only() -- the venue knows orders that can only reduce, as far as it has said so far
    """

    def __init__(self, settings: Emergency, reduce_only: Callable[[], bool]) -> None:
        self._settings = settings
        self._reduce_only = reduce_only
        self.begin()

    def begin(self) -> None:
        """Start for a new emergency."""
        self.attempt = 0
        self.dust = ZERO
        self.order_id = ""
        self._kind = 0
        self._small = False
        self._disputed: Decimal | None = None

    @property
    def _kinds(self) -> Kinds:
        return KINDS if self._reduce_only() else PLAIN_KINDS

    @property
    def plain(self) -> bool:
        """True when the next slice is not reduce-only, because the venue has no such orders."""
        return not self._reduce_only()

    def next(self, position: Decimal, mark: Decimal, rules: Rules) -> Slice | None:
        """Return the next slice; None when the position is less than one step."""
        self._small = abs(position) * mark < SMALL * rules.min_notional
        kind = self._kinds[min(self._kind, len(self._kinds) - 1)]
        return plan(position, mark, rules, self._settings, self.attempt, kind)

    def refused(self, why: str, position: Decimal) -> Verdict:
        """Judge the refusal of the last slice, which was planned for `position`."""
        if why == "MAINTENANCE":
            return Verdict.WAIT
        if why == "BELOW_MIN_NOTIONAL" and self._small:
            return Verdict.DUST
        if why == "REDUCE_ONLY_WOULD_INCREASE" and position != self._disputed:
            # Our position was out of date; said twice of the same one, it is the type that is refused.
            self._disputed = position
            return Verdict.AGAIN
        self._kind += 1
        if self._kind >= len(self._kinds):
            self._kind = 0
            return Verdict.EXHAUSTED
        return Verdict.AGAIN
