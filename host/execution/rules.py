"""What the venue takes: an order is rounded for its purpose, or refused with the rule's name.

Rounding never changes what was decided to our disadvantage (see ROUNDING), and a number is never moved
further than one step: what is still not valid then is refused and not bent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec

from host.execution import fills
from host.execution.exact import ZERO, ceil_of, floor, floor_of, mul, sub
from host.execution.order import Order, Role
from host.venues import events as ev
from host.venues import messages as m

REFUSALS = (
    # rule, what it refuses
    ("BAD_NUMBER", "a quantity or price that is no decimal above 0 in plain notation"),
    ("BAD_FORM", "price and stop do not go with the order's type"),
    ("TICK", "a price that is nothing after rounding to the tick"),
    ("LOT", "a quantity that is nothing after rounding to the lot"),
    ("MIN_QTY", "a quantity below the least one"),
    ("MAX_QTY", "a quantity above the largest one"),
    ("MIN_NOTIONAL", "a value below the least one"),
    ("PRICE_BAND", "a limit price too far from the last one"),
    ("NO_MARK", "a rule needs the last price, and there is none"),
    ("POST_ONLY_UNSUPPORTED", "post-only where the venue does not know it"),
    ("POST_ONLY_WOULD_TAKE", "a post-only order at a price that would take, or one that is no limit"),
    ("IOC_UNSUPPORTED", "immediate-or-cancel where the venue does not know it"),
    ("STOP_UNSUPPORTED", "a stop, or a position without one, where the venue holds none"),
    ("REDUCE_ONLY_WOULD_INCREASE", "a reducing order with nothing, or nothing more, to reduce"),
    ("SELF_TRADE", "an order that would meet a resting one of ours (at market: at the last price)"),
)  # fmt: skip
NAMES = frozenset(name for name, _text in REFUSALS)

ROUNDING = (
    # purpose, what, direction, why
    ("entry", "quantity", "down", "never more than was decided"),
    ("entry", "limit price", "buys down, sells up", "never a worse price than was decided"),
    ("exit", "quantity", "down, at most what is held", "never through zero"),
    ("exit", "limit price", "buys down, sells up", "the bound of the slippage holds"),
    ("stop", "quantity", "down, at most what is held", "never through zero"),
    ("stop", "trigger", "buys down, sells up", "towards the market: never later than asked"),
    ("target", "limit price", "buys down, sells up", "never less profit than asked"),
)


class Refused(ValueError):
    """An order that cannot be made valid; `rule` is one of REFUSALS."""

    def __init__(self, rule: str, detail: str) -> None:
        if rule not in NAMES:
            raise ValueError(f"no rule is called {rule!r}")
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


@dataclass(frozen=True)
class Rules:
    """Of one symbol at one venue; None: no such rule. `can`: see host.venues.capabilities."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_qty: Decimal = ZERO
    max_qty: Decimal | None = None
    min_notional: Decimal = ZERO
    band: Decimal | None = None
    can: frozenset[str] = frozenset()

    @classmethod
    def of(cls, said: ev.Rules) -> "Rules":
        """Return what the venue says. Raises BadEvent."""
        return cls(
            said.symbol,
            said.base,
            said.quote,
            fills.above_zero("tick", said.tick),
            fills.above_zero("qty_step", said.qty_step),
            _most("min_qty", said.min_qty) or ZERO,
            _most("max_qty", said.max_qty),
            _most("min_notional", said.min_notional) or ZERO,
            _most("band", said.band),
            frozenset(said.can),
        )

    def price(self, side: m.Side, value: Decimal) -> Decimal:
        """Return a price or trigger on the grid: see ROUNDING."""
        return self.price_of(side, *value.as_integer_ratio())

    def price_of(self, side: m.Side, above: int, below: int) -> Decimal:
        """Return the price above / below on the grid."""
        return (floor_of if side == "buy" else ceil_of)(above, below, self.tick)

    def qty(self, value: Decimal) -> Decimal:
        """Return a quantity on the grid: never more."""
        return floor(value, self.lot)

    def check(self, qty: Decimal, price: Decimal | None, mark: Decimal | None) -> None:
        """Check sizes; `price` is the limit, the trigger, or None at market. Raises Refused."""
        if qty <= 0:
            raise Refused("LOT", f"one lot is {self.lot:f}")
        if qty < self.min_qty:
            raise Refused("MIN_QTY", f"{qty:f} is below {self.min_qty:f}")
        if self.max_qty is not None and qty > self.max_qty:
            raise Refused("MAX_QTY", f"{qty:f} is above {self.max_qty:f}")
        if price is not None and price <= 0:
            raise Refused("TICK", f"one tick is {self.tick:f}")
        at = mark if price is None else price
        if at is None:
            if self.min_notional:
                raise Refused("NO_MARK", "what is it worth?")
        elif mul(qty, at) < self.min_notional:
            raise Refused("MIN_NOTIONAL", f"{mul(qty, at):f} is below {self.min_notional:f}")

    def check_band(self, price: Decimal, mark: Decimal | None) -> None:
        """Check a limit price. Raises Refused."""
        if self.band is None:
            return
        if mark is None:
            raise Refused("NO_MARK", "how far is the price from it?")
        if abs(sub(price, mark)) > mul(self.band, mark):
            raise Refused("PRICE_BAND", f"{price:f} is further than {self.band:f} from {mark:f}")


