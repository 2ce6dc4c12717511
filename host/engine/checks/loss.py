"""(g) Rolling loss, and drawdown: how far the equity has fallen from its highest.

The loss counts in quote currency, from the highest in the window (not a calendar day); the drawdown as a
share, from the highest since a person re-armed.
"""

import math

from host.engine.checks.limits import Limits, number
from host.engine.checks.order import MOST
from host.engine.checks.windows import Highest


class Loss:
    """`breached` and `drawn` latch until a person has re-armed; equity that is no number is a breach."""

    def __init__(self, limits: Limits) -> None:
        self._most = number(limits.max_loss_quote)
        self._highest = Highest(limits.loss_window_s)
        self._most_drawn = number(limits.max_drawdown_share)
        self._peak = -math.inf
        self.breached = False
        self.drawn = False

    def seen(self, equity: float, now_ns: int) -> None:
        """Take the equity at the last price, in quote currency."""
        if not abs(equity) <= MOST:
            self.breached = True
            return
        if not self._highest.add(equity, now_ns) - equity <= self._most:
            self.breached = True
        self._peak = max(self._peak, equity)
        if self._most_drawn < math.inf and not self._peak - equity <= self._most_drawn * self._peak:
            self.drawn = True

    def rearmed(self) -> None:
        """A person has looked, and the account is reconciled: begin anew."""
        self.breached = self.drawn = False
        self._peak = -math.inf
        self._highest.clear()
