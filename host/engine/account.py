"""The account at one venue: its connections, what we know of it, and what we compare it with."""

import select
import time
from collections.abc import Callable
from typing import Any

import msgspec

from host import refusals
from host.engine.deadman import Deadman
from host.engine.port import VenuePort
from host.engine.reconciler import Reconciler
from host.engine.venue import VenueConnection, VenueLost
from host.execution.manager import Manager
from host.execution.repricing import Policy
from host.execution.rules import Rules, unpaired
from host.modes import Intent
from host.venues import events as ev

RECONNECT_NS = 200_000_000
TRADE, FEED = "trade", "feed"


class Account:
    """One venue. Everywhere orders are sent and heard of; where we trade, there is a feed as well.

    manager -- None until the venue has told its rules
    make_id -- of a strategy's order; tell(kind, **data) -- for the audit log, with the name of the venue
    """

    def __init__(
        self,
        socket: str,
        roles: tuple[str, ...],
        port: VenuePort,
        policy: Policy,
        reconciler: Reconciler,
        deadman: Deadman,
        make_id: Callable[[], str],
        poller: select.poll,
        tell: Callable[..., None],
    ) -> None:
        self.name = port.name
        self.port = port
        self.reconciler = reconciler
        self.deadman = deadman
        self.feed_ended = False
        self._policy = policy
        self._make_id = make_id
        self._socket = socket
        self._links: dict[str, VenueConnection | None] = dict.fromkeys(roles)
        self._poller = poller
        self._tell = tell
        self._tried_ns = 0
        self._said_lost = self._said_full = False

    @property
    def manager(self) -> Manager | None:
        """Orders and position; None until the venue has told its rules."""
        return self.port.manager

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

    def take(self, event: dict[str, Any], now_ns: int, active: bool) -> None:
        """Take one event; `active` says whether stops and targets may follow from it."""
        match event["ev"]:
            case "welcome":
                self._said_lost = False
                if event["role"] == TRADE:
                    self.reconciler.restart()
                    self.deadman.restart(now_ns)
            case "end":
                self.feed_ended = True
            case "rules":
                self._take_rules(event, now_ns)
            case "deadman":
                self.deadman.take(event, now_ns)
            case _ if self.reconciler.take(event, now_ns) and self.manager is not None:
                self.manager.active = active
                self.manager.hear(event, now_ns)
        self._close_ended()

    def tick(self, now_ns: int, active: bool, worked_off: bool) -> None:
        """Ask, look at the clock, make room in the journal; call every pass.

        active -- stops and targets may be placed; worked_off -- an emergency, and its ladder is done
        """
        manager, port = self.manager, self.port
        if port.reachable():
            self.reconciler.tick(now_ns)
        if manager is not None:
            manager.active = active
            price = port.last_price()
            manager.tick(now_ns, price)
            if port.reachable():
                permitted = port.gate.permit(Intent.REDUCE) == refusals.SENT
                held = bool(manager.position.qty)
                self.deadman.tick(now_ns, permitted, worked_off, held)
        self._close_ended()
        port.journal.tend()
        if port.journal.full and not self._said_full:
            self._tell("alert", code="JOURNAL_FULL")
        self._said_full = port.journal.full

    def worked_off(self) -> None:
        """The ladder is done and everything agrees: a person may re-arm."""
        self.reconciler.clear()

    def _take_rules(self, event: dict[str, Any], now_ns: int) -> None:
        if self.manager is not None:
            return
        told = msgspec.convert(event, ev.Rules)
        rules = Rules.of(told)
        self.deadman.begin(rules.can, now_ns)
        self.port.reduce_only &= "reduce_only" in rules.can
        rules = unpaired(rules)
        tell = self._tell
        manager = Manager(
            rules, self._policy, self._make_id, lambda request: self.port.carry(request, tell), tell
        )
        manager.active = False
        self.port.manager = manager
        self.reconciler.begin(manager, now_ns)

    def _close_ended(self) -> None:
        """An order that has ended is not pending any more."""
        manager, journal = self.manager, self.port.journal
        if manager is not None:
            for order_id in journal.pending():
                order = manager.orders.find(order_id)
                if order is not None and order.ended:
                    journal.ended(order_id)

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
            self.reconciler.restart()
            if self.manager is not None:
                self.manager.disconnected(time.monotonic_ns())
        self._say_lost(str(error))

    def _say_lost(self, error: str) -> None:
        """Say it once; it is tried again several times a second."""
        if not self._said_lost:
            self._said_lost = True
            self._tell("venue_lost", error=error[:200])
