"""Looking through the tiers: disk, then Redis, then the model. One asker for each question.

An opinion is fresh for `ttl_s`; before that is over a new one is asked for while the old one still
serves. A question that failed is remembered as failed for a short while.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

from host.enrich.account import Refused
from host.enrich.asking import USELESS, Asker
from host.enrich.opinion import Opinion
from host.enrich.prompt import SYMBOLS_PER_REQUEST, Question

# s. How long a failed question is not asked again, and how long somebody else's is waited for.
NEGATIVE_S, CLAIM_S = 20, 60


class Tier(Protocol):
    """A cache behind the snapshot."""

    name: str

    def get(self, keys: Sequence[str], now_s: int) -> dict[str, Opinion]:
        """Return what is there."""

    def put(self, opinions: dict[str, Opinion], now_s: int, ttl_s: int) -> None:
        """Keep it."""

    def claim(self, keys: Sequence[str], owner: str, now_s: int, ttl_s: int) -> list[str]:
        """Return the keys that are ours to ask now."""

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Give them back."""

    def close(self) -> None:
        """Let go of files and connections."""


class Tiers:
    """count(name) -- counts one event; `most_age_s` -- above it a kept opinion is asked for anew."""

    def __init__(
        self,
        model: str,
        ttl_s: int,
        tiers: Sequence[Tier],
        asker: Asker,
        count: Callable[[str], None],
    ) -> None:
        self._model = model
        self._ttl_s = ttl_s
        self._tiers = tiers
        self._asker = asker
        self._count = count
        self._owner = secrets.token_hex(8)

    async def find(self, questions: Sequence[Question], most_age_s: int) -> dict[str, Opinion]:
        """Return the opinions on questions, as far as they can be had; failed ones are among them.

        Raises Refused when something was to be asked and could not be; what the tiers had is lost to
        nobody: the next look finds it again.
        """
        by_key = {question.key(self._model): question for question in questions}
        now_s = await self._asker.now_s()
        found: dict[str, Opinion] = {}
        for at, tier in enumerate(self._tiers):
            missing = [key for key in by_key if key not in found]
            got = tier.get(missing, now_s) if missing else {}
            got = {
                k: o for k, o in got.items() if k in by_key and self._usable(o, now_s, most_age_s)
            }
            for _opinion in got:
                self._count(f"hit_{tier.name}")
            for before in self._tiers[:at]:
                good = {key: opinion for key, opinion in got.items() if not opinion.failed}
                if good:
                    before.put(good, now_s, self._ttl_s)
            found |= got
        missing = [key for key in by_key if key not in found]
        refused: Refused | None = None
        for start in range(0, len(missing), SYMBOLS_PER_REQUEST):
            part = {key: by_key[key] for key in missing[start:][:SYMBOLS_PER_REQUEST]}
            try:
                found |= await self._ask(part, now_s)
            except Refused as error:
                refused = error
        opinions = {by_key[key].symbol: opinion for key, opinion in found.items()}
        if refused is not None and not opinions:
            raise refused
        return opinions

    def close(self) -> None:
        """Let go of files and connections."""
        for tier in self._tiers:
            tier.close()

    def _usable(self, opinion: Opinion, now_s: int, most_age_s: int) -> bool:
        age_s = now_s - opinion.made_s
        return -CLAIM_S <= age_s <= (NEGATIVE_S if opinion.failed else most_age_s)

    async def _ask(self, by_key: dict[str, Question], now_s: int) -> dict[str, Opinion]:
        keys = list(by_key)
        claimed: list[tuple[Tier, list[str]]] = []
        try:
            for tier in self._tiers:
                taken = tier.claim(keys, self._owner, now_s, CLAIM_S)
                claimed.append((tier, taken))
                for _key in range(len(keys) - len(taken)):
                    self._count("asked_by_another")
                keys = taken
            return (
                await self._ask_claimed({key: by_key[key] for key in keys}, now_s) if keys else {}
            )
        finally:
            for tier, taken in claimed:
                tier.release(taken, self._owner)

    async def _ask_claimed(self, by_key: dict[str, Question], now_s: int) -> dict[str, Opinion]:
        for _key in by_key:
            self._count("miss")
        try:
            said = await self._asker.ask(list(by_key.values()))
        except Refused as error:
            self._count(f"refused_{error.code}")
            if error.code in USELESS:
                self._keep(dict.fromkeys(by_key, Opinion(now_s, failed=True)), now_s, NEGATIVE_S)
            raise
        now_s = await self._asker.now_s()
        nothing = Opinion(now_s, failed=True)
        found = {key: said.get(question.symbol, nothing) for key, question in by_key.items()}
        good = {key: opinion for key, opinion in found.items() if not opinion.failed}
        bad = {key: opinion for key, opinion in found.items() if opinion.failed}
        self._keep(good, now_s, self._ttl_s)
        self._keep(bad, now_s, NEGATIVE_S)
        for _key in bad:
            self._count("nothing_usable")
        return found

    def _keep(self, opinions: dict[str, Opinion], now_s: int, ttl_s: int) -> None:
        for tier in self._tiers:
            if opinions:
                tier.put(opinions, now_s, ttl_s)
