"""A view as panels of HTML: one table of them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import msgspec

from host.dashboard import machine, money, parts
from host.dashboard.view import Source, View

# id, title, its function, where it stands: wide, beside the one before or after, or in a column
WIDE, BESIDE, COLUMN = "wide", "beside", "column"
PANELS: tuple[tuple[str, str, Callable[[View], str], str], ...] = (
    ("mode", "Mode", machine.mode, BESIDE),
    ("wires", "Switch and wires", machine.wires, BESIDE),
    ("trips", "Last trips", machine.trips, WIDE),
    ("watchdogs", "Watchdog margins", machine.watchdogs, WIDE),
    ("risk", "Risk and limits", money.risk, COLUMN),
    ("account", "Equity and position", money.account, COLUMN),
    ("forecast", "Forecast", money.forecast, COLUMN),
    ("orders", "Orders", money.orders, COLUMN),
    ("enrichment", "Enrichment", money.enrichment, COLUMN),
    ("audit", "Audit log and witness", machine.audit, COLUMN),
    ("alerts", "Alerts", machine.alerts, WIDE),
    ("sources", "Sources", machine.sources, WIDE),
)
SAID = "said"


def render(view: View | None, gone: str = "") -> dict[str, str]:
    """Return the inside of every panel by its id. gone -- why `view` is not of now, if it is not"""
    shown = view or View(wall_ns=0)
    guard = shown.guard
    current = f"{guard.mode}: {guard.reason}" if guard else "mode not known"
    if gone:  # the rest says how old it is; what may be taken for now must not stand there
        lost = [Source(source.name, False, gone) for source in shown.sources]
        shown = msgspec.structs.replace(shown, sources=lost, guard=None, watches=[], forecast=None)
        current = f"{gone}. Last known: {current}"
    inside = {name: act(shown) for name, _title, act, _place in PANELS}
    inside[SAID] = escape(current)
    inside["gone"] = parts.warning(f"{gone}: nothing below is current.") if gone else ""
    return inside
