"""Every message from a venue: one JSON object a packet, told apart by `ev`.

Quantities, prices and money are decimal strings made by `plain`. What an answer belongs to says `req`;
everything else is about the account and goes to every client that trades.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from host.venues.messages import Side


class Ev(msgspec.Struct, tag_field="ev", frozen=True, gc=False):
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


class Fill(Ev, tag="fill", frozen=True, omit_defaults=True):
    """An execution: quantity and price of this one, its fee, quantity left of the order.

    trade -- the venue's name of this execution: the same one may be told twice
    currency -- of the fee, which is negative for a rebate; empty: the quote currency
    """

    id: str
    side: Side
    qty: str
    price: str
    fee: str
    left: str
    trade: str = ""
    currency: str = ""
    maker: bool = False


class Cancelled(Ev, tag="cancelled", frozen=True, omit_defaults=True):
    """The order is gone: asked for, its sibling filled, expired, or nothing left to reduce.

    filled -- what the venue has counted as filled of it, in all; empty: it does not say
    """

    id: str
    reason: str = ""
    filled: str = ""


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


class Amended(Ev, tag="amended", frozen=True):
    """The order stands as this now; `qty` is its whole quantity, with what has been filled."""

    id: str
    qty: str
    price: str | None
    stop: str | None


class AmendReject(Ev, tag="amend_reject", frozen=True):
    """The order stands as before, or is gone."""

    id: str
    reason: str


class Unknown(Ev, tag="unknown", frozen=True):
    """Nobody knows whether this request reached the venue: neither accepted nor rejected.

    op -- new, cancel, amend or oco; `order` asks what became of it
    """

    id: str
    op: str
    reason: str


class OrderState(Ev, tag="order", frozen=True):
    """What the venue knows of one order of ours; `unknown`: it has never heard of it."""

    req: int
    id: str
    state: Literal["open", "filled", "cancelled", "rejected", "unknown"]
    filled: str
    left: str


class Fills(Ev, tag="fills", frozen=True, omit_defaults=True):
    """Executions of the account, oldest first; `next` goes into the next question, "" at the end.

    upto -- what to ask with later for what follows the last one of these; "" says: as now
    """

    req: int
    fills: list[Fill]
    next: str
    upto: str = ""


class Rules(Ev, tag="rules", frozen=True):
    """What the venue takes of this symbol, and what it can do (host.venues.capabilities).

    band -- share that a limit price may lie beyond the mark; empty: no such rule
    """

    req: int
    symbol: str
    base: str
    quote: str
    tick: str
    qty_step: str
    min_qty: str
    max_qty: str
    min_notional: str
    band: str
    can: list[str]


class Deadman(Ev, tag="deadman", frozen=True):
    """The venue will cancel what it cancels in so many ms unless told again; 0: it will not."""

    req: int
    timeout_ms: int
