"""The hand of a test on the venue (`--control`): it plays rows and makes faults. Not a venue's protocol.

One JSON object a packet on a SEQPACKET socket of its own, and one answer: {"ev":"done"} or
{"ev":"refused","detail":...}.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import msgspec

from host.paper.client import MAX_PACKET_BYTES
from host.paper.market import Row, number
from host.paper.mischief import KINDS

if TYPE_CHECKING:
    from host.paper.venue import Venue

MAINTENANCE = "maintenance"
NS_PER_MS = 1_000_000
Ms = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class _Order(msgspec.Struct, tag_field="op", forbid_unknown_fields=True):
    """What a test can order."""


class Quote(_Order, tag="quote"):
    """Play a quote, `ms` of the data's time after the last row; all of its sizes are new."""

    bid: str
    ask: str
    bid_qty: str
    ask_qty: str
    ms: Ms = 1


class Trade(_Order, tag="trade"):
    """Play a trade of others beside the book."""

    price: str
    qty: str
    ms: Ms = 1


class Step(_Order, tag="step"):
    """Play so many rows of the tape."""

    rows: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Misbehave(_Order, tag="misbehave"):
    """Do one of host.paper.mischief.KINDS once, or begin maintenance."""

    what: str


class Behave(_Order, tag="behave"):
    """End all faults; what was held back is told."""


_decode = msgspec.json.Decoder(Quote | Trade | Step | Misbehave | Behave).decode


class Refused(ValueError):
    """An order that makes no sense; the text says why."""


class Control:
    """Serves one test at a time on `listener`."""

    def __init__(self, listener: socket.socket, venue: Venue) -> None:
        self._listener = listener
        self._venue = venue
        venue.clients.watch(listener, self._accept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._venue.clients.watch(connection, lambda: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        try:
            packet = connection.recv(MAX_PACKET_BYTES)
            if packet:
                connection.send(msgspec.json.encode(self._answer(packet)))
        except OSError:
            packet = b""
        if not packet:
            self._venue.clients.forget(connection)
            connection.close()

    def _answer(self, packet: bytes) -> dict[str, str]:
        try:
            self._obey(_decode(packet))
        except (msgspec.DecodeError, UnicodeDecodeError, Refused) as error:
            return {"ev": "refused", "detail": str(error)}
        return {"ev": "done"}

    def _obey(self, order: Quote | Trade | Step | Misbehave | Behave) -> None:
        venue = self._venue
        match order:
            case Quote():
                bid, ask = number(order.bid), number(order.ask)
                bid_qty, ask_qty = number(order.bid_qty), number(order.ask_qty)
                if bid is None or ask is None or bid_qty is None or ask_qty is None or bid > ask:
                    raise Refused("a quote has a bid not above the ask, and sizes above zero")
                venue.renew_liquidity()
                venue.player.play(
                    Row(-1, ask, bid, ask, bid, None, bid_qty, ask_qty), order.ms * NS_PER_MS
                )
            case Trade():
                price, qty = number(order.price), number(order.qty)
                if price is None or qty is None:
                    raise Refused("a trade has a price and a quantity above zero")
                row = Row(-1, price, price, price, price, qty, beside_book=True)
                venue.player.play(row, order.ms * NS_PER_MS)
            case Step():
                venue.player.step(order.rows)
            case Misbehave(what) if what == MAINTENANCE:
                venue.set_maintenance(True)
            case Misbehave(what):
                if what not in KINDS:
                    raise Refused(f"what is {what!r} and not one of {', '.join(sorted(KINDS))}")
                venue.misbehave(what)
            case Behave():
                venue.behave()
