"""Every request to a venue: one JSON object a packet, told apart by `op`; host.venues.events answers.

Quantities and prices of orders are decimal strings both ways; market data are JSON numbers.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import msgspec

# The reasons are words of the protocol like the requests.
from host.venues.reasons import *  # noqa: F403
from host.venues.reasons import BAD_MESSAGE, UNKNOWN_OP

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
    post_only: bool = False
    tif: Literal["gtc", "ioc"] = "gtc"


class Cancel(_Op, tag="cancel", frozen=True):
    """Cancel one order."""

    id: str
    intent: Literal["CANCEL"]


class Amend(_Op, tag="amend", frozen=True):
    """Change an open order in its place; None leaves as it is. `qty` is with what has been filled."""

    id: str
    intent: Literal["OPEN", "REDUCE"]
    qty: str | None = None
    price: str | None = None
    stop: str | None = None


class Oco(_Op, tag="oco", frozen=True):
    """A target (limit at `price`) and a stop, both reduce-only: the end of one is the other's.

    With every partial fill of one the other shrinks, where the venue says `ouo` in its rules.
    """

    id: str
    stop_id: str
    intent: Literal["REDUCE"]
    side: Side
    qty: str
    price: str
    stop: str


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


class AskOrder(_Op, tag="order", frozen=True):
    """Ask what the venue knows of one order, by our id; `req` comes back in the answer."""

    req: Request
    id: str


class AskFills(_Op, tag="fills", frozen=True):
    """Ask for executions after `since` (of an earlier answer; empty: all that it still has)."""

    req: Request
    since: str = ""


class AskRules(_Op, tag="rules", frozen=True):
    """Ask for the symbol's rules and what the venue can do."""

    req: Request


class SetDeadman(_Op, tag="deadman", frozen=True):
    """Arm, refresh or (0) disarm the venue's own dead man's switch."""

    req: Request
    timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


Message = (
    Hello
    | New
    | Cancel
    | Amend
    | Oco
    | CancelAll
    | AskOrders
    | AskPosition
    | AskMark
    | AskOrder
    | AskFills
    | AskRules
    | SetDeadman
)
OPS = frozenset(kind.__struct_config__.tag for kind in get_args(Message))
_NAMES_AN_ORDER = (New, Cancel, Amend, Oco, AskOrder)


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
    if not isinstance(message, _NAMES_AN_ORDER):
        return message
    if not ORDER_ID.fullmatch(message.id):
        raise BadMessage(BAD_MESSAGE, f"id is not of the form `{ORDER_ID.pattern}`", message.id)
    if type(message) is Oco and not ORDER_ID.fullmatch(message.stop_id):
        raise BadMessage(
            BAD_MESSAGE, f"stop_id is not of the form `{ORDER_ID.pattern}`", message.id
        )
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
