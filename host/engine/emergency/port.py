"""What the ladder needs of a venue: one object for each, made by the engine or by a test."""

from decimal import Decimal
from typing import Any, Protocol

from host.modes import Intent


class Port(Protocol):
    """One venue, through the gate, which lets no order of the ladder by that could open.

    reduce_only -- the venue knows orders that can only reduce
    """

    name: str
    reduce_only: bool

    def reachable(self) -> bool:
        """Return True while a connection for orders stands."""

    def send(self, request: dict[str, Any], intent: Intent, token: int = 0) -> int:
        """Send one request through the gate; return a code of host.refusals."""

    def ask(self, op: str, req: int) -> None:
        """Send a query that changes nothing; the answer comes as an event with this `req`."""

    def new_id(self) -> str:
        """Return a client order id that was never used."""

    def entries(self) -> list[str]:
        """Return the ids of our own orders that are not protective stops, as far as we know."""

    def stops(self, order_id: str) -> bool:
        """Return True for an order that we have sent as a stop."""

    def explained(self) -> bool | None:
        """Return whether our own executions make up the position; None while nobody knows yet."""

    def flying(self, order_id: str) -> bool:
        """Return True while an order of ours may be at the venue or on its way to it."""

    def price(self) -> Decimal | None:
        """Return the last price of our own feed while it is fresh."""

    def last_price(self) -> Decimal | None:
        """Return the last price we ever saw, however old."""
