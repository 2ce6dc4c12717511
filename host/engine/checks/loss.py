"""(g) Rolling loss: how far the equity has fallen from its highest in the window. Not a calendar day."""

from host.engine.checks.limits import Limits, number
from host.engine.checks.order import MOST
from host.engine.checks.windows import Highest


class Loss:
    """`breached` latches until a person has re-armed; equity that is no number is a breach."""

    def __init__(self, limits: Limits) -> None:
        self._most = number(limits.max_loss_quote)
        self._highest = Highest(limits.loss_window_s)
        self.breached = False

    def seen(self, equity: float, now_ns: int) -> None:
        """Take the equity at the last price, in quote currency."""
        if not abs(equity) <= MOST:
            self.breached = True
            return
        if not self._highest.add(equity, now_ns) - equity <= self._most:
            self.breached = True

    def rearmed(self) -> None:
        """A person has looked, and the account is reconciled: begin anew."""
        self.breached = False
        self._highest.clear()
