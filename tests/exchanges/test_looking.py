"""Looking at an exchange whose lists are stale, short, doubled or out of reach: all adds up in the end.

No network and no clock: a Market behind a dialect whose every answer hypothesis may spoil in a way that
real exchanges do. BOT4_LOOKS sets how many histories are tried.
"""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

import ccxt
from hypothesis import given, settings
from hypothesis import strategies as st

from host.exchange.account import Account
from host.exchange.dialect import Hostile, Report, Trade
from host.exchange.ids import Form, Ids
from host.exchange.looking import Looking
from host.venues import events as ev
from tests.exchanges.market import Market, Order, Refused

LOOKS = int(os.environ.get("BOT4_LOOKS", "150"))
FAULTS = ("none", "stale", "short", "doubled", "unreachable")


class Spoilt:
    """A dialect with a fault in each of its answers."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.faults: list[str] = []
        self.x = SimpleNamespace(milliseconds=lambda: 0)
        self._seen: dict[str, Any] = {}

    def _answer(self, what: str, now: Any) -> Any:
        fault = self.faults.pop() if self.faults else "none"
        before, self._seen[what] = self._seen.get(what, now), now
        if fault == "unreachable":
            raise ccxt.NetworkError("gone")
        if fault == "stale":
            return before
        if isinstance(now, list) and fault == "short":
            return now[:-1]
        return now + now[-1:] if isinstance(now, list) and fault == "doubled" else now

    async def open_orders(self) -> list[Report]:
        return list(self._answer("open", [_report(order) for order in self.market.open()]))

    async def order(self, wire: str) -> Report | None:
        found = self.market.by_wire(wire)
        answer: Report | None = self._answer(wire, None if found is None else _report(found))
        return answer

    async def order_by_ref(self, ref: str) -> Report:
        return _report(self.market.orders[int(ref)])

    async def trades(self, since_ms: int) -> list[Trade]:
        found = [
            Trade(str(e.ref), str(e.trade), "buy", e.qty, e.price, e.fee, "USDT", False, e.trade)
            for e in self.market.executions
        ]
        return list(self._answer("trades", found))

    async def position(self) -> tuple[D, D]:
        held: tuple[D, D] = self._answer("position", (self.market.base, self.market.quote))
        return held


def _report(order: Order) -> Report:
    states: Any = {"open": "open", "filled": "filled", "cancelled": "cancelled"}
    return Report(order.wire, str(order.ref), "buy", order.qty, order.filled, order.price, None,
                  False, states[order.state], (str(order.ref),))  # fmt: skip


class Trader:
    """Orders, the market, and what is told of them."""

    def __init__(self) -> None:
        self.market = Market(spot=True, stops_apart=False)
        self.dialect = Spoilt(self.market)
        self.account = Account(Ids(Form("dashed", 36)), "BTC", "USDT")
        self.events: list[ev.Ev] = []
        self.looking = Looking(
            self.dialect,
            self.account,
            self.market.lot,
            self.events.append,
            lambda _text: None,  # type: ignore[arg-type]
        )
        self.looking._begun_ms = 0
        self.placed = 0

    async def step(self, what: str, number: int, faults: list[str]) -> None:
        """Do one thing; a look that fails is a look that says nothing."""
        if what == "place":
            self.placed += 1
            wire = f"a-1-1-{self.placed}"
            order = self.account.begin(f"a.1.1.{self.placed}", wire, "buy", D(1), 2**63)
            self.market.new(wire, "buy", "limit", "1", str(90 + number))
            order.busy, order.sure = False, "unreachable" not in faults[:1]
        elif what == "move":
            self.market.move(D(89 + number), D(90 + number), D(number % 4 + 1) / 4)
        elif what == "cancel":
            try:
                self.market.cancel(70_000_001 + number)
            except Refused:
                return
        else:
            self.dialect.faults = faults
            try:
                await (
                    self.looking.position() if what == "ask" else self.looking.look(what == "deep")
                )
            except (ccxt.NetworkError, Hostile):
                return

    async def settle(self) -> None:
        """Look until nothing is new, with nothing wrong any more."""
        self.dialect.faults = []
        for _ in range(6):
            await self.looking.look(thorough=True)


steps = st.lists(
    st.tuples(
        st.sampled_from(["place", "move", "move", "cancel", "look", "look", "deep", "ask"]),
        st.integers(0, 9),
        st.lists(st.sampled_from(FAULTS), max_size=5),
    ),
    max_size=40,
)


@settings(max_examples=LOOKS, deadline=None)
@given(steps=steps)
def test_every_execution_is_told_once_and_every_end_after_its_last(
    steps: list[tuple[str, int, list[str]]],
) -> None:
    async def history() -> Trader:
        trader = Trader()
        for step in steps:
            await trader.step(*step)
        await trader.settle()
        return trader

    trader = asyncio.run(history())
    market, fills = trader.market, [e for e in trader.events if isinstance(e, ev.Fill)]
    assert [(f.trade, f.qty, f.price) for f in sorted(fills, key=lambda f: int(f.trade))] == [
        (str(e.trade), format(e.qty.normalize(), "f"), format(e.price.normalize(), "f"))
        for e in market.executions
    ]
    ids = {order.wire.replace("-", "."): order for order in market.orders.values()}
    assert {fill.id for fill in fills} <= ids.keys()
    ends = [e for e in trader.events if isinstance(e, ev.Cancelled)]
    assert sorted(end.id for end in ends) == sorted(
        name for name, order in ids.items() if order.state == "cancelled"
    )
    for at, event in enumerate(trader.events):
        if isinstance(event, ev.Cancelled):
            told = [f for f in trader.events[:at] if isinstance(f, ev.Fill) and f.id == event.id]
            assert sum((D(f.qty) for f in told), D(0)) == ids[event.id].filled == D(event.filled)
    assert {order.id for order in trader.account.open()} == {
        name for name, order in ids.items() if order.state == "open"
    }
    assert trader.account.moved == sum((D(fill.qty) for fill in fills), D(0))
