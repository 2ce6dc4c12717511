"""Why a request is refused: the rules of the venue, each by its name in host.venues.messages."""

from __future__ import annotations

from decimal import Decimal

from host.paper.account import Account
from host.paper.market import Rules, number
from host.paper.matching import Matching
from host.paper.orders import Order, Orders
from host.venues import messages as m

# Binance spot allows 200 a symbol. All of them must fit into one answer packet (messages.OrderId).
MAX_OPEN_ORDERS = 1000


class Admission:
    """Judges requests by the rules and by what is there; None is no objection."""

    def __init__(self, rules: Rules, orders: Orders, account: Account, matching: Matching) -> None:
        self._rules = rules
        self._orders = orders
        self._account = account
        self._matching = matching

    def new(
        self, message: m.New, qty: Decimal | None, price: Decimal | None, stop: Decimal | None
    ) -> str | None:
        """Judge an order; the numbers are those of the message, None for what is none."""
        if self._orders.known(message.id):
            return m.DUPLICATE_ID
        if qty is None:
            return m.BAD_QTY
        kind = message.type
        if (price is None) == (kind == "limit") or (message.price is not None and kind != "limit"):
            return m.BAD_PRICE
        if (stop is None) == (kind == "stop") or (message.stop is not None and kind != "stop"):
            return m.BAD_PRICE
        return (
            self._special(message, price)
            or self._limits(qty, price, stop)
            or (m.TOO_MANY_ORDERS if len(self._orders.open) >= MAX_OPEN_ORDERS else None)
        )

    def oco(self, message: m.Oco) -> str | None:
        """Judge a target and a stop as one."""
        if self._orders.known(message.id) or self._orders.known(message.stop_id):
            return m.DUPLICATE_ID
        qty, price, stop = number(message.qty), number(message.price), number(message.stop)
        if qty is None:
            return m.BAD_QTY
        if price is None or stop is None:
            return m.BAD_PRICE
        if not {"oco", "stop"} <= self._rules.can:
            return m.NOT_SUPPORTED
        # A target beyond the stop: a sale above it, a purchase below it.
        if message.id == message.stop_id or (price <= stop) == (message.side == "sell"):
            return m.BAD_MESSAGE
        if self._account.reducible(message.side) <= 0:
            return m.REDUCE_ONLY_WOULD_INCREASE
        if len(self._orders.open) + 1 >= MAX_OPEN_ORDERS:
            return m.TOO_MANY_ORDERS
        return self._limits(qty, price, None) or self._limits(qty, None, stop)

    def amend(self, message: m.Amend) -> str | None:
        """Judge a change of an open order."""
        order = self._orders.open.get(message.id)
        if order is None:
            return m.UNKNOWN_ORDER
        if "amend" not in self._rules.can:
            return m.NOT_SUPPORTED
        qty, price, stop = number(message.qty), number(message.price), number(message.stop)
        if (qty is None) != (message.qty is None):
            return m.BAD_QTY
        for new, text, old in (
            (price, message.price, order.price),
            (stop, message.stop, order.stop),
        ):
            if text is not None and (new is None or old is None):
                return m.BAD_PRICE
        if qty is not None and qty <= order.qty - order.left:
            return m.BELOW_FILLED_QTY
        whole = order.qty if qty is None else qty
        if order.post_only and price is not None and self._matching.crosses(order.side, price):
            return m.POST_ONLY_WOULD_TAKE
        return self._limits(whole, price or order.price, stop or order.stop)

    def _special(self, message: m.New, price: Decimal | None) -> str | None:
        """Judge what makes an order more than a plain one."""
        can, ioc = self._rules.can, message.tif == "ioc"
        if message.type == "stop":
            if not message.reduce_only or ioc:
                return m.BAD_MESSAGE
            if "stop" not in can:
                return m.NOT_SUPPORTED
        if message.post_only:
            if price is None or ioc:
                return m.BAD_MESSAGE
            if "post_only" not in can:
                return m.NOT_SUPPORTED
            if self._matching.crosses(message.side, price):
                return m.POST_ONLY_WOULD_TAKE
        if ioc and "ioc" not in can:
            return m.NOT_SUPPORTED
        if message.reduce_only:
            # A stop always says it; where the venue cannot hold it to that, its sender must.
            if "reduce_only" not in can and message.type != "stop":
                return m.NOT_SUPPORTED
            if self._account.reducible(message.side) <= 0:
                return m.REDUCE_ONLY_WOULD_INCREASE
        return None

    def _limits(self, qty: Decimal, price: Decimal | None, stop: Decimal | None) -> str | None:
        rules, mark = self._rules, self._matching.bid
        if qty < rules.min_qty:
            return m.BELOW_MIN_QTY
        if qty > rules.max_qty:
            return m.ABOVE_MAX_QTY
        if rules.strict:
            if qty % rules.qty_step:
                return m.OFF_LOT
            if (price is not None and price % rules.tick) or (
                stop is not None and stop % rules.tick
            ):
                return m.OFF_TICK
        at = price or stop or mark
        if at is not None and qty * at < rules.min_notional:
            return m.BELOW_MIN_NOTIONAL
        if price is None or mark is None or rules.band is None:
            return None
        return m.BEYOND_PRICE_BAND if abs(price - mark) > rules.band * mark else None


def changed(order: Order, message: m.Amend) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Quantity, price and stop that an order will have."""
    return (
        number(message.qty) or order.qty,
        number(message.price) or order.price,
        number(message.stop) or order.stop,
    )
