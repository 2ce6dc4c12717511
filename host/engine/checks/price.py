"""(a) Price collars: for each order, and over a window. Without a reference an order is refused."""

from host import refusals
from host.engine.checks.limits import Limits, number
from host.engine.checks.order import LEAST, MOST, Facts, Proposal
from host.engine.checks.windows import Average


class Price:
    """Collars around the last price and around the window's average."""

    def __init__(self, limits: Limits) -> None:
        self._collar = number(limits.price_collar_share)
        self._window_share = number(limits.price_window_share)
        self._most_age_s = number(limits.max_data_age_s)
        self._prices = Average(limits.price_window_s)

    def seen(self, price: float, now_ns: int) -> None:
        """Take one price of the feed; one that is none leaves no reference, until the next."""
        if LEAST <= price <= MOST:
            self._prices.add(price, now_ns)
        else:
            self._prices.clear()

    def check(self, order: Proposal, facts: Facts) -> int:
        """Return a code of host.refusals."""
        if not 0 <= facts.data_age_s <= self._most_age_s:
            return refusals.STALE_DATA
        if not abs(order.price / facts.last_price - 1) <= self._collar:
            return refusals.PRICE_COLLAR
        mean = self._prices.mean(facts.now_ns)
        if mean is None or not abs(order.price / mean - 1) <= self._window_share:
            return refusals.PRICE_WINDOW
        return refusals.SENT
