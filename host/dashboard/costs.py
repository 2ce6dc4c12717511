"""What the enrichment costs and brings, from its files opened read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from host.dashboard import view

if TYPE_CHECKING:
    from host.enrich.settings import Enrichment


def costs(settings: Enrichment) -> view.Enrichment:
    """Return the month's budget and the verdict; `why` says what is missing."""
    if not settings.enabled:
        return view.Enrichment(enabled=False)
    try:
        from host.enrich import report
        from host.enrich.money import TICKS_PER_USD

        found = report.report(settings)
    except ImportError as error:
        why = f"{error.name} is missing: pip install 'bot4[enrich]'"
        return view.Enrichment(enabled=True, why=why)
    budget, roi = found["budget"], found["roi"]
    usd = {name: budget[f"{name}_ticks"] / TICKS_PER_USD
           for name in ("spent", "committed", "limit") if f"{name}_ticks" in budget}  # fmt: skip
    return view.Enrichment(
        enabled=True,
        why=budget.get("unavailable", ""),
        off=str(found["off"]),
        month=budget.get("month"),
        spent_usd=usd.get("spent"),
        committed_usd=usd.get("committed"),
        limit_usd=usd.get("limit"),
        requests=budget.get("requests"),
        hit_rate=found["decisions"]["hit_rate"],
        verdict=f"{roi['verdict']}: {roi['why']}",
        net_quote=roi["net"],
        low_quote=roi["low"],
        high_quote=roi["high"],
    )
