"""A recorded day, decisions each second on 20 symbols: hit rate, requests, cost. Prints JSON.

    python -m tests.enrichment.replay [SECONDS]

The whole service runs on a turned clock against the local server, with its failures: of 200 requests
about two each time out, are refused with 429 or fail with 503, and for ten minutes of the day nothing
works. Market context comes from recorded hourly bars. Only five symbols were recorded by the hour: the
other fifteen are copies of them, shifted by so many days (BTC+30d), and are named so.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.data.reader import read
from host.enrich import snapshot
from host.enrich.account import Account
from host.enrich.grok import ApiClock
from host.enrich.money import LONGEST_MONTH_S, TICKS_PER_USD, month_bounds, month_of, usd
from host.enrich.parts import Parts, cadence
from host.enrich.report import latency, tiers
from host.enrich.service import Service
from host.enrich.settings import Enrichment
from tests.enrichment.api import Api
from tests.enrichment.kit import KEY, settings

RECORDED = ("btc_usdt", "bnb_usdt", "ada_usdt", "doge_usdt", "ltc_usdt")
SHIFTS_DAYS = (0, 30, 60, 90)
DAY_S = 86_400
START_S = 1_655_078_400  # 2022-06-13T00:00:00Z: the market fell by a sixth that day
OUTAGE_S = 600  # in the middle
NS = 10**9


class Day:
    """The market context of every symbol, hour by hour, as the source file of the enricher."""

    def __init__(self, folder: Path, file: Path) -> None:
        self._file = file
        self._closes = {
            f"{name[:-5].upper()}{f'+{shift}d' if shift else ''}": (bars, shift * DAY_S)
            for name in RECORDED
            for bars in [_closes(folder / f"{name}_1h_binance.csv.gz")]
            for shift in SHIFTS_DAYS
        }

    @property
    def symbols(self) -> dict[str, list[str]]:
        """The symbols, as the settings want them."""
        return {symbol: [] for symbol in self._closes}

    def write(self, now_s: int) -> None:
        """Write what is known at `now_s`: the last full hour and the last day."""
        hour_s = now_s - now_s % 3600
        items = []
        for symbol, (closes, shift_s) in self._closes.items():
            last, before, yesterday = (
                closes.get(hour_s - shift_s - back * 3600) for back in (1, 2, 25)
            )
            if last and before and yesterday:
                hour, whole = 100 * (last / before - 1), 100 * (last / yesterday - 1)
                text = f"last hour {hour:+.1f} %, last day {whole:+.1f} %"
                items.append({"title": text, "symbols": [symbol], "kind": "context"})
        self._file.write_text(json.dumps(items))


def _closes(path: Path) -> dict[int, float]:
    bars = read(str(path))
    return dict(zip((bars.time_ns // NS).tolist(), bars.price.tolist(), strict=True))


def failing(chance: random.Random, seconds: int) -> Iterator[str]:
    """What the server does to a request in one second after the other."""
    outage = range(seconds // 2, seconds // 2 + OUTAGE_S)
    for second in range(seconds):
        at = chance.random()
        bad = "hang:9" if at < 0.01 else "busy:2" if at < 0.02 else "status:503"
        yield "status:503" if second in outage else bad if at < 0.03 else "ok"


async def play(folder: Path, data: Path, seconds: int, api: Api) -> dict[str, Any]:
    """Replay so many seconds of the day."""
    at = [0.0]
    day = Day(data, folder / "news.json")
    day.write(START_S)
    wanted = settings(
        folder, api.address, symbols=day.symbols, deadline_s=1.5,
        budget_usd=20.0, requests_per_month=80_000,
    )  # fmt: skip
    api.date_s = lambda: START_S + at[0]
    behaviour = failing(random.Random(4), seconds)

    async def sleep(slept_s: float) -> None:
        at[0] += slept_s

    clock = ApiClock(lambda: at[0])
    parts = Parts(wanted, KEY, lambda account: None, clock, lambda: at[0], sleep)
    told: list[dict[str, Any]] = []
    service = Service(
        wanted, parts, lambda code, **more: told.append({"code": code, **more}), lambda: _ns(at[0])
    )
    await parts.asker.now_s()
    parts.budget.ledger.change(_known)
    names = list(wanted.symbols)
    readers = [
        snapshot.reader(service.snapshot.page, names, symbol, wanted.most_cut_share, wanted.ttl_s)
        for symbol in names
    ]
    decisions = 0
    for second in range(seconds):
        at[0] = max(at[0], float(second))
        if second % 3600 == 0:
            day.write(START_S + second)
        api.always = next(behaviour)
        await service.look()
        for reader in readers:
            reader.factor(_ns(at[0]))
            decisions += 1
    account = parts.budget.look(clock.now_s() or 0)
    parts.flush()
    found = _result(wanted, parts, account, seconds, api)
    found["decisions"] = decisions
    found["hits"] = sum(reader.hits for reader in readers)
    found["hit_rate"] = round(found["hits"] / decisions, 4)
    found["told"] = sorted({item["why"] for item in told})
    await service.close()
    return found


def _ns(seconds: float) -> int:
    return int((seconds + 10_000) * NS)


def _known(_kept: Account | None, epoch: str) -> Account:
    """The month has been followed from its beginning, and the pace of its first days was spent."""
    account = Account(month_of(START_S), START_S, epoch=epoch)
    start_s, end_s = month_bounds(account.month)
    account.spent = 20 * TICKS_PER_USD * (START_S - start_s) // (end_s - start_s)
    return account


def _result(
    wanted: Enrichment, parts: Parts, account: Account, seconds: int, api: Api
) -> dict[str, Any]:
    before = _known(None, "").spent
    used = account.committed - before
    calls = parts.records.calls(0)
    return {
        "day": "2022-06-13",
        "seconds": seconds,
        "symbols": list(wanted.symbols),
        "cadence": cadence(wanted).words,
        "cadence_of_a_dear_model": cadence(dear(wanted)).words,
        "requests": account.requests,
        "requests_failed": sum(1 for call in calls if call.failure),
        "requests_a_month": account.requests * LONGEST_MONTH_S // seconds,
        "cost_ticks": used,
        "cost": usd(used),
        "billed_by_the_api_ticks": api.billed_ticks,
        "unsettled_ticks": account.unsettled,
        "cost_a_month": usd(used * LONGEST_MONTH_S // seconds),
        "budget": usd(wanted.limit_ticks),
        "latency_ms": latency([call.latency_ms for call in calls if not call.failure]),
        "tiers": tiers(parts.records.counted(account.month)),
        "events": {
            name: number
            for name, number in parts.records.counted(account.month).items()
            if name.startswith("refused")
        },
    }


def dear(wanted: Enrichment) -> Enrichment:
    """Return the same at ten times the prices."""
    from msgspec.structs import replace

    return replace(wanted, input_usd_per_million=2.0, output_usd_per_million=6.0)


def replay(seconds: int = DAY_S) -> dict[str, Any]:
    """Replay in a folder of its own; return what came of it."""
    data = Path(os.environ["BOT4_DATA"])
    with tempfile.TemporaryDirectory() as folder, Api() as api:
        return asyncio.run(play(Path(folder), data, seconds, api))


if __name__ == "__main__":
    print(json.dumps(replay(*map(int, sys.argv[1:])), indent=1))
