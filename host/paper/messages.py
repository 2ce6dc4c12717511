"""Every message of the paper exchange: one JSON object a packet, `op` to it and `ev` from it.

Quantities and prices of orders are decimal strings both ways; market data are JSON numbers.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

BAD_MESSAGE = "BAD_MESSAGE"
BAD_PRICE = "BAD_PRICE"
BAD_QTY = "BAD_QTY"
BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
DUPLICATE_ID = "DUPLICATE_ID"
MAINTENANCE = "MAINTENANCE"
REDUCE_ONLY_WOULD_INCREASE = "REDUCE_ONLY_WOULD_INCREASE"
TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
UNKNOWN_OP = "UNKNOWN_OP"
UNKNOWN_ORDER = "UNKNOWN_ORDER"

Side = Literal["buy", "sell"]
# Short and plain, so that the answer with all open orders always fits into one packet. A pattern in
# msgspec's Meta would take ten times as long as all the rest of reading an order.
ORDER_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)

Request = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Op(msgspec.Struct, tag_field="op", frozen=True, forbid_unknown_fields=True):
    """A message to the venue. A misspelt field is refused: it could be `reduce_only`."""


class Hello(_Op, tag="hello", frozen=True):
    """First packet of a client: what it wants to be."""

    role: Literal["feed", "trade"]


class New(_Op, tag="new", frozen=True):
    """A new order. A limit order needs `price`, a stop order `stop` and reduce_only; others neither.

    A stop rests until a row trades at or through `stop`, and is a market order from then on.
    """

    id: str
    intent: Literal["OPEN", "REDUCE", "LIQUIDATE"]
    side: Side
    type: Literal["limit", "market", "stop"]
    qty: str
    price: str | None = None
    reduce_only: bool = False
    stop: str | None = None


class Cancel(_Op, tag="cancel", frozen=True):
    """Cancel one order."""

    id: str
    intent: Literal["CANCEL"]


class CancelAll(_Op, tag="cancel_all", frozen=True):
    """Cancel every order of the account, whoever sent it."""

    intent: Literal["CANCEL"]


class AskOrders(_Op, tag="open_orders", frozen=True):
    """Ask for the resting orders; `req` comes back in the answer."""

    req: Request


class AskPosition(_Op, tag="position", frozen=True):
    """Ask for position and cash; `req` comes back in the answer."""

    req: Request


class AskMark(_Op, tag="mark", frozen=True):
    """Ask for the venue's own price and its rules; `req` comes back in the answer."""

    req: Request


Message = Hello | New | Cancel | CancelAll | AskOrders | AskPosition | AskMark
OPS = frozenset({"hello", "new", "cancel", "cancel_all", "open_orders", "position", "mark"})


class Ev(msgspec.Struct, tag_field="ev", frozen=True):
    """A message from the venue. Quantities, prices and money are strings made by `plain`."""


class Welcome(Ev, tag="welcome", frozen=True):
    """First packet on every connection: what is sent after it carries a send time stamp."""


class Ack(Ev, tag="ack", frozen=True):
    """The order is accepted."""

    id: str


class Reject(Ev, tag="reject", frozen=True):
    """The packet is refused; `id` is None when it named no order."""

    id: str | None
    reason: str


class Fill(Ev, tag="fill", frozen=True):
    """An execution: quantity and price of this one, fee in quote currency, quantity left."""

    id: str
    side: Side
    qty: str
    price: str
    fee: str
    left: str


class Cancelled(Ev, tag="cancelled", frozen=True):
    """The order is gone: asked for, or reduce-only with nothing left to reduce."""

    id: str


class CancelReject(Ev, tag="cancel_reject", frozen=True):
    """There is no such order to cancel."""

    id: str
    reason: str


class CancelledAll(Ev, tag="cancelled_all", frozen=True):
    """All these orders are gone, and no other was open."""

    ids: list[str]


class OpenOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """One resting order; `stop` is there in a stop order alone."""

    id: str
    side: Side
    qty: str
    left: str
    price: str | None
    reduce_only: bool
    stop: str | None = None


class OpenOrders(Ev, tag="open_orders", frozen=True):
    """All resting orders of the account, oldest first."""

    req: int
    orders: list[OpenOrder]


class Position(Ev, tag="position", frozen=True):
    """Signed position, and cash since the start (0) after fees."""

    req: int
    qty: str
    cash: str


class Mark(Ev, tag="mark", frozen=True):
    """The last price that the venue saw (None before the first) and the rules for orders."""

    req: int
    price: str | None
    tick: str
    qty_step: str
    min_notional: str


class End(Ev, tag="end", frozen=True):
    """To the feed: there is no more data; `rows` is how many the source has."""

    rows: int


class BadMessage(ValueError):
    """A packet that is refused, with BAD_MESSAGE or UNKNOWN_OP as `code`."""

    def __init__(self, code: str, detail: str, order_id: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.order_id = order_id


def parse(data: bytes) -> dict[str, Any]:
    """The flat JSON object in a packet. Raises BadMessage.

    Nested values are refused here, because no message has any, and because deep ones could be
    read but not written to the record again (recursion limit).
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadMessage(BAD_MESSAGE, str(exc)) from None
    if not isinstance(value, dict) or any(isinstance(v, dict | list) for v in value.values()):
        raise BadMessage(BAD_MESSAGE, "not a flat JSON object")
    return value


def understand(data: bytes) -> Message:
    """The message in a packet, read in one go. Raises BadMessage, slowly, with the reason."""
    try:
        message = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _unlike_any(parse(data), str(exc)) from None
    if isinstance(message, New | Cancel) and not ORDER_ID.fullmatch(message.id):
        raise BadMessage(BAD_MESSAGE, f"id is not of the form `{ORDER_ID.pattern}`", message.id)
    return message


def _unlike_any(value: dict[str, Any], detail: str) -> BadMessage:
    op, named = value.get("op"), value.get("id")
    code = UNKNOWN_OP if isinstance(op, str) and op not in OPS else BAD_MESSAGE
    return BadMessage(code, detail, named if isinstance(named, str) else None)


def plain(value: Decimal) -> str:
    """A decimal without exponent and trailing zeros: "0.25", "10", "0"."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode
