"""All pre-trade checks in order. An order that leaves counts at once, in every one of them."""

import math

from host import refusals
from host.engine.checks.identity import Identity
from host.engine.checks.limits import Limits
from host.engine.checks.loss import Loss
from host.engine.checks.order import Facts, Proposal
from host.engine.checks.price import Price
from host.engine.checks.rate import Rate
from host.engine.checks.size import Size


class Checker:
    """One strategy's checks at one venue."""

    def __init__(self, limits: Limits) -> None:
        self._price = Price(limits)
        self._size = Size(limits)
        self._identity = Identity(limits)
        self.rate = Rate(limits)
        self.loss = Loss(limits)

    def seen(self, price: float, equity: float, now_ns: int) -> None:
        """Take one price of the feed and the equity at it."""
        self._price.seen(price, now_ns)
        self.loss.seen(equity, now_ns)

    def check(self, order: Proposal, facts: Facts) -> int:
        """Return refusals.SENT when the order may go on to the gate, else the first code that hits.

        An order that only reduces is held to everything but the limits of size, number and loss,
        so that none of these keeps a position from shrinking.
        """
        good = 0 < order.quantity < math.inf and 0 < order.price < math.inf
        if not good or order.side not in (1, -1) or not facts.usable():
            return refusals.BAD_NUMBER
        code = self._identity.check(order, facts.now_ns)
        code = code or self._price.check(order, facts)
        code = code or self.rate.check(order.opens, facts.now_ns)
        if not order.opens:
            return code or self._size.reduces(order, facts)
        code = code or self._size.check(order, facts)
        return code or (refusals.LOSS_LIMIT if self.loss.breached else refusals.SENT)

    def sent(self, order: Proposal, now_ns: int) -> None:
        """Count an order that has left: before anything else can be proposed."""
        self.rate.order(now_ns)
        self._identity.sent(order, now_ns)

    def rearmed(self) -> None:
        """A person has re-armed: what latched is released."""
        self.rate.rearmed()
        self.loss.rearmed()
