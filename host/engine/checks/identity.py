"""(h), (i), (j): whose order it is, of what, and whether it is one we have just sent."""

from host import refusals
from host.engine.checks.limits import Limits, number
from host.engine.checks.order import Proposal

# Ids and orders that are remembered; the venue itself refuses an id that was ever used.
REMEMBERED = 4096


class Identity:
    """Lists of names, and what was sent a moment ago."""

    def __init__(self, limits: Limits) -> None:
        restricted, authorised = limits.restricted_instruments, limits.authorised_strategies
        self._restricted = frozenset() if isinstance(restricted, str) else frozenset(restricted)
        self._authorised = None if isinstance(authorised, str) else frozenset(authorised)
        window = limits.duplicate_window_s
        # Loosened, no order is ever too soon: the id alone must be new.
        self._window_ns = 0 if isinstance(window, str) else int(number(window) * 1e9)
        self._ids: dict[str, None] = {}
        self._orders: dict[tuple, int] = {}

    def check(self, order: Proposal, now_ns: int) -> int:
        """Return a code of host.refusals."""
        if self._authorised is not None and order.strategy not in self._authorised:
            return refusals.NOT_AUTHORISED
        if order.instrument in self._restricted:
            return refusals.RESTRICTED_INSTRUMENT
        if order.id in self._ids:
            return refusals.DUPLICATE_ORDER
        sent_ns = self._orders.get(_same(order))
        if sent_ns is not None and now_ns - sent_ns < self._window_ns:
            return refusals.DUPLICATE_ORDER
        return refusals.SENT

    def sent(self, order: Proposal, now_ns: int) -> None:
        """Remember an order that has left."""
        self._ids[order.id] = None
        self._orders.pop(_same(order), None)
        self._orders[_same(order)] = now_ns
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        if len(self._orders) > REMEMBERED:
            del self._orders[next(iter(self._orders))]


def _same(order: Proposal) -> tuple:
    """What makes two orders the same one: everything but the id."""
    return (order.strategy, order.instrument, order.side, order.quantity, order.price, order.opens)
