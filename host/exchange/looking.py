"""Looking: what the exchange's own lists say is the truth, messages only say that it is time to look.

A message that is lost, doubled or late therefore costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt

from host.exchange.account import Account, Known
from host.exchange.dialect import ZERO, Dialect, Hostile, Report, Trade
from host.venues import events as ev
from host.venues import messages as m

# Executions are asked for from so long before the newest: the exchange may list one late.
OVERLAP_MS = 60_000
# An order that the exchange lists nowhere is given up after so many looks.
MOST_MISSES = 3
_LONGEST_PAUSE_S = 30.0
# The exchange's lists may not agree for a moment: asked again soon, then less and less often.
_AGAIN_S = 0.05
_CONTRADICTION = 6
_EXECUTIONS_S = 10.0
_STILL = 5
# A position that the executions do not explain is believed when it is said so many times in a row.
_SAID = 3
ERRORS = (ccxt.BaseError, Hostile, KeyError, IndexError, TypeError, ValueError, ArithmeticError)


class Looking:
    """Keeps an Account true.

    tell(event) -- to every client that trades
    alarm(text) -- of what an exchange should never say
    """

    def __init__(
        self,
        dialect: Dialect,
        account: Account,
        step: Decimal,
        tell: Callable[[ev.Ev], None],
        alarm: Callable[[str], None],
    ) -> None:
        self._dialect = dialect
        self._account = account
        self._step = step
        self._tell = tell
        self._alarm = alarm
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._misses: dict[str, int] = {}
        # An execution is listed that its order does not know of yet, or the other way round.
        self._waits = False
        self._held = ZERO
        self._begun = self._done = self._told = 0
        self._thorough = False
        self._executions_at = 0.0
        self._begun_ms = 0
        self.silent: set[str] = set()  # ids whose end is told by somebody else

    async def begin(self) -> None:
        """Take over what is there. What has happened until now is not news."""
        self._begun_ms = int(self._dialect.x.milliseconds()) - OVERLAP_MS
        open_orders = await self._dialect.open_orders()
        for _ in range(_STILL):
            trades = await self._dialect.trades(self._begun_ms)
            before, open_orders = open_orders, await self._dialect.open_orders()
            if open_orders == before:
                break  # nothing was filled around the list of executions
        for report in open_orders:
            self._account.recall(report)
        for trade in self._account.fresh(trades):
            if self._account.of(trade) is None:
                self._account.recall(await self._dialect.order_by_ref(trade.ref))
            self._account.skip(trade)
        self._held = (await self._dialect.position())[0]

    def hint(self) -> None:
        """There may be news."""
        self._news.set()

    async def run(self, period_s: float) -> None:
        """Look whenever there is a hint, and every `period_s`; less often while it leads to nothing."""
        failures = patience = 0
        while True:
            wait_s = min(period_s * 2**failures, _LONGEST_PAUSE_S)
            if self._waits:
                wait_s = min(wait_s, _AGAIN_S * 2**patience)
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self.look()
                failures = 0
            except ERRORS as error:
                failures += failures < 5
                self._alarm(f"cannot look at the account: {type(error).__name__}: {error}")
                await asyncio.sleep(_AGAIN_S)
            patience = patience + 1 if self._waits else 0
            if patience == _CONTRADICTION:
                self._alarm("the exchange's lists of orders and of executions do not agree")

    async def listen(self, watch: Callable[..., Any], symbol: str) -> None:
        """Take every message of a subscription as a hint; begin again when it ends."""
        pause_s = 1.0
        while True:
            try:
                await watch(symbol)
                pause_s = 1.0
                self._thorough = True
                self.hint()
            except (*ERRORS, OSError, AttributeError) as error:
                self._alarm(f"no messages about orders: {type(error).__name__}: {error}")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def look(self, thorough: bool = False) -> None:
        """Compare with the exchange and tell what is new; who asks meanwhile shares the next look.

        Executions are asked for when an order says that it has more than were told, when the look is
        `thorough`, and every now and then: somebody else's would show in no order of ours.
        """
        self._thorough |= thorough
        wanted = self._begun + 1
        async with self._lock:
            if self._done >= wanted:
                return
            self._begun += 1
            await self._compare()
            self._done = self._begun

    async def _compare(self) -> None:
        listed = {}
        for report in await self._dialect.open_orders():
            listed[self._learn(report).id] = report
        ended = [
            (order, await self._asked(order))
            for order in self._account.open()
            if order.id not in listed and self._may_be_there(order)
        ]
        behind = any(
            order.filled < order.report.filled for order in self._account.open() if order.report
        )
        if behind or self._thorough or time.monotonic() - self._executions_at > _EXECUTIONS_S:
            self._thorough = False
            self._executions_at = time.monotonic()
            await self._executions()
        for order, now in ended:
            if order.sure:
                self._end(order, now)

    def _may_be_there(self, order: Known) -> bool:
        """Whether to ask for an order that is not listed: also one whose outcome nobody knows yet."""
        return not order.busy and (order.sure or time.monotonic_ns() < order.until_ns)

    async def _asked(self, order: Known) -> Report | None:
        if order.id.startswith("foreign:"):
            try:
                named = await self._dialect.order_by_ref(next(iter(order.refs)))
            except ccxt.OrderNotFound:
                return None
            return named if self._learn(named) is order else None
        found = await self._dialect.order(order.wire)
        if found is not None:
            self._learn(found)
        return found

    def _learn(self, report: Report) -> Known:
        known = self._account.orders.get(self._account.name(report))
        late = known is not None and not known.sure and not known.busy
        order = self._account.learn(report)
        if late and report.state != "rejected":
            self._tell(ev.Ack(order.id))  # its outcome was unknown until now
        return order

    def check(self, trade: Trade, order: Known) -> None:
        """See that an execution can be one of this order. Raises Hostile."""
        if trade.qty <= 0 or trade.price <= 0 or trade.qty % self._step or trade.side != order.side:
            raise Hostile(f"an execution {trade.trade} that is none of order {order.id}")

    async def _executions(self) -> None:
        """Tell each new execution that the order itself knows of as well: two answers that agree."""
        since_ms = max(self._begun_ms, self._account.newest_ms - OVERLAP_MS)
        self._waits = False
        for trade in list(self._account.fresh(await self._dialect.trades(since_ms))):
            order = await self._owner(trade)
            if order.busy:
                continue  # the answer to its request comes first, and with it a hint
            self.check(trade, order)
            if order.report is None or order.filled + trade.qty > order.report.filled:
                self._waits = True
                continue
            self._tell(self._account.tell(trade, order))
            self._told += 1

    async def _owner(self, trade: Trade) -> Known:
        order = self._account.of(trade)
        if order is not None:
            return order
        for stop in self._account.open():  # a stop that has triggered is an order of another number
            if stop.report is not None and stop.report.stop is not None and not stop.busy:
                await self._asked(stop)
        order = self._account.of(trade)
        return order or self._learn(await self._dialect.order_by_ref(trade.ref))

    def _end(self, order: Known, now: Report | None) -> None:
        if now is None:
            self._misses[order.id] = self._misses.get(order.id, 0) + 1
            if self._misses[order.id] < MOST_MISSES:
                return
            self._alarm(f"the exchange has lost order {order.id}")
        elif now.state == "open":
            return
        elif order.filled < now.filled:
            self._waits = True  # an execution is missing from the list: the end is told after it
            return
        self._misses.pop(order.id, None)
        order.over = True
        if (now is None or now.state != "filled") and order.id not in self.silent:
            self._tell(ev.Cancelled(order.id, filled=m.plain(order.filled)))

    async def settled(self, order: Known, until_ns: int) -> Report | None:
        """Return what became of an order, once it is sure that it cannot come to be any more."""
        while True:
            found = await self._dialect.order(order.wire)
            if found is not None or time.monotonic_ns() >= until_ns:
                return found
            await asyncio.sleep(min(0.5, max(0.01, (until_ns - time.monotonic_ns()) / 1e9)))

    async def position(self) -> tuple[Decimal, Decimal]:
        """Return position and cash of a moment at which every execution had been told.

        What differs from the position at the beginning and the executions since (a transfer, a
        liquidation, or a lie) is believed only after the exchange has said it again and again.
        """
        said = 0
        last: Decimal | None = None
        for _ in range(4 * _SAID):
            told, found = self._told, await self._dialect.position()
            if found[0] == self._held + self._account.moved:
                return found
            await self.look(thorough=True)
            if told != self._told:
                continue  # there was an execution meanwhile: before or after the answer, nobody knows
            said = said + 1 if found[0] == last else 1
            last = found[0]
            if said == _SAID:
                self._alarm(
                    f"the position is {last}, of executions {self._held + self._account.moved}"
                )
                self._held = last - self._account.moved
                return found
        raise Hostile("positions that differ from one answer to the next")
