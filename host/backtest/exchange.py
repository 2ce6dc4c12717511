"""The paper venue in this process: its tape, its book and its desk, and no socket before them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from host.backtest.market import Market
from host.costs import Costs
from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.fees import Fees
from host.paper.latency import Latency
from host.paper.market import Row, Rules
from host.venues import messages as m

Event = dict[str, Any]


class Exchange:
    """Plays rows and carries requests out; all that it says is as it would be on the wire.

    row -- the last one played
    """

    def __init__(
        self, market: Market, costs: Costs, latency: Latency, clock: Callable[[], int]
    ) -> None:
        bps, slip = Decimal(repr(costs.fee_bps)), Decimal(repr(costs.slippage_bps))
        rules = Rules(market.tape.tick)
        self._tape = market.tape
        self.book = Book(rules, Fees(bps, bps), latency, slip_share=slip / 10_000)
        self._desk = Desk(self.book, clock)
        self.row: Row | None = None

    def play(self, number: int) -> list[Event]:
        """Play a row; return what it did to the account."""
        self.row = self._tape.row(number)
        return [_wire(event) for event in self.book.on_row(self.row)]

    def pass_over(self, number: int, rows: int) -> None:
        """Rows went by that reached no order, up to this one."""
        self.row = self._tape.row(number)
        self.book.pass_over(self.row, rows)

    def packet(self, number: int) -> Event:
        """Return what the feed says of a row."""
        told: Event = msgspec.json.decode(self._tape.packet(number))
        return told

    def carry_out(self, packet: bytes) -> list[Event]:
        """Take one request; return the answers."""
        try:
            result = self._desk.handle("trade", m.understand(packet))
        except m.BadMessage as error:
            result = self._desk.refuse("trade", error)
        return [_wire(event) for event in (*result.to_sender, *result.to_traders)]


def _wire(event: Any) -> Event:
    told: Event = msgspec.json.decode(m.encode(event))
    return told
