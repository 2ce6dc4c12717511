"""Requests that change nothing: each is answered from what the exchange says now."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from host.exchange.account import Account, Known, shown
from host.exchange.dialect import ZERO, Dialect, Rules
from host.exchange.ids import BadId, Ids
from host.exchange.looking import Looking
from host.venues import events as ev
from host.venues import messages as m

# Executions in one answer: all of them must fit into one packet.
PAGE = 200


class Questions:
    """Of one symbol; `mark` is the last price that was asked for."""

    def __init__(
        self,
        dialect: Dialect,
        ids: Ids,
        account: Account,
        looking: Looking,
        rules: Rules,
        can: frozenset[str],
    ) -> None:
        self._dialect, self._ids = dialect, ids
        self._account, self._looking = account, looking
        self._rules, self._can = rules, can
        self.mark: Decimal | None = None

    async def answer(self, question: m.Message) -> ev.Ev:
        """Return the answer. Raises ccxt's errors, and Hostile."""
        match question:
            case m.AskOrders():
                await self._looking.look()
                spot = bool(self._dialect.market["spot"])
                found = [
                    shown(order, spot) for order in self._account.open() if order.report is not None
                ]
                return ev.OpenOrders(question.req, found)
            case m.AskPosition():
                qty, cash = await self._looking.position()
                return ev.Position(question.req, m.plain(qty), m.plain(cash))
            case m.AskMark():
                return await self._marked(question.req)
            case m.AskFills():
                return await self._fills(question)
            case m.AskRules():
                return self._told_rules(question.req)
        raise TypeError(f"no answer is written for {type(question).__name__}")

    async def order(self, question: m.AskOrder, answer: Callable[[ev.Ev], None]) -> None:
        known = self._account.orders.get(question.id)
        if known is None:
            known = Known(question.id, self._wire(question.id), "buy", ZERO)
        found = await self._looking.settled(known, known.until_ns) if known.wire else None
        await self._looking.look(thorough=True)
        if found is None:
            if not known.sure:
                self._account.drop(known)
            answer(ev.OrderState(question.req, question.id, "unknown", "0", "0"))
            return
        self._account.learn(found)
        filled, left = m.plain(found.filled), m.plain(found.qty - found.filled)
        answer(ev.OrderState(question.req, question.id, found.state, filled, left))

    async def _fills(self, question: m.AskFills) -> ev.Fills:
        """Answer with one page. A cursor is a time, and the executions of it that have been given."""
        at, _, names = question.since.partition(":")
        since_ms = int(at) if at.isascii() and at.isdigit() and len(at) < 16 else 0
        given = set(names.split(",")) if since_ms else set()
        await self._looking.look(thorough=True)
        listed = {trade.trade: trade for trade in await self._dialect.trades(since_ms)}
        trades = sorted(listed.values(), key=lambda trade: trade.at_ms)
        left = [
            trade
            for trade in trades
            if trade.at_ms > since_ms or (trade.at_ms == since_ms and trade.trade not in given)
        ]
        page = left[:PAGE]
        fills, done = [], dict.fromkeys((trade.ref for trade in page), ZERO)
        for trade in page:
            order = self._account.of(trade)
            if order is None:
                order = self._account.recall(await self._dialect.order_by_ref(trade.ref))
            done[trade.ref] += trade.qty
            self._looking.check(trade, order)
            rest = max(ZERO, order.qty - done[trade.ref])
            fills.append(self._account.fill(trade, order.id, rest))
        upto = question.since
        if page:
            last_ms = page[-1].at_ms
            same = [trade.trade for trade in page if trade.at_ms == last_ms]
            if last_ms == since_ms:
                same += sorted(given)
            upto = f"{last_ms}:{','.join(same)}"
        return ev.Fills(question.req, fills, upto if len(left) > PAGE else "", upto)

    async def _marked(self, req: int) -> ev.Mark:
        self.mark = await self._dialect.mark()
        rules = self._rules
        known = (rules.tick, rules.step, rules.min_notional)
        return ev.Mark(req, m.plain(self.mark), *map(m.plain, known))

    def _told_rules(self, req: int) -> ev.Rules:
        rules = self._rules
        return ev.Rules(
            req, self._dialect.market["symbol"], rules.base, rules.quote, m.plain(rules.tick),
            m.plain(rules.step), m.plain(rules.min_qty), m.plain(rules.max_qty),
            m.plain(rules.min_notional), "", sorted(self._can),
        )  # fmt: skip

    def _wire(self, order_id: str) -> str:
        try:
            return self._ids.wire(order_id)
        except BadId:
            return ""