def fit(
    request: m.New,
    role: Role,
    rules: Rules,
    mark: Decimal | None,
    position: Decimal,
    live: Iterable[Order],
) -> m.New:
    """Return the order as the venue takes it. Raises Refused.

    mark -- the last price; position -- signed; live -- our orders that have not ended
    """
    qty, price, stop = _numbers(request)
    if price is not None:
        price = rules.price(request.side, price)
    if stop is not None:
        stop = rules.price(request.side, stop)
    _check_abilities(request, rules)
    live = list(live)
    if request.reduce_only or role not in (Role.ENTRY, Role.LADDER):
        qty = min(qty, _reducible(request, role, rules, position, live))
        if qty <= 0:
            raise Refused("REDUCE_ONLY_WOULD_INCREASE", f"{request.side}, position {position:f}")
    qty = rules.qty(qty)
    rules.check(qty, stop if price is None else price, mark)
    if price is not None:
        rules.check_band(price, mark)
    if request.post_only:
        _check_post_only(request.side, price, mark)
    if role not in (Role.STOP, Role.LADDER):  # protection does not wait for our own order
        _check_self_trade(request.side, mark if price is None else price, live)
    return msgspec.structs.replace(
        request,
        qty=m.plain(qty),
        price=None if price is None else m.plain(price),
        stop=None if stop is None else m.plain(stop),
        # The protocol's stops always are; else the flag would only be refused.
        reduce_only=request.reduce_only and (stop is not None or "reduce_only" in rules.can),
    )


def _numbers(request: m.New) -> tuple[Decimal, Decimal | None, Decimal | None]:
    try:
        qty = fills.above_zero("qty", request.qty)
        price = None if request.price is None else fills.above_zero("price", request.price)
        stop = None if request.stop is None else fills.above_zero("stop", request.stop)
    except fills.BadEvent as error:
        raise Refused("BAD_NUMBER", str(error)) from None
    if (price is not None) != (request.type == "limit") or (stop is not None) != (
        request.type == "stop"
    ):
        raise Refused("BAD_FORM", f"a {request.type} order with price {price}, stop {stop}")
    return qty, price, stop


def _check_abilities(request: m.New, rules: Rules) -> None:
    if request.post_only and "post_only" not in rules.can:
        raise Refused("POST_ONLY_UNSUPPORTED", rules.symbol)
    if request.tif == "ioc" and "ioc" not in rules.can:
        raise Refused("IOC_UNSUPPORTED", rules.symbol)
    if request.type == "stop" and "stop" not in rules.can:
        raise Refused("STOP_UNSUPPORTED", rules.symbol)


def _reducible(
    request: m.New, role: Role, rules: Rules, position: Decimal, live: list[Order]
) -> Decimal:
    """How much an order of this side may take off the position."""
    room = position if request.side == "sell" else -position
    if "reduce_only" in rules.can:
        return room
    # Nobody but us keeps two such orders from going through zero together.
    for order in live:
        if order.role is not Role.ENTRY and order.side == request.side and order.id != request.id:
            room = sub(room, order.left)
    return max(room, ZERO)


def _check_post_only(side: m.Side, price: Decimal | None, mark: Decimal | None) -> None:
    if price is None:
        raise Refused("POST_ONLY_WOULD_TAKE", "it has no limit")
    if mark is None:
        raise Refused("NO_MARK", "would it take?")
    if price > mark if side == "buy" else price < mark:
        raise Refused("POST_ONLY_WOULD_TAKE", f"{side} at {price:f}, last price {mark:f}")


def _check_self_trade(side: m.Side, price: Decimal | None, live: list[Order]) -> None:
    for order in live:
        if order.side == side or order.price is None:
            continue
        meets = price is None or (price >= order.price if side == "buy" else price <= order.price)
        if meets:
            raise Refused("SELF_TRADE", f"{order.side} of ours at {order.price:f}")


def _most(name: str, text: str) -> Decimal | None:
    """A limit that may be left out (empty) or be 0: None."""
    if not text:
        return None
    value = fills.decimal(name, text)
    if value < 0:
        raise fills.BadEvent(f"{name}: {text[:60]!r} is below 0")
    return value or None


# Where orders can be reduce-only, stop and target rest as two of them: a kill takes the target off, and
# must leave the stop. Of a pair that the venue holds as one it could take only both.
PAIRS = frozenset({"oco", "ouo"})


def unpaired(rules: Rules) -> Rules:
    """Return the rules as the engine uses them: no pairs where two orders do as well."""
    return replace(rules, can=rules.can - PAIRS) if "reduce_only" in rules.can else rules
