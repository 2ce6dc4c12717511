"""Panels of the machine: mode, wires, watchdogs, trips, log, alerts, sources."""

from __future__ import annotations

from html import escape

from host.dashboard import parts, words
from host.dashboard.view import Guard, Trip, View
from host.dashboard.words import NOT_KNOWN

NO_LOG = "The log has not been read."


def mode(view: View) -> str:
    """Mode, reason, since when."""
    guard = view.guard
    if guard is None:
        why = next((source.why for source in view.sources if source.name == "guard"), "")
        name, reason, detail, since = "NOT KNOWN", why or "not looked at yet", "", None
    else:
        name, reason, detail = guard.mode, guard.reason, guard.detail
        since = view.since_wall_ns
    more = f": {escape(detail)}" if detail else ""
    lines = [
        f'<p class="mode {escape(name.lower().replace(" ", "-"))}">{parts.icon(name)}{escape(name)}</p>',
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
    lamps = " ".join(_lamp(escape(name), bool(lit)) for name, lit in guard.lamps.items())
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
            ("ACK", escape(guard.ack) + (": gate closed" if guard.ack == "high" else "")),
            ("LEDs", lamps),
            ("controller", f"{escape(guard.controller)}{why}"),
            ("faults", faults),
            ("enclosure", _input(guard, "ENCLOSURE", "open", "closed")),
            ("re-arm button", _input(guard, "REARM", "pressed", "up")),
        ]
    )


def _lamp(name: str, lit: bool) -> str:
    state = "lit" if lit else "dark"
    return f'<span class="lamp {state} {name}">{name} {state}</span>'


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
                words.number(watch.worst, digits, unit)
                + (" <strong>over the limit</strong>" if worst is not None and worst >= 1 else ""),
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
            _later(view, trip, trip.ladder_us),
            _later(view, trip, trip.rearmed_us),
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


def _later(view: View, trip: Trip, took_us: float | None) -> str:
    """What may still come reads so while this emergency stands."""
    stands = view.guard is not None and (view.guard.epoch, view.guard.mode) == (
        trip.epoch,
        "EMERGENCY",
    )
    return "not yet" if took_us is None and stands else words.duration(took_us)


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
    if not view.sources:
        return f"<p>{NOT_KNOWN}</p>"
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
