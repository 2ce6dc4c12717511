"""What `bot4 enrich status` and `bot4 enrich report` say: plain data, JSON all the way down."""

import dataclasses
import time
from typing import Any

import msgspec

from host.enrich import ledger, money, parts, roi
from host.enrich.account import Account, Refused
from host.enrich.records import Records
from host.enrich.settings import Enrichment
from host.perf.timing import percentile

# What a look for an opinion can end in: what came from each tier, and what had to be asked.
TIERS = ("hit_snapshot", "hit_disk", "hit_redis", "asked_by_another", "miss")


def status(settings: Enrichment) -> dict[str, Any]:
    """Return how things stand: budget, cadence, the opinions shown last, and why nothing is asked."""
    records = _records(settings)
    trial = settings.trial
    shown = records.kept("shown")
    opinions = shown if isinstance(shown, dict) else {}
    now_s = int(time.time())
    found = {
        "enabled": settings.enabled,
        "model": settings.model,
        "cadence": parts.cadence(settings).words if settings.enabled else "",
        "off": records.kept(f"off {trial}") or "",
        "budget": budget(settings),
        "opinions": [
            {"symbol": symbol, "age_s": now_s - opinion["made_s"], **opinion}
            for symbol, opinion in sorted(opinions.items())
            if isinstance(opinion, dict) and isinstance(opinion.get("made_s"), int)
        ],
    }
    records.close()
    return found


def report(settings: Enrichment) -> dict[str, Any]:
    """Return the month's cost, the hit rates, the latency of the API and whether it pays."""
    records = _records(settings)
    spent = budget(settings)
    month = spent.get("month") or money.month_of(int(time.time()))
    start_s, _end_s = money.month_bounds(month)
    counted = records.counted(month)
    calls = records.calls(start_s)
    hours = records.hours(settings.trial)
    found = {
        "budget": spent,
        "tiers": tiers(counted),
        "decisions": decisions(hours),
        "calls": {
            "number": len(calls),
            "failed": sum(1 for call in calls if call.failure),
            "symbols": sum(call.symbols for call in calls),
            "input_tokens": sum(call.input_tokens for call in calls),
            "cached_tokens": sum(call.cached_tokens for call in calls),
            "output_tokens": sum(call.output_tokens for call in calls),
            "latency_ms": latency([call.latency_ms for call in calls if not call.failure]),
        },
        "events": {name: number for name, number in sorted(counted.items()) if name not in TIERS},
        "roi": dataclasses.asdict(roi.judge(hours, settings.quote_per_usd, settings.trial_days)),
        "off": records.kept(f"off {settings.trial}") or "",
    }
    records.close()
    return found


def budget(settings: Enrichment) -> dict[str, Any]:
    """Return the account as it stands; `unavailable` says why there is none to see."""
    facts: dict[str, Any] = {
        "limit_ticks": settings.limit_ticks,
        "requests_limit": settings.requests_per_month,
    }
    try:
        if settings.redis_url:
            account = ledger.peek_shared(ledger.connect(settings.redis_url))
        else:
            account = ledger.peek(parts.state_dir(settings) / parts.LEDGER)
    except Refused as error:
        return {**facts, "unavailable": str(error)}
    return {**facts, **_facts(account, settings.limit_ticks)} if account else facts


def _facts(account: Account, limit: int) -> dict[str, Any]:
    return {
        "month": account.month,
        "committed_ticks": account.committed,
        "spent_ticks": account.spent,
        "unsettled_ticks": account.unsettled,
        "written_off_ticks": account.written_off,
        "reserved_ticks": sum(amount for amount, _at in account.opened.values()),
        "allowed_by_now_ticks": money.allowance(limit, account.month, account.seen_s),
        "requests": account.requests,
        "closed": [msgspec.structs.asdict(month) for month in account.closed],
    }


def tiers(counted: dict[str, int]) -> dict[str, Any]:
    """Return how the looks for an opinion ended, as numbers and as shares of all of them."""
    looks = sum(counted.get(name, 0) for name in TIERS)
    return {
        "looks": looks,
        **{name: counted.get(name, 0) for name in TIERS},
        "shares": {
            name: round(counted.get(name, 0) / looks, 4) if looks else None for name in TIERS
        },
    }


def decisions(hours: list[Any]) -> dict[str, Any]:
    """Return how many decisions found a fresh opinion, and how many entries it made smaller."""
    made, hits = sum(hour.decisions for hour in hours), sum(hour.hits for hour in hours)
    return {
        "number": made,
        "hits": hits,
        "hit_rate": round(hits / made, 4) if made else None,
        "changed": sum(hour.changed for hour in hours),
    }


def latency(taken_ms: list[float]) -> dict[str, float] | None:
    """Return percentiles in ms; None without any request."""
    if not taken_ms:
        return None
    ordered = sorted(taken_ms)
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {name: round(percentile(ordered, share), 1) for name, share in shares.items()}


def _records(settings: Enrichment) -> Records:
    return Records(parts.state_dir(settings) / parts.RECORDS, make=False)
