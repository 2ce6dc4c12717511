"""Puts the parts together: what the service and `bot4 enrich ask` both need."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from host.enrich import disk, ledger, money, prompt, records
from host.enrich.account import Account, Limits
from host.enrich.asking import Asker
from host.enrich.files import CACHE, LEDGER, RECORDS, state_dir
from host.enrich.grok import Answer, ApiClock, Grok
from host.enrich.ledger import Budget
from host.enrich.money import Cadence
from host.enrich.prompt import SYMBOLS_PER_REQUEST
from host.enrich.settings import Enrichment
from host.enrich.shared import Shared
from host.enrich.tiers import Tier, Tiers

# Shares of the time to live: from when on a new opinion is asked for, and by how much that is spread.
REFRESH_SHARE, SPREAD_SHARE = 0.7, 0.1


class Parts:
    """Everything but the loop. alert(account) -- the month's money is nearly gone."""

    def __init__(
        self,
        settings: Enrichment,
        key: str,
        alert: Callable[[Account], None],
        clock: ApiClock | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        folder = state_dir(settings)
        self.settings = settings
        self.clock = clock or ApiClock()
        self.counted: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self.records = records.Records(folder / RECORDS)
        self.grok = Grok(settings, key, self.clock)
        redis = ledger.connect(settings.redis_url) if settings.redis_url else None
        self.tiers_by_name: dict[str, Any] = {"disk": disk.Disk(folder / CACHE)}
        if redis is not None:
            self.tiers_by_name["redis"] = Shared(redis)
        kept: ledger.Ledger = (
            ledger.SqliteLedger(folder / LEDGER) if redis is None else ledger.RedisLedger(redis)
        )
        self.budget = Budget(kept, limits(settings), alert)
        self.asker = Asker(
            settings.model,
            settings.tries,
            self.grok,
            self.budget,
            self._record,
            self.count,
            monotonic_s,
            sleep,
        )
        tiers: list[Tier] = list(self.tiers_by_name.values())
        self.tiers = Tiers(settings.model, settings.ttl_s, tiers, self.asker, self.count)

    def count(self, name: str) -> None:
        """Count one event."""
        self.counted[name] += 1

    def flush(self) -> None:
        """Put the counters, and what the tiers could not do, into the records."""
        for name, tier in self.tiers_by_name.items():
            self.counted[f"{name}_failed"] += tier.failures - self._failures[name]
            self._failures[name] = tier.failures
        now_s = self.clock.now_s()
        counted = Counter({name: number for name, number in self.counted.items() if number})
        if now_s is not None and counted:
            self.records.count(money.month_of(now_s), counted)
            self.counted.clear()

    async def close(self) -> None:
        """Let go of everything."""
        self.flush()
        await self.grok.close()
        self.tiers.close()
        self.records.close()

    def _record(self, answer: Answer, cost: int, symbols: int) -> None:
        now_s = self.clock.now_s() or 0
        call = records.Call(
            now_s,
            answer.latency_ms,
            answer.failure,
            cost,
            symbols,
            answer.input_tokens,
            answer.cached_tokens,
            answer.output_tokens,
        )
        self.records.called(call, self.settings.trial)


def limits(settings: Enrichment) -> Limits:
    """Return the month's limits."""
    return Limits(settings.limit_ticks, settings.requests_per_month, settings.prices)


def cadence(settings: Enrichment) -> Cadence:
    """Hold the dearest round over all symbols, as it usually is, against the budget."""
    symbols = sorted(settings.symbols)
    parts = [
        symbols[at:][:SYMBOLS_PER_REQUEST] for at in range(0, len(symbols), SYMBOLS_PER_REQUEST)
    ]
    ticks = 0
    for part in parts:
        body = prompt.request(settings.model, prompt.fullest(part), "0" * 16)
        output = prompt.usual_output_tokens(len(part))
        ticks += money.expected_ticks(settings.prices, prompt.sent_bytes(body), output)
    wanted_s = max(1, int(settings.ttl_s * REFRESH_SHARE))
    most = (settings.limit_ticks, settings.requests_per_month)
    return money.plan(wanted_s, settings.ttl_s, ticks, len(parts), most)
