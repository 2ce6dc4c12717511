"""One exchange account behind the protocol of host.venues: each request, and what it is answered.

Orders of one id are worked on one after the other; different ids do not wait for each other. An outcome
that nobody knows is `unknown`, and is found out by the client order id: at once for a cancel, and for an
order once the exchange would refuse it as too old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any

from host import layout
from host.engine.provenance import LADDER
from host.exchange.account import FOREIGN, Account, Known
from host.exchange.capabilities import Exchange
from host.exchange.carrying import Carrying
from host.exchange.checking import Checking, Refusal
from host.exchange.dialect import Dialect, Report
from host.exchange.ids import Ids
from host.exchange.looking import ERRORS, Looking
from host.exchange.questions import Questions
from host.exchange.reasons import REFUSED_BY_EXCHANGE
from host.exchange.transport import Ticket
from host.hotpath.wiregate import WireGate
from host.modes import Intent
from host.venues import events as ev
from host.venues import messages as m

Tell = Callable[[ev.Ev], None]
# Beyond `valid_ms`, for clocks that differ: only then has an order that is nowhere never been.
GRACE_MS = 500
_FLYING_S = 0.005
_CANCELS = 3


class Connector:
    """Serves one symbol of one exchange.

    guard -- words of the guard's page, for the token of the ladder
    strategies -- whose orders are ours; the ladder's are in any case
    tell(event) -- to every client that trades
    """

    def __init__(
        self,
        dialect: Dialect,
        row: Exchange,
        gate: WireGate,
        guard: Any,
        strategies: Iterable[str],
        tell: Tell,
        alarm: Callable[[str], None],
    ) -> None:
        self._dialect, self._row, self._guard = dialect, row, guard
        self._tell, self._alarm = tell, alarm
        self._ids = Ids(row.ids, (LADDER, *strategies))
        self.rules = dialect.rules()
        # Spot sells what is there: no exchange has reduce-only orders on it.
        self.can = row.can - ({"reduce_only"} if dialect.market["spot"] else set())
        self._checking = Checking(self.rules, self.can, self._ids)
        self.account = Account(self._ids, self.rules.base, self.rules.quote)
        self.looking = Looking(dialect, self.account, self.rules.step, tell, alarm)
        self._carry = Carrying(dialect.x, gate, alarm)
        self._questions = Questions(
            dialect, self._ids, self.account, self.looking, self.rules, self.can
        )
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def begin(self) -> None:
        """Take over what stands at the exchange. Raises ccxt's errors."""
        await self._questions.answer(m.AskMark(0))
        await self.looking.begin()

    async def handle(self, message: m.Message, answer: Tell) -> None:
        """Carry out one request; `answer` goes to its sender alone. Raises ccxt's errors of a query."""
        match message:
            case m.New():
                await self._one_at_a_time(message.id, self._new(message, answer))
            case m.Cancel():
                await self._one_at_a_time(message.id, self._cancel(message, answer))
            case m.Amend():
                await self._one_at_a_time(message.id, self._amend(message, answer))
            case m.Oco():
                answer(ev.Reject(message.id, m.NOT_SUPPORTED))
                answer(ev.Reject(message.stop_id, m.NOT_SUPPORTED))
            case m.CancelAll():
                await self._cancel_all(answer)
            case m.AskOrder():
                await self._one_at_a_time(message.id, self._questions.order(message, answer))
            case m.SetDeadman():
                await self._deadman(message, answer)
            case _:
                answer(await self._questions.answer(message))

    # -- orders -----------------------------------------------------------------------------

    async def _new(self, order: m.New, answer: Tell) -> None:
        if order.id in self.account.orders or order.id.startswith(FOREIGN):
            answer(ev.Reject(order.id, m.DUPLICATE_ID))
            return
        try:
            placing = self._checking.new(order, self._questions.mark)
            if self._checking.bound(order):
                self._checking.reduces(order, (await self._dialect.position())[0])
        except Refusal as refusal:
            answer(ev.Reject(order.id, refusal.reason))
            return
        intent, token = Intent[order.intent], self._guard.load(layout.GUARD_LADDER_TOKEN)
        known = self.account.begin(
            order.id, placing.wire, order.side, Decimal(order.qty), self._until()
        )
        ticket = Ticket(intent, placing.wire.encode(), token)
        why = await self._carry.out(ticket, lambda: self._dialect.place(placing))
        if why is None:
            known.sure = True
            answer(ev.Ack(order.id))
        elif why:
            self.account.drop(known)
            answer(ev.Reject(order.id, why))
        else:
            answer(ev.Unknown(order.id, "new", "nobody answered"))
        known.busy = False
        known.until_ns = self._until()
        self.looking.hint()

    async def _cancel(self, request: m.Cancel, answer: Tell) -> None:
        order = await self._standing(request.id)
        if order is None or order.report is None:
            answer(ev.CancelReject(request.id, m.UNKNOWN_ORDER))
            return
        report = order.report
        why = await self._carry.out(None, lambda: self._dialect.cancel(report))
        if why == "":
            answer(ev.Unknown(request.id, "cancel", "nobody answered"))
        elif why is not None and why != m.UNKNOWN_ORDER:
            answer(ev.CancelReject(request.id, why))
        await self._looked()  # it tells that the order is over, after its last execution
        if why is None and not order.over:
            self.looking.hint()
        if why == m.UNKNOWN_ORDER:
            answer(ev.CancelReject(request.id, why))

    async def _amend(self, request: m.Amend, answer: Tell) -> None:
        order = await self._standing(request.id)
        try:
            if order is None or order.report is None:
                raise Refusal(m.UNKNOWN_ORDER)
            if "amend" not in self.can:
                raise Refusal(m.NOT_SUPPORTED)
            report, qty, price, stop = order.report, *self._amended(order.report, request)
        except Refusal as refusal:
            answer(ev.AmendReject(request.id, refusal.reason))
            return
        # Every request of an amendment names the order by the exchange's own number.
        ticket = Ticket(Intent[request.intent], report.ref.removeprefix("a").encode())
        why = await self._carry.out(ticket, lambda: self._dialect.amend(report, qty, price, stop))
        if why == "":
            order.mine = False  # whether it is what it was, the exchange alone knows
            answer(ev.Unknown(request.id, "amend", "nobody answered"))
        elif why is not None:
            answer(ev.AmendReject(request.id, why))
        else:
            order.qty = Decimal(qty)
            self._tell(ev.Amended(request.id, qty, price, stop))
        await self._looked()

    def _amended(self, report: Report, wanted: m.Amend) -> tuple[str, str | None, str | None]:
        qty = report.qty if wanted.qty is None else self._checking.qty(wanted.qty)
        price = report.price if wanted.price is None else self._checking.price(wanted.price)
        stop = report.stop if wanted.stop is None else self._checking.price(wanted.stop)
        if (report.price is None and price is not None) or (
            report.stop is None and stop is not None
        ):
            raise Refusal(m.BAD_PRICE)
        if qty <= report.filled:
            raise Refusal(m.BELOW_FILLED_QTY)
        if (
            wanted.intent == Intent.REDUCE.name
            and not report.reduces(bool(self._dialect.market["spot"]))
            and qty > report.qty
        ):
            raise Refusal(m.REDUCE_ONLY_WOULD_INCREASE)
        return m.plain(qty), _text(price), _text(stop)

    async def _cancel_all(self, answer: Tell) -> None:
        """Cancel everything, then what was on its way meanwhile: no order sent before survives it."""
        before: dict[str, Known] = {}
        why: str | None = None
        for _ in range(_CANCELS):
            flying = [order for order in self.account.open() if order.busy]
            before |= {order.id: order for order in self.account.open() if order.sure}
            self.looking.silent |= before.keys()
            why = await self._cancelled([order.report for order in before.values() if order.report])
            while any(order.busy for order in flying):
                await asyncio.sleep(_FLYING_S)
            await self._looked()
            left = [order for order in self.account.open() if order.sure]
            if not left:
                break
        self.looking.silent -= before.keys()
        gone = [name for name, order in before.items() if order.over and order.state != "filled"]
        if why is None and not left:
            self._tell(ev.CancelledAll(gone))
            return
        for name in gone:
            self._tell(ev.Cancelled(name, filled=m.plain(before[name].filled)))
        answer(ev.Reject(None, why or REFUSED_BY_EXCHANGE))

    async def _cancelled(self, reports: list[Report]) -> str | None:
        return await self._carry.out(None, lambda: self._dialect.cancel_all(reports))

    async def _deadman(self, request: m.SetDeadman, answer: Tell) -> None:
        switch = self._row.deadman
        if switch is None or "deadman" not in self.can:
            answer(ev.Reject(None, m.NOT_SUPPORTED))
            return
        wanted = switch.fitting_ms(request.timeout_ms)
        answer(ev.Deadman(request.req, await self._dialect.deadman(wanted)))

    # -- how --------------------------------------------------------------------------------

    async def _standing(self, order_id: str) -> Known | None:
        """Return an order as the exchange has it, when it is not over."""
        order = self.account.orders.get(order_id)
        if order is None or order.report is None:
            await self._looked()
            order = self.account.orders.get(order_id)
        return None if order is None or order.over else order

    async def _looked(self) -> None:
        try:
            await self.looking.look()
        except ERRORS as error:
            self._alarm(f"{type(error).__name__}: {error}")
            self.looking.hint()

    def _until(self) -> int:
        return time.monotonic_ns() + (self._dialect.valid_ms + GRACE_MS) * 1_000_000

    async def _one_at_a_time(self, order_id: str, work: Awaitable[None]) -> None:
        lock, waiting = self._locks.get(order_id, (asyncio.Lock(), 0))
        self._locks[order_id] = lock, waiting + 1
        try:
            async with lock:
                await work
        finally:
            lock, waiting = self._locks.pop(order_id)
            if waiting > 1:
                self._locks[order_id] = lock, waiting - 1


def _text(value: Decimal | None) -> str | None:
    return None if value is None else m.plain(value)
