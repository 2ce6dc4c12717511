"""A venue as the ladder and the trader reach it: every order passes the gate here."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from host import refusals
from host.engine.emergency.liquidation import would_open
from host.engine.provenance import LADDER, Ids
from host.engine.venue import VenueConnection, VenueLost
from host.execution.journal import Journal
from host.execution.manager import Manager
from host.execution.order import Role
from host.execution.sending import Outcome, Request
from host.hotpath.gate import Gate
from host.hotpath.ordertext import PRICE_DECIMALS
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.words import now_ns
from host.modes import Intent
from host.venues import messages as m

TRADES = {Intent.OPEN, Intent.REDUCE}
# What may be at the venue from now on.
LEFT = {refusals.SENT, refusals.OUTCOME_UNKNOWN}


class VenuePort:
    """One venue; `connection` is None while it cannot be reached, `manager` before it told its rules.

    journal -- every order is in it before it leaves
    position -- what the venue last said, and every fill since: None before it has said anything
    reduce_only -- the venue knows orders that can only reduce
    epoch() -- of the mode, for the ids of the ladder's orders; clock() -- ns
    liquidates() -- this emergency closes positions; otherwise its ladder may place stops and nothing else
    explained() -- our own executions make up the position; None: nobody knows yet
    """

    def __init__(
        self,
        name: str,
        gate: Gate,
        ids: Ids,
        journal: Journal,
        checks: RiskCheck,
        most_age_ns: float,
        epoch: Callable[[], int],
        liquidates: Callable[[], bool],
        reduce_only: bool = True,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.name = name
        self.reduce_only = reduce_only
        self.position: Decimal | None = None
        self.connection: VenueConnection | None = None
        self.manager: Manager | None = None
        self.gate = gate
        self.journal = journal
        self._ids = ids
        self._checks = checks
        self._most_age_ns = most_age_ns
        self._epoch = epoch
        self._liquidates = liquidates
        self.explained: Callable[[], bool | None] = lambda: None
        self._clock = clock
        self._price: float | None = None
        self._price_ns = 0

    def seen(self, price: float, at_ns: int) -> None:
        """Take one price of the feed."""
        self._price, self._price_ns = price, at_ns

    def heard(self, event: dict[str, Any]) -> None:
        """Take what an event says of the position."""
        if event["ev"] == "position":
            self.position = Decimal(event["qty"])
        elif event["ev"] == "fill" and self.position is not None:
            quantity = Decimal(event["qty"])
            self.position += quantity if event["side"] == "buy" else -quantity

    def reachable(self) -> bool:
        """Return True while a connection for orders stands."""
        return self.connection is not None and self.connection.welcomed

    def send(self, request: dict[str, Any], intent: Intent, token: int = 0) -> int:
        """Send one request through the gate; return a code of host.refusals.

        An order must carry an id that this run made: nothing else may pass, whoever calls. Stops,
        orders of the ladder and plain ones that reduce are for no more than the position at this
        moment, and against it.
        """
        if self.connection is None or not self.connection.welcomed:
            return refusals.SEND_FAILED
        if intent != Intent.CANCEL and not self._ids.ours(request["id"]):
            return refusals.NOT_AUTHORISED
        stop = request.get("type") == "stop"
        if intent == Intent.LIQUIDATE and not stop and not self._liquidates():
            return refusals.NOT_AUTHORISED
        sells = (
            intent == Intent.REDUCE and request["op"] == "new" and not request.get("reduce_only")
        )
        bound = intent == Intent.LIQUIDATE or stop or sells
        if bound and would_open(self.position, request):
            return refusals.REDUCE_WOULD_INCREASE
        data = msgspec.json.encode(request)
        fd, wal = self.connection.fileno(), self.journal.wal
        code = self.gate.send(fd, data, intent, token, wal)
        if code in LEFT:
            self._checks.message(self._clock())
            if intent != Intent.CANCEL:
                self.journal.sent(request)
            if intent == Intent.LIQUIDATE:
                self._note(request, code)
        return code

    def carry(self, request: Request, tell: Callable[..., None]) -> Outcome:
        """Send what the manager wants to be sent: stops, targets, cancels."""
        intent = Intent[request.intent]
        if intent != Intent.CANCEL and self._checks.room(self._clock()) != refusals.SENT:
            return Outcome.UNSENT
        told = msgspec.to_builtins(request)
        code = self.send(told, intent)
        tell("sent", outcome=refusals.NAMES[code], **told)
        if code == refusals.OUTCOME_UNKNOWN:
            return Outcome.UNKNOWN
        return Outcome.SENT if code in LEFT else Outcome.UNSENT

    def _note(self, request: dict[str, Any], code: int) -> None:
        """The manager knows what it sends itself; the ladder's orders it hears of here."""
        if self.manager is not None:
            asked = {key: value for key, value in request.items() if key != "op"}
            role = Role.LADDER if self._liquidates() else Role.STOP
            self.manager.sent(msgspec.convert(asked, m.New), self._clock(), role)
            if code == refusals.OUTCOME_UNKNOWN:
                self.manager.lost(request["id"], self._clock())

    def descriptor(self) -> int:
        """Return the descriptor that orders are sent on, or -1 before the welcome."""
        connection = self.connection
        return connection.fileno() if connection is not None and connection.welcomed else -1

    def ask(self, op: str, req: int, **more: Any) -> None:
        """Send a query; one that cannot be sent is asked again by whoever waits for the answer."""
        if self.connection is not None and self.connection.welcomed:
            try:
                self.connection.ask(op=op, req=req, **more)
            except VenueLost:
                return  # the poll of the same socket reports the loss

    def new_id(self) -> str:
        """Return an id for an order of the ladder."""
        return self._ids.make(LADDER, self._epoch())

    def entries(self) -> list[str]:
        """Return the ids of our open orders that are no protective stops."""
        live = {} if self.manager is None else self.manager.orders.live
        return [order.id for order in live.values() if order.role is not Role.STOP]

    def stops(self, order_id: str) -> bool:
        """Return True for an order that we have sent as a stop."""
        return self.journal.stops(order_id)

    def flying(self, order_id: str) -> bool:
        """Return True while an order of ours may be at the venue or on its way to it."""
        order = self.manager.orders.find(order_id) if self.manager is not None else None
        return order is not None and not order.ended

    def price(self) -> Decimal | None:
        """Return the last price of the feed while it is fresh."""
        fresh = self._clock() - self._price_ns <= self._most_age_ns
        return self.last_price() if fresh else None

    def last_price(self) -> Decimal | None:
        """Return the last price of the feed, however old."""
        return None if self._price is None else plain(self._price)


def plain(number: float) -> Decimal:
    """Return a price or lot as the venue takes it: at most PRICE_DECIMALS decimals."""
    return Decimal(repr(round(number, PRICE_DECIMALS)))
