"""A view as panels of HTML: one function for each, and one table of them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from host.dashboard import parts, words
from host.dashboard.view import Guard, View
from host.dashboard.words import NOT_KNOWN

NO_LOG = "The log has not been read."


def mode(view: View) -> str:
    """Mode, reason, since when."""
    guard = view.guard
    if guard is None:
        said = "the guard does not answer"
        name, reason, detail, since = "NOT KNOWN", said, "", None
    else:
        name, reason, detail = guard.mode, guard.reason, guard.detail
        since = view.since_wall_ns
    more = f": {escape(detail)}" if detail else ""
    lines = [
        f'<p class="mode {name.lower().replace(" ", "-")}">{parts.icon(name)}{escape(name)}</p>',
        f"<p>{escape(reason)}{more}</p>",
        f"<p>since {words.ago(since, view.wall_ns)}</p>",
    ]
    if guard is not None and guard.mode == "EMERGENCY":
        done = "worked off: a person may re-arm at the box" if guard.ladder_done else "at work"
        lines.append(f"<p>ladder {done}</p>")
    if guard is not None and guard.mismatch:
        lines.append(parts.warning(guard.mismatch))
    return "".join(lines)


def wires(view: View) -> str:
    """Switch, HALT, ACK, LEDs and the controller."""
    guard = view.guard
    if guard is None:
        names = ("switch", "HALT", "ACK", "LEDs", "controller", "faults")
        return parts.facts((name, NOT_KNOWN) for name in names)
    lamps = " ".join(
        f'<span class="lamp {"lit" if lit else "dark"} {name}">{name} {"lit" if lit else "dark"}</span>'
        for name, lit in guard.lamps.items()
    )
    why = (
        f" ({escape(guard.controller_reason)})"
        if guard.controller_reason not in ("", "NONE")
        else ""
    )
    faults = NOT_KNOWN if guard.faults is None else escape(", ".join(guard.faults) or "none")
    return parts.facts(
        [
            ("switch", switch(guard)),
            ("HALT", f"{escape(guard.halt)}: {'run' if guard.halt == 'high' else 'halt'}"),
            ("ACK", f"{escape(guard.ack)}: {'gate closed' if guard.ack == 'high' else 'ready'}"),
            ("LEDs", lamps),
            ("controller", f"{escape(guard.controller)}{why}"),
            ("faults", faults),
            ("enclosure", _input(guard, "ENCLOSURE", "open", "closed")),
            ("re-arm button", _input(guard, "REARM", "pressed", "up")),
        ]
    )


def switch(guard: Guard) -> str:
    """Both contacts of the kill switch, as the controller reads them."""
    if guard.inputs is None:
        return NOT_KNOWN
    opened = [guard.inputs["SWITCH_A"], guard.inputs["SWITCH_B"]]
    if all(opened):
        return "open: pressed"
    return "the contacts differ" if any(opened) else "closed: not pressed"


def _input(guard: Guard, name: str, high: str, low: str) -> str:
    return NOT_KNOWN if guard.inputs is None else (high if guard.inputs[name] else low)


def watchdogs(view: View) -> str:
    """Margins: how much of each limit is used."""
    if not view.watches:
        return f"<p>{NOT_KNOWN}</p>"
    rows = []
    for watch in view.watches:
        unit, digits = watch.unit, 1 if watch.unit else 0
        used = None if watch.used is None else watch.used / watch.limit
        worst = None if watch.worst is None else watch.worst / watch.limit
        margin = None if used is None else max(0.0, 1 - used)
        rows.append(
            [
                escape(watch.name),
                words.number(watch.used, digits, unit),
                words.number(watch.worst, digits, unit),
                words.number(watch.limit, 0, unit),
                f"{words.percent(margin, 0)} {parts.bar(watch.name, used, worst)}",
            ]
        )
    said = "Looked at a few times a second from outside: what lies between two looks is not seen."
    head = ("watchdog", "now", "worst of the last minute", "limit", "margin")
    return parts.table("Watchdogs and their margins", head, rows) + parts.note(said)


def trips(view: View) -> str:
    """The last emergencies with the latency of each stage."""
    if view.trips is None:
        return f"<p>{NOT_KNOWN}. {NO_LOG}</p>"
    if not view.trips:
        return "<p>None on record.</p>"
    rows = [
        [
            words.ago(trip.wall_ns, view.wall_ns),
            escape(trip.reason) + (f": {escape(trip.detail)}" if trip.detail else ""),
            words.text(trip.controller_reason),
            words.duration(trip.emergency_to_ack_us) + (", engine killed" if trip.forced else ""),
            words.duration(trip.waited_us),
            words.duration(trip.halt_to_ack_us),
            words.duration(trip.ladder_us),
            words.duration(trip.rearmed_us),
        ]
        for trip in view.trips
    ]
    head = (
        "when", "reason", "controller says", "seen to ACK", "of it for a send",
        "HALT to ACK", "orders worked off", "re-armed after",
    )  # fmt: skip
    said = (
        "Seen to ACK: on the host's clock, from the guard's seeing it to ACK. HALT to ACK: on the "
        "controller's clock. From the switch to HALT is not known here: only an analyser sees both wires."
    )
    return parts.table("Last trips, newest first", head, rows) + parts.note(said)


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
         words.text(order.price)]
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


def audit(view: View) -> str:
    """Head of the log and the witness's last receipt."""
    log = view.log
    unvouched = None
    if log.records is not None and log.receipt_count is not None:
        unvouched = max(0, log.records - log.receipt_count)
    failing = {
        None: NOT_KNOWN,
        False: "no",
        True: "<strong>yes: the log cannot be written</strong>",
    }
    told = parts.facts([
        ("records", words.text(log.records)),
        ("head", f"<code>{escape(log.head)}</code>" if log.head else NOT_KNOWN),
        ("last record", words.ago(log.wall_ns, view.wall_ns)),
        ("followed here", f"{log.followed} records, {'broken' if log.broken else 'unbroken'}"),
        ("size", words.size(log.size_bytes)),
        ("writing fails", failing[log.failing]),
        ("witness vouches to record", words.text(log.receipt_count)),
        ("receipt", NOT_KNOWN if log.receipt_number is None
         else f"number {log.receipt_number} of epoch {log.receipt_epoch}"),
        ("last receipt", words.ago(log.receipt_wall_ns, view.wall_ns)),
        ("records after it", words.text(unvouched)),
    ])  # fmt: skip
    behind = (
        parts.note(f"{log.behind_bytes} bytes are still to be read.") if log.behind_bytes else ""
    )
    said = "Receipts are shown, not judged: `bot4 audit verify --witness-key` does that."
    broken = parts.warning(f"the log is not as it was written: {log.broken}") if log.broken else ""
    closed = parts.note("The log is closed: no recorder writes it.") if log.closed else ""
    return broken + told + behind + closed + parts.note(said)


