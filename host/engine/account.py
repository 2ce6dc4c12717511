"""The account at one venue: its connections, what we know of it, and what we compare it with."""

import select
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from host.engine.orders import ZERO, Book
from host.engine.port import VenuePort
from host.engine.reconciler import Reconciler
from host.engine.venue import VenueConnection, VenueLost

RECONNECT_NS = 200_000_000
TRADE, FEED = "trade", "feed"


class Account:
    """One venue. Everywhere orders are sent and heard of; where we trade, there is a feed as well.

    tell(kind, **data) -- pushes an event for the audit log
    """

    def __init__(
        self,
        socket: str,
        roles: tuple[str, ...],
        port: VenuePort,
        book: Book,
        reconciler: Reconciler,
        poller: select.poll,
        tell: Callable[..., None],
    ) -> None:
        self.name = port.name
        self.port = port
        self.book = book
        self.reconciler = reconciler
        self.feed_ended = False
        self._cash = ZERO
        self._socket = socket
        self._links: dict[str, VenueConnection | None] = dict.fromkeys(roles)
        self._poller = poller
        self._tell = tell
        self._tried_ns = 0
        self._said_lost = False

    def lost(self, now_ns: int) -> bool:
        """Return True while orders cannot be sent, or nothing answers; a silent venue is no venue."""
        return not self.port.reachable() or self.reconciler.silent(now_ns)

    @property
    def blind(self) -> bool:
        """True where there should be market data and there are none."""
        if FEED not in self._links:
            return False
        feed = self._links[FEED]
        return feed is None or not feed.welcomed or self.feed_ended

    def reach(self, now_ns: int) -> None:
        """Connect what is not connected; call every pass."""
        for link in list(self._links.values()):
            if link is not None and link.overdue(now_ns):
                self._lose(link, VenueLost(f"venue {self._socket}: no welcome"))
        if all(self._links.values()) or now_ns - self._tried_ns < RECONNECT_NS:
            return
        self._tried_ns = now_ns
        try:
            for role, link in self._links.items():
                if link is None:
                    self._connect(role, now_ns)
        except VenueLost as error:
            self._say_lost(str(error))

    def hear(self, fd: int) -> list[dict[str, Any]]:
        """Return what has arrived on a descriptor; nothing when it is none of ours."""
        events: list[dict[str, Any]] = []
        for link in self._links.values():
            if link is None or link.fileno() != fd:
                continue
            try:
                events = link.receive()
            except VenueLost as error:
                self._lose(link, error)
                return []
            if link.role == TRADE:
                # A fill behind an answer counts before that answer is acted upon.
                for event in events:
                    self.port.heard(event)
        return events

    def take(self, event: dict[str, Any]) -> None:
        """Take one event into book and reconciliation."""
        match event["ev"]:
            case "welcome":
                self._said_lost = False
            case "end":
                self.feed_ended = True
            case "fill":
                self.book.filled(event)
                self.reconciler.orders([event["id"]])
            case "reject" | "cancelled":
                self.book.ended(event["id"])
            case "cancelled_all":
                for order_id in event["ids"]:
                    self.book.ended(order_id)
            case "open_orders":
                self.reconciler.orders([order["id"] for order in event["orders"]])
            case "position":
                self._cash = Decimal(event["cash"])
                self.reconciler.position(event, self.book.position)

    def worked_off(self, position: Decimal) -> None:
        """The ladder is done: the venue's word is ours."""
        ours = self.book.position
        if self.book.reconciled(position, self._cash):
            # The venue knows better: a fill may have crossed the halt, or we have just started.
            self._tell("reconciled", venue=self.name, ours=str(ours), theirs=str(position))
        self.reconciler.clear()

    def _connect(self, role: str, now_ns: int) -> None:
        link = VenueConnection(self._socket, role, now_ns)
        self._links[role] = link
        self._poller.register(link, select.POLLIN)
        if role == TRADE:
            self.port.connection = link
        else:
            self.feed_ended = False

    def _lose(self, link: VenueConnection, error: VenueLost) -> None:
        self._poller.unregister(link)
        link.close()
        self._links[link.role] = None
        if link.role == TRADE:
            self.port.connection = None
        self._say_lost(str(error))

    def _say_lost(self, error: str) -> None:
        """Say it once; it is tried again several times a second."""
        if not self._said_lost:
            self._said_lost = True
            self._tell("venue_lost", venue=self.name, error=error[:200])
