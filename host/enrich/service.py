"""The loop: what is due is looked for in the tiers, asked for inside the budget, and published."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from host.alerts import Deliverer
from host.enrich import roi, tiers
from host.enrich.account import Account, Refused
from host.enrich.feeds import Item, Matcher
from host.enrich.link import Part
from host.enrich.money import usd
from host.enrich.opinion import Opinion
from host.enrich.parts import SPREAD_SHARE, Parts, cadence
from host.enrich.prompt import Question, question
from host.enrich.records import HOUR_S, Hour
from host.enrich.serving import Server
from host.enrich.settings import Enrichment
from host.enrich.snapshot import NS, Snapshot
from host.enrich.sources import Sources

TICK_S = 1.0
# Symbols that are due within so many seconds go into the same request.
BATCH_S = 30
# After a refusal (no money, no clock, a breaker) nothing is tried for so long.
REFUSED_S = 15
FLUSH_S = 30
# Refusals that do not pass by themselves, or have lasted.
FOR_PEOPLE = (
    "BUDGET_SPENT",
    "CIRCUIT_OPEN",
    "CLOCK_BACK",
    "HTTP_401",
    "HTTP_403",
    "LEDGER_UNAVAILABLE",
    "PRICES_WRONG",
)


class Service:
    """One host's enricher. `parts` are its own; monotonic_ns is for tests that turn the clock."""

    def __init__(
        self,
        settings: Enrichment,
        parts: Parts,
        tell: Callable[..., None],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.running = True
        self.snapshot = Snapshot(list(settings.symbols))
        self.cadence = cadence(settings)
        self.off = ""
        self._settings = settings
        self._parts = parts
        self._tell = tell
        self._monotonic_ns = monotonic_ns
        self._sources = Sources(settings.sources, parts.count)
        self._matcher = Matcher(settings.symbols)
        self._items: list[Item] = []
        self._collected_s = 0
        self._judged_s = 0
        self._said: set[str] = set()
        self._blind_until_ns = 0
        self._flushed_s = 0
        self._refresh_s = self.cadence.period_s
        self._next_s = dict.fromkeys(settings.symbols, 0)

    async def run(self, run_dir: Path) -> None:
        """Serve until `running` is cleared."""
        server = Server(run_dir, self.snapshot.page, self.decided)
        try:
            while self.running:
                await self.look()
                await asyncio.sleep(TICK_S)
        finally:
            server.close()
            await self.close()

    async def close(self) -> None:
        """Let go of everything."""
        await self._sources.close()
        await self._parts.close()

    async def look(self) -> None:
        """Do what is due now; never raises what a peer causes."""
        if self._monotonic_ns() < self._blind_until_ns:
            return
        try:
            now_s = await self._parts.asker.now_s()
        except Refused as error:
            self._blind_until_ns = self._monotonic_ns() + REFUSED_S * NS
            self._say_refused(error)
            return
        if now_s - self._flushed_s >= FLUSH_S:
            self._flushed_s = now_s
            self._parts.flush()
        if now_s - self._judged_s >= HOUR_S:
            self._judged_s = now_s
            self._judge()
        if self.off or min(self._next_s.values()) > now_s:
            return
        if now_s - self._collected_s >= self._settings.source_period_s:
            self._collected_s = now_s
            self._items = await self._sources.collect()
        wanted = self._wanted(now_s)
        if not wanted:
            return
        try:
            found = await self._parts.tiers.find(wanted, self._refresh_s - BATCH_S)
        except Refused as error:
            for asked in wanted:
                self._next_s[asked.symbol] = now_s + REFUSED_S
            self._say_refused(error)
            return
        self._said.clear()
        self._show(wanted, found, await self._parts.asker.now_s())

    def decided(self, part: Part) -> None:
        """Take what the engine says of its shadow decisions."""
        now_s = self._parts.clock.now_s() or int(time.time())
        hour = Hour(now_s, part.gain, 0, part.decisions, part.hits, part.changed)
        self._parts.records.decided(self._settings.trial, hour)

    def _wanted(self, now_s: int) -> list[Question]:
        """Return the questions on every symbol whose opinion is old, and on those that soon will be."""
        about = self._matcher.sort(self._items)
        asked: list[Question] = []
        urgent = False
        for symbol, next_s in self._next_s.items():
            shown = self.snapshot.shown.get(symbol)
            ripe_s = shown.made_s + self._refresh_s if shown else next_s
            due = next_s <= now_s
            if due and ripe_s > now_s:
                self._parts.count("hit_snapshot")
                self._next_s[symbol] = min(now_s + self._settings.source_period_s, ripe_s)
            if ripe_s > now_s + (BATCH_S if shown else 0):
                continue
            made = question(symbol, *about[symbol])
            if made is not None:
                urgent = urgent or (due and ripe_s <= now_s)
                asked.append(made)
            elif due:
                self._parts.count("nothing_to_ask")
                self._next_s[symbol] = now_s + self._settings.source_period_s
        return asked if urgent else []

    def _show(self, wanted: list[Question], found: dict[str, Opinion], now_s: int) -> None:
        self.snapshot.publish(found, now_s, self._monotonic_ns())
        spread_s = self._settings.ttl_s * SPREAD_SHARE
        self._refresh_s = self.cadence.period_s + int(random.uniform(0, spread_s))
        for asked in wanted:
            opinion = found.get(asked.symbol)
            if opinion is None or opinion.failed:
                self._next_s[asked.symbol] = now_s + tiers.NEGATIVE_S
            else:
                ripe_s = opinion.made_s + self._refresh_s
                soon_s = now_s + self._settings.source_period_s
                self._next_s[asked.symbol] = max(now_s + 1, min(soon_s, ripe_s))
        self._parts.records.keep("shown", self.snapshot.shown)

    def _judge(self) -> None:
        """Switch off when it does not pay; what is off stays so until the trial gets another name."""
        trial = self._settings.trial
        kept = self._parts.records.kept(f"off {trial}")
        if not kept:
            hours = self._parts.records.hours(trial)
            verdict = roi.judge(hours, self._settings.quote_per_usd, self._settings.trial_days)
            if verdict.verdict != roi.PAYS_NOT:
                return
            kept = f"{verdict.why}: net {verdict.net:.2f} [{verdict.low:.2f}, {verdict.high:.2f}]"
            self._parts.records.keep(f"off {trial}", kept)
            self._tell("ENRICHMENT_OFF", why=kept, trial=trial)
        self.off = str(kept)
        self.snapshot.withdraw()

    def _say_refused(self, error: Refused) -> None:
        """Tell what a person can do something about, once until something succeeds."""
        if error.code in FOR_PEOPLE and error.code not in self._said:
            self._said.add(error.code)
            self._tell("ENRICHMENT_REFUSED", why=error.code, text=str(error)[:200])


def teller(deliverer: Deliverer) -> Callable[..., None]:
    """Return what tells people, by the ways of [alerts]."""
    return lambda code, **data: deliverer.take("alert", "enrich", {"code": code, **data})


def budget_alert(tell: Callable[..., None], limit: int) -> Callable[[Account], None]:
    """Return what tells people that the month's money is nearly gone."""
    return lambda account: tell(
        "ENRICHMENT_BUDGET",
        month=account.month,
        committed=usd(account.committed),
        limit=usd(limit),
    )
