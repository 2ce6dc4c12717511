"""(b), (c), (g), (n): how large an order, the position, the open orders and the capital may be."""

from host import refusals
from host.engine.checks.limits import Limits, number
from host.engine.checks.order import Facts, Proposal


class Size:
    """Limits in value and quantity, all scaled by the mode's share."""

    def __init__(self, limits: Limits) -> None:
        self._order_value = number(limits.max_order_value_quote)
        self._order_quantity = number(limits.max_order_quantity_base)
        self._position = number(limits.max_position_value_quote)
        self._open_orders = number(limits.max_open_orders)
        self._open_value = number(limits.max_open_value_quote)
        self._strategy = number(limits.max_strategy_value_quote)
        self._account = number(limits.max_account_value_quote)

    def check(self, order: Proposal, facts: Facts) -> int:
        """Return a code of host.refusals for an order that opens."""
        share, price = facts.share, max(order.price, facts.last_price)
        if not order.value <= self._order_value * share:
            return refusals.ORDER_VALUE_LIMIT
        if not order.quantity <= self._order_quantity * share:
            return refusals.ORDER_QUANTITY_LIMIT
        if not facts.open_orders + 1 <= self._open_orders * share:
            return refusals.OPEN_ORDERS_LIMIT
        open_value = (facts.open_buy + facts.open_sell + order.quantity) * price
        if not open_value <= self._open_value * share:
            return refusals.OPEN_VALUE_LIMIT
        used = self.worst(order, facts) * price
        if not used <= self._position * share:
            return refusals.POSITION_LIMIT
        if not used <= self._strategy * share:
            return refusals.STRATEGY_CAPITAL
        if not used + facts.others_value <= self._account * share:
            return refusals.ACCOUNT_CAPITAL
        return refusals.SENT

    @staticmethod
    def worst(order: Proposal, facts: Facts) -> float:
        """Return the largest position, in base units, that can come of it if entries fill."""
        buys = facts.open_buy + (order.quantity if order.side > 0 else 0)
        sells = facts.open_sell + (order.quantity if order.side < 0 else 0)
        return max(abs(facts.position + buys), abs(facts.position - sells), abs(facts.position))

    @staticmethod
    def reduces(order: Proposal, facts: Facts) -> int:
        """Return a code for an order that should only reduce: against the position, and within it."""
        room = -order.side * facts.position
        return refusals.SENT if order.quantity <= room else refusals.REDUCE_WOULD_INCREASE