def alerts(view: View) -> str:
    """The last records that want a person."""
    if view.alerts is None:
        return f"<p>{NOT_KNOWN}. {NO_LOG}</p>"
    if not view.alerts:
        return "<p>None on record.</p>"
    rows = [
        [
            words.ago(alert.wall_ns, view.wall_ns),
            "critical" if alert.priority <= 2 else "warning",
            escape(alert.what),
            escape(alert.origin),
            escape(alert.detail),
        ]
        for alert in view.alerts
    ]
    return parts.table("Newest first", ("when", "priority", "what", "from", "detail"), rows)


def sources(view: View) -> str:
    """Where all this comes from, and what cannot be read."""
    rows = [
        [escape(source.name), "read" if source.ok else f"{NOT_KNOWN}: {escape(source.why)}"]
        for source in view.sources
    ]
    told = parts.table("Sources", ("source", "state"), rows)
    guard = view.guard
    if guard is None:
        return told
    pids = ((f"{name}, process", words.text(pid)) for name, pid in guard.pids.items())
    link = ("sessions", "unanswered", "noise", "refused")
    counted = ((f"link, {name}", str(getattr(guard, name))) for name in link)
    return told + parts.facts([*pids, *counted, ("profile of times", escape(guard.profile))])


# id, title, its function, where it stands: wide, beside the one before or after, or in a column
WIDE, BESIDE, COLUMN = "wide", "beside", "column"
PANELS: tuple[tuple[str, str, Callable[[View], str], str], ...] = (
    ("mode", "Mode", mode, BESIDE),
    ("wires", "Switch and wires", wires, BESIDE),
    ("trips", "Last trips", trips, WIDE),
    ("watchdogs", "Watchdog margins", watchdogs, WIDE),
    ("risk", "Risk and limits", risk, COLUMN),
    ("account", "Equity and position", account, COLUMN),
    ("orders", "Orders", orders, COLUMN),
    ("forecast", "Forecast", forecast, COLUMN),
    ("enrichment", "Enrichment", enrichment, COLUMN),
    ("audit", "Audit log and witness", audit, COLUMN),
    ("alerts", "Alerts", alerts, WIDE),
    ("sources", "Sources", sources, WIDE),
)
SAID = "said"


def render(view: View | None, gone: str = "") -> dict[str, str]:
    """Return the inside of every panel by its id. gone -- why `view` is not of now, if it is not"""
    shown = view or View(wall_ns=0)
    inside = {name: act(shown) for name, _title, act, _place in PANELS}
    guard = shown.guard
    current = f"{guard.mode}: {guard.reason}" if guard else "mode not known"
    inside[SAID] = escape(f"{gone}. Last known: {current}" if gone else current)
    inside["gone"] = parts.warning(f"{gone}: nothing below is current.") if gone else ""
    return inside
