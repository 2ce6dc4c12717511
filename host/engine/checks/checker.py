"""All pre-trade checks in order. An order that leaves counts at once, in every one of them."""

from host import refusals
from host.engine.checks.identity import Identity
from host.engine.checks.limits import Limits
from host.engine.checks.loss import Loss
from host.engine.checks.order import MOST_NS, Facts, Proposal
from host.engine.checks.price import Price
from host.engine.checks.rate import Rate
from host.engine.checks.risk import Risk
from host.engine.checks.size import Size


class Checker:
    """One strategy's checks at one venue: the twin of host.hotpath.riskcheck.RiskCheck."""

    def __init__(self, limits: Limits) -> None:
        self._price = Price(limits)
        self._size = Size(limits)
        self._risk = Risk(limits)
        self._identity = Identity(limits)
        self._rate = Rate(limits)
        self._loss = Loss(limits)
        self._latest_ns = 0

    @property
    def lost(self) -> bool:
        """True since the loss or the drawdown was above its limit, until a person has re-armed."""
        return self._loss.breached or self._loss.drawn

    @property
    def repeated(self) -> bool:
        """True since there were too many executions, until a person has re-armed."""
        return self._rate.repeated

    def seen(self, price: float, equity: float, now_ns: int) -> None:
        """Take one price of the feed and the equity at it."""
        now_ns = self._tick(now_ns)
        self._price.seen(price, now_ns)
        self._loss.seen(equity, now_ns)

    def check(self, order: Proposal, facts: Facts) -> int:
        """Return refusals.SENT when the order may go on to the gate, else the first code that hits.

        An order that only reduces is held to everything but the limits of size, number and loss,
        so that none of these keeps a position from shrinking.
        """
        # A clock that ran backwards cannot be compared with what was counted.
        if not self._latest_ns <= facts.now_ns <= MOST_NS:
            return refusals.BAD_NUMBER
        self._latest_ns = facts.now_ns
        if not (order.usable() and facts.usable()):
            return refusals.BAD_NUMBER
        if not order.named():
            return refusals.BAD_NAME
        code = self._identity.check(order, facts.now_ns)
        code = code or self._price.check(order, facts)
        code = code or self._rate.check(order.opens, facts.now_ns)
        if not order.opens:
            return code or self._size.reduces(order, facts)
        code = code or self._size.check(order, facts)
        code = code or self._risk.check(order, facts)
        code = code or (refusals.LOSS_LIMIT if self._loss.breached else refusals.SENT)
        return code or (refusals.DRAWDOWN_LIMIT if self._loss.drawn else refusals.SENT)

    def sent(self, order: Proposal, now_ns: int) -> None:
        """Count an order that has left: before anything else can be proposed."""
        now_ns = self._tick(now_ns)
        self._rate.order(now_ns)
        self._identity.sent(order, now_ns)

    def room(self, now_ns: int) -> int:
        """Return refusals.SENT while one more message that reduces may leave, else MESSAGE_RATE."""
        return self._rate.check(False, self._tick(now_ns))

    def message(self, now_ns: int) -> None:
        """Count any other message that has left."""
        self._rate.message(self._tick(now_ns))

    def executed(self, now_ns: int) -> None:
        """Count an execution."""
        self._rate.executed(self._tick(now_ns))

    def rearmed(self) -> None:
        """A person has re-armed: what latched is released."""
        self._rate.rearmed()
        self._loss.rearmed()

    def _tick(self, now_ns: int) -> int:
        """Return the time to count at: never before what was counted already."""
        self._latest_ns = max(self._latest_ns, min(now_ns, MOST_NS))
        return self._latest_ns
