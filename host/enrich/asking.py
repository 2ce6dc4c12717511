"""Reserve, ask, settle; try again where that makes sense. Each try is reserved apart."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from host.enrich import money, opinion, prompt
from host.enrich.account import Refused
from host.enrich.breaker import Breaker
from host.enrich.grok import Answer, Grok
from host.enrich.ledger import Budget
from host.enrich.opinion import Malformed, Opinion
from host.enrich.prompt import Question

BACK_OFF_S = 1.0
# A wait that the API asks for and that is longer is left to the breaker.
MOST_WAIT_S = 5.0
# Failures of an API that is well: it has answered, only not what was asked.
USELESS = ("MALFORMED", "REFUSAL", "CUT_SHORT")

Record = Callable[[Answer, int, int], None]


class Asker:
    """Spends money, and only inside the budget.

    record(answer, cost in ticks, symbols) -- keeps what became of each request
    count(name) -- counts one event
    """

    def __init__(
        self,
        model: str,
        tries: int,
        grok: Grok,
        budget: Budget,
        record: Record,
        count: Callable[[str], None],
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.breaker = Breaker()
        self._model = model
        self._tries = tries
        self._grok = grok
        self._budget = budget
        self._record = record
        self._count = count
        self._monotonic_s = monotonic_s
        self._sleep = sleep

    async def now_s(self) -> int:
        """Return the API's time, which every reservation needs. Raises Refused."""
        if self._grok.clock.now_s() is None:
            await self._grok.look_at_clock()
        now_s = self._grok.clock.now_s()
        if now_s is None:
            raise Refused("CLOCK_UNKNOWN", "the API does not answer: its clock is not known")
        return now_s

    async def ask(self, questions: Sequence[Question]) -> dict[str, Opinion]:
        """Return what the model says; symbols on which it says nothing usable are missing.

        Raises Refused when nothing may be asked or nothing usable came.
        """
        body = prompt.request(self._model, questions, secrets.token_hex(8))
        asked = [question.symbol for question in questions]
        idempotency = secrets.token_hex(16)
        failure = ""
        for attempt in range(self._tries):
            if not self.breaker.permits(self._monotonic_s()):
                raise Refused("CIRCUIT_OPEN", failure or "the API failed too often: later")
            answer = await self._once(body, len(asked), idempotency)
            failure = answer.failure
            if not failure:
                return self._read(answer, asked)
            if not answer.again or answer.retry_after_s > MOST_WAIT_S:
                break
            if attempt + 1 < self._tries:
                spread = random.uniform(0.5, 1.5)
                await self._sleep(max(answer.retry_after_s, BACK_OFF_S * 2**attempt * spread))
        raise Refused(failure, f"the API gave nothing usable: {failure}")

    async def _once(self, body: dict[str, Any], symbols: int, idempotency: str) -> Answer:
        worst = money.worst_ticks(
            self._budget.limits.prices, prompt.sent_bytes(body), body["max_completion_tokens"]
        )
        key = self._budget.reserve(await self.now_s(), worst)
        try:
            answer = await self._grok.ask(body, idempotency)
        except asyncio.CancelledError:
            self._settle(key, None)
            raise
        cost = self._cost(answer)
        self._settle(key, cost)
        self._record(answer, worst if cost is None else cost, symbols)
        if answer.failure in USELESS or not answer.failure:
            self.breaker.succeeded()
        else:
            self.breaker.failed(self._monotonic_s(), answer.retry_after_s)
        return answer

    def _cost(self, answer: Answer) -> int | None:
        """Return what the request cost; by the price table only where the API does not say."""
        if answer.billed == "unknown":
            return None
        if answer.billed == "no":
            return 0
        if answer.cost_ticks is not None:
            return answer.cost_ticks
        self._count("cost_by_price_table")
        read, written = self._budget.limits.prices
        return answer.input_tokens * read + answer.output_tokens * written

    def _settle(self, key: str, cost: int | None) -> None:
        """One that cannot be settled stays at its worst case: no money is lost in silence."""
        try:
            self._budget.settle(self._grok.clock.now_s() or 0, key, cost)
        except Refused:
            self._count("settlement_failed")

    def _read(self, answer: Answer, asked: list[str]) -> dict[str, Opinion]:
        try:
            found, dropped = opinion.parse(answer.content, asked, self._grok.clock.now_s() or 0)
        except Malformed as error:
            self._count("answer_malformed")
            raise Refused("MALFORMED", str(error)) from None
        if dropped:
            self._count("opinions_dropped")
        return found
