"""Client order ids that say who made an order, in which run, in which epoch of the mode.

    trend.18c2f0a1b2c.7.42      strategy, run (hex ms since 1970), mode epoch, number in the run

An order on the account is ours when its id reads so and, for the present run, when we know that we
sent it: an id that only looks like one of this run was made by somebody else.
"""

import re
from dataclasses import dataclass

from host.hotpath.ordertext import Serial

_FORM = re.compile(r"([a-z0-9]{1,12})\.([0-9a-f]{1,12})\.([0-9]{1,10})\.([0-9]{1,12})", re.ASCII)
# The ladder's own orders.
LADDER = "ladder"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an id says."""

    strategy: str
    run: int
    epoch: int
    number: int


def read(order_id: str) -> Origin | None:
    """Return what an id says, or None when it is not one of ours."""
    found = _FORM.fullmatch(order_id)
    if found is None:
        return None
    return Origin(found[1], int(found[2], 16), int(found[3]), int(found[4]))


class Ids:
    """Makes the ids of one run and knows which it made.

    serial -- shared with the compiled path, which makes ids of its own
    """

    def __init__(self, strategy: str, run_ms: int) -> None:
        self._strategies = (strategy, LADDER)
        self._run = run_ms
        self.serial = Serial()

    @property
    def run(self) -> str:
        """Return the run as its ids have it."""
        return f"{self._run:x}"

    def make(self, strategy: str, epoch: int) -> str:
        """Return a new id."""
        if strategy not in self._strategies:
            raise ValueError(f"no strategy of this run is called {strategy!r}")
        self.serial.last += 1
        return f"{strategy}.{self.run}.{epoch}.{self.serial.last}"

    def ours(self, order_id: str) -> bool:
        """Return True for an id of this run that was made, or of an earlier run of ours."""
        origin = read(order_id)
        if origin is None or origin.strategy not in self._strategies:
            return False
        if origin.run == self._run:
            return 1 <= origin.number <= self.serial.last
        return origin.run < self._run
