"""Panels of the money: account, risk, orders, forecast, enrichment."""

from __future__ import annotations

from html import escape

from host.dashboard import parts, words
from host.dashboard.view import View
from host.dashboard.words import NOT_KNOWN


def account(view: View) -> str:
    """Equity, drawdown and position."""
    known = view.account
    positions = NOT_KNOWN
    if known.positions is not None:
        held = (f"{escape(at or 'venue')} {escape(size)}" for at, size in known.positions.items())
        positions = ", ".join(held) or "none"
    told = parts.facts(
        [
            ("equity", words.number(known.equity)),
            ("as of", words.ago(known.equity_wall_ns, view.wall_ns)),
            ("drawdown since re-armed", words.percent(known.drawdown)),
            ("position", positions),
            ("last price", words.number(known.price)),
            ("fees of this engine", words.number(known.fees)),
            ("fills of this engine", str(known.fills) if known.fees is not None else NOT_KNOWN),
        ]
    )
    said = "From the engine's records: equity as of its last order, position by its fills."
    return told + parts.line("equity", known.points) + parts.note(said)


def risk(view: View) -> str:
    """VaR, CVaR, exposure and drawdown against their limits."""
    if not view.gauges:
        return f"<p>{NOT_KNOWN}</p>"
    rows = []
    for gauge in view.gauges:
        limit = "loosened: none" if gauge.loosened else words.percent(gauge.limit)
        used = gauge.now / gauge.limit if gauge.now is not None and gauge.limit else None
        over = " <strong>over the limit</strong>" if used is not None and used > 1 else ""
        rows.append(
            [
                escape(gauge.name),
                words.percent(gauge.now, 3),
                limit,
                f"{words.percent(used, 0)}{over} {parts.bar(gauge.name, used)}",
            ]
        )
    said = "Shares of the equity, from the last records and the forecast; the engine's own checks decide."
    head = ("measure", "now", "limit in this mode", "used")
    return parts.table("Risk against its limits", head, rows) + parts.note(said)


def orders(view: View) -> str:
    """What may be open at the venue."""
    known, guard = view.account.orders, view.guard
    counts = parts.facts(
        [
            ("sent since the engine started", words.text(guard.orders_sent if guard else None)),
            ("refused by the gate", words.text(guard.orders_refused if guard else None)),
        ]
    )
    if known is None:
        return f"{counts}<p>Open orders: {NOT_KNOWN}.</p>"
    if not known:
        return f"{counts}<p>None is open, as the log has it.</p>"
    rows = [
        [escape(order.id), escape(order.side), escape(order.type), words.text(order.quantity),
         escape(order.price or "-")]
        for order in known
    ]  # fmt: skip
    head = ("order", "side", "type", "left", "price")
    return counts + parts.table("Open as the log has it, not the venue's word", head, rows)


def forecast(view: View) -> str:
    """The modeller's word on the next bar."""
    last = view.forecast
    if last is None:
        return f"<p>{NOT_KNOWN}</p>"
    return parts.facts(
        [
            ("age", f"{last.age_s:.1f} s"),
            ("sigma of the next bar", words.number(last.sigma_pct, 3, "%")),
            ("mean", words.number(last.mean_pct, 4, "%")),
            ("VaR of the position", words.percent(last.var_share, 3)),
            ("CVaR of the position", words.percent(last.cvar_share, 3)),
            ("fits", words.text(last.fits)),
            ("failures in a row", words.text(last.failures)),
        ]
    )


def enrichment(view: View) -> str:
    """What the language model's opinions cost, and whether they pay."""
    found = view.enrichment
    if found is None:
        return f"<p>{NOT_KNOWN}</p>"
    if not found.enabled:
        return "<p>Off: the configuration asks for none.</p>"
    interval = NOT_KNOWN
    if found.low_quote is not None and found.high_quote is not None:
        interval = f"{found.low_quote:,.2f} to {found.high_quote:,.2f}"
    told = parts.facts(
        [
            ("month", words.text(found.month)),
            ("spent", words.number(found.spent_usd, 4, "USD")),
            ("committed", words.number(found.committed_usd, 4, "USD")),
            ("limit", words.number(found.limit_usd, 2, "USD")),
            ("requests", words.text(found.requests)),
            ("decisions with an opinion", words.percent(found.hit_rate, 1)),
            ("ROI, net", words.number(found.net_quote)),
            ("95 % interval", interval),
            ("verdict", words.text(found.verdict)),
        ]
    )
    off = parts.warning(f"switched off: {found.off}") if found.off else ""
    return off + (parts.warning(found.why) if found.why else "") + told
