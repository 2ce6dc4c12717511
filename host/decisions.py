"""What a decision can be, and the thresholds that it is made by."""

import math
from typing import NamedTuple

from host.modes import Intent

ACTIONS = (
    # code, name, intent, side
    (0, "HOLD", None, 0),
    (1, "OPEN_LONG", Intent.OPEN, 1),
    (2, "OPEN_SHORT", Intent.OPEN, -1),
    (3, "REDUCE_LONG", Intent.REDUCE, -1),
    (4, "REDUCE_SHORT", Intent.REDUCE, 1),
)
HOLD, OPEN_LONG, OPEN_SHORT, REDUCE_LONG, REDUCE_SHORT = [row[0] for row in ACTIONS]


class Thresholds(NamedTuple):
    """When to act; the edge is the expected return in standard deviations.

    enter_edge, enter_signal -- open when forecast and signal both reach them, to the same side
    exit_edge -- reduce when the edge of the held side falls below it; not above enter_edge
    most_sigma -- above it nothing is opened, and what is held is reduced
    """

    enter_edge: float
    exit_edge: float
    enter_signal: float
    most_sigma: float
    may_short: bool = False

    def check(self) -> "Thresholds":
        """Return self. Raises ValueError with the field that cannot be."""
        tops = {"enter_signal": 1.0}
        for name in ("enter_edge", "exit_edge", "enter_signal", "most_sigma"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} {value!r}: a number")
            if not 0 < value <= tops.get(name, 1e6) or not math.isfinite(value):
                top = tops.get(name, 1e6)
                raise ValueError(f"{name} {value!r}: above 0 and not above {top:g}")
        if self.exit_edge > self.enter_edge:
            raise ValueError(f"exit_edge {self.exit_edge!r}: above enter_edge {self.enter_edge!r}")
        return self
