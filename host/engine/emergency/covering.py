"""The stop that a position has not got: an entry that was filled while nobody was there to place one.

Only for a position that our own executions make up: what else is on the account is a person's to judge.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from host.engine.emergency.liquidation import Rules
from host.engine.emergency.port import Port
from host.engine.emergency.stops import protective_stop, uncovered

# So often the venue may refuse, or lose, the stop of one emergency.
MOST_TRIES = 3


class Next(Enum):
    """What is to be done about a position."""

    NOTHING = auto()
    WAIT = auto()  # what is known will change: ask again
    PLACE = auto()


class Cover:
    """One venue's. distance_bps -- from the price to the stop"""

    def __init__(self, port: Port, distance_bps: float) -> None:
        self._port = port
        self._distance_bps = distance_bps
        self.order_id = ""
        self._left = 0

    def begin(self, wanted: bool) -> None:
        """Start for a new emergency."""
        self._left = MOST_TRIES if wanted else 0
        self.order_id = ""

    def look(self, position: Decimal, stops: Iterable[dict[str, Any]]) -> Next:
        """Judge what the venue says is there."""
        if not self._left or not uncovered(position, stops):
            return Next.NOTHING
        explained = self._port.explained()
        if explained is None or self._port.flying(self.order_id):
            return Next.WAIT
        return Next.PLACE if explained else Next.NOTHING

    def request(
        self,
        position: Decimal,
        stops: Iterable[dict[str, Any]],
        price: Decimal | None,
        rules: Rules,
    ) -> dict[str, Any] | None:
        """Return the order for what no stop covers; None ends the search."""
        bare = uncovered(position, stops).copy_sign(position)
        order_id, found = self._port.new_id(), None
        if price is not None:
            found = protective_stop(order_id, bare, price, self._distance_bps, rules)
        self._left = 0 if found is None else self._left - 1
        self.order_id = "" if found is None else order_id
        return found
