"""(h), (i), (j): whose order it is, of what, and whether it is one we have just sent."""

from collections import deque

from host import refusals
from host.engine.checks.limits import Limits, nanoseconds
from host.engine.checks.order import Proposal

# Orders that are remembered; the venue itself refuses an id that was ever used.
REMEMBERED = 4096


class Identity:
    """Lists of names, and what was sent a moment ago."""

    def __init__(self, limits: Limits) -> None:
        restricted, authorised = limits.restricted_instruments, limits.authorised_strategies
        self._restricted = frozenset() if isinstance(restricted, str) else frozenset(restricted)
        self._authorised = None if isinstance(authorised, str) else frozenset(authorised)
        window = limits.duplicate_window_s
        # Loosened, no order is ever too soon: the id alone must be new.
        self._window_ns = 0 if isinstance(window, str) else nanoseconds(window)
        self._sent: deque[tuple[Proposal, int]] = deque(maxlen=REMEMBERED)

    def check(self, order: Proposal, now_ns: int) -> int:
        """Return a code of host.refusals."""
        if self._authorised is not None and order.strategy not in self._authorised:
            return refusals.NOT_AUTHORISED
        if order.instrument in self._restricted:
            return refusals.RESTRICTED_INSTRUMENT
        if any(before.id == order.id for before, _ns in self._sent):
            return refusals.DUPLICATE_ORDER
        recent = [before for before, ns in self._sent if now_ns - ns < self._window_ns]
        # When everything remembered is recent, what was forgotten may be recent too.
        if len(recent) == REMEMBERED or any(_same(before) == _same(order) for before in recent):
            return refusals.DUPLICATE_ORDER
        return refusals.SENT

    def sent(self, order: Proposal, now_ns: int) -> None:
        """Remember an order that has left."""
        self._sent.append((order, now_ns))


def _same(order: Proposal) -> tuple:
    """What makes two orders the same one: everything but the id."""
    return (order.strategy, order.instrument, order.side, order.quantity, order.price, order.opens)
