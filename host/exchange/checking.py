"""A request of the engine in the exchange's terms, or the rule that it breaks. Nothing is rounded."""

from __future__ import annotations

import re
from decimal import Decimal

from host.exchange.dialect import ZERO, Placing, Rules
from host.exchange.ids import BadId, Ids
from host.modes import Intent
from host.venues import messages as m

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


class Refusal(ValueError):
    """The request breaks a rule; `reason` is one of host.venues.messages."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Checking:
    """Knows what one exchange takes of one symbol.

    can -- words of host.venues.capabilities
    """

    def __init__(self, rules: Rules, can: frozenset[str], ids: Ids) -> None:
        self._rules = rules
        self._can = can
        self._ids = ids

    def new(self, order: m.New, mark: Decimal | None) -> Placing:
        """Return the order as it is placed. Raises Refusal."""
        self._able(order)
        qty = self.qty(order.qty)
        price = self.price(order.price) if order.type == "limit" else _nothing(order.price)
        stop = self.price(order.stop) if order.type == "stop" else _nothing(order.stop)
        at = price or stop or mark
        if at is not None and not order.reduce_only and qty * at < self._rules.min_notional:
            raise Refusal(m.BELOW_MIN_NOTIONAL)
        try:
            wire = self._ids.wire(order.id)
        except BadId:
            raise Refusal(m.BAD_MESSAGE) from None
        return Placing(
            wire, order.side, order.type, m.plain(qty), _text(price), _text(stop),
            order.reduce_only and "reduce_only" in self._can, order.post_only, order.tif == "ioc",
        )  # fmt: skip

    def qty(self, text: str | None) -> Decimal:
        """Return a quantity that the exchange takes as it is. Raises Refusal."""
        rules, qty = self._rules, _positive(text, m.BAD_QTY)
        if qty < rules.min_qty:
            raise Refusal(m.BELOW_MIN_QTY)
        if qty > rules.max_qty:
            raise Refusal(m.ABOVE_MAX_QTY)
        if qty % rules.step:
            raise Refusal(m.OFF_LOT)
        return qty

    def price(self, text: str | None) -> Decimal:
        """Return a price that the exchange takes as it is. Raises Refusal."""
        price = _positive(text, m.BAD_PRICE)
        if price % self._rules.tick:
            raise Refusal(m.OFF_TICK)
        return price

    def _able(self, order: m.New) -> None:
        stop = order.type == "stop"
        wanted = {"stop": stop, "post_only": order.post_only, "ioc": order.tif == "ioc"}
        wanted["reduce_only"] = order.reduce_only and not stop
        if any(flag and word not in self._can for word, flag in wanted.items()):
            raise Refusal(m.NOT_SUPPORTED)
        taking = order.type != "limit" or order.tif == "ioc"
        if (stop and not order.reduce_only) or (order.post_only and taking):
            raise Refusal(m.BAD_MESSAGE)

    def bound(self, order: m.New) -> bool:
        """Return True for an order that we have to hold against the position ourselves.

        The exchange does it where it knows reduce-only orders; not where it does not (spot). What the
        ladder sends is looked at in any case.
        """
        reducing = order.reduce_only and "reduce_only" not in self._can
        return reducing or order.intent == Intent.LIQUIDATE.name

    def reduces(self, order: m.New, position: Decimal) -> None:
        """See that an order takes away no more than the exchange says is there. Raises Refusal."""
        held = position if order.side == "sell" else -position
        if held <= ZERO or Decimal(order.qty) > held:
            raise Refusal(m.REDUCE_ONLY_WOULD_INCREASE)


def _positive(text: str | None, reason: str) -> Decimal:
    if text is None or not _NUMBER.fullmatch(text):
        raise Refusal(reason)
    value = Decimal(text)
    if value <= 0:
        raise Refusal(reason)
    return value


def _nothing(text: str | None) -> Decimal | None:
    if text is not None:
        raise Refusal(m.BAD_PRICE)
    return None


def _text(value: Decimal | None) -> str | None:
    return None if value is None else m.plain(value)
