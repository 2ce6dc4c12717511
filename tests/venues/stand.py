"""A venue under test: its socket, its market, its misbehaviour, and what it knows itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from host.paper.mischief import KINDS
from tests.venues.trader import Trader

# What a stand can be told to do wrong, and what the suite then looks for.
MISBEHAVIOUR = KINDS | {
    "maintenance": "requests are refused as MAINTENANCE, or nobody knows their outcome",
    "throttled": "the next request that changes orders meets a 429 or a 5xx first",
}


@dataclass(frozen=True)
class Truth:
    """What the venue itself has on record: its server's state or its record file, not its answers."""

    open: dict[str, Decimal]  # our id: quantity left
    position: Decimal
    trades: list[str]  # ids of our orders, one for each execution, oldest first


class Stand(ABC):
    """A venue, up and in its market; `with` takes it down.

    socket -- where the venue listens, or will
    price -- the middle of the market at the beginning: whole ticks
    tick, lot -- steps of price and quantity
    qty -- an ordinary quantity: it and its quarter are whole lots above every minimum
    deadman_ms -- the shortest time of its dead man's switch, if it has one
    misbehaves -- the rows of MISBEHAVIOUR that it can be told
    """

    name: str
    price: Decimal
    tick: Decimal
    lot: Decimal
    qty: Decimal
    deadman_ms: int = 1_000
    misbehaves: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "venue"
        self._traders: list[Trader] = []

    def join(self) -> Trader:
        """Return a new client that trades; it has been welcomed."""
        self._traders.append(Trader(self.socket))
        return self._traders[-1]

    def at(self, ticks: int) -> Decimal:
        """Return the price so many ticks above (below) the beginning's."""
        return self.price + ticks * self.tick

    @abstractmethod
    def quote(self, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Move the market: `size` is offered on either side, once.

        What it crosses fills, up to `size`: market orders, limit orders at or beyond bid or ask, stops
        at or beyond. A stand whose venue fills at once may have filled against the quote before.
        """

    @abstractmethod
    def misbehave(self, what: str) -> None:
        """Do one row of `misbehaves`: once, or until `behave`."""

    @abstractmethod
    def behave(self) -> None:
        """End every misbehaviour."""

    @abstractmethod
    def truth(self) -> Truth:
        """Look at the venue's own record."""

    @abstractmethod
    def take_down(self) -> None:
        """End the venue. Raises AssertionError when it had crashed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for trader in self._traders:
            trader.close()
        self.take_down()
