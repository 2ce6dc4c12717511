"""Numbers and times as people read them. What is None reads "not known"."""

from __future__ import annotations

import datetime
from html import escape

NOT_KNOWN = '<span class="unknown">not known</span>'
UNITS_S = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def text(value: object) -> str:
    """Escape a value; None and "" read "not known"."""
    return NOT_KNOWN if value in (None, "") else escape(str(value))


def number(value: float | None, digits: int = 2, unit: str = "") -> str:
    """Return a number with its unit, thousands apart."""
    if value is None:
        return NOT_KNOWN
    return f"{value:,.{digits}f}{f' {unit}' if unit else ''}"


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share in percent."""
    return NOT_KNOWN if share is None else f"{100 * share:.{digits}f} %"


def duration(us: float | None) -> str:
    """Return a time in the unit that suits it."""
    if us is None:
        return NOT_KNOWN
    if us < 1000:
        return f"{us:.0f} µs"
    if us < 1e6:
        return f"{us / 1000:.2f} ms"
    return span(us / 1e6) if us >= 60e6 else f"{us / 1e6:.2f} s"


def span(seconds: float) -> str:
    """Return a time in its largest whole unit, so that it does not change all the time."""
    for size_s, unit in UNITS_S:
        if seconds >= size_s:
            return f"{int(seconds // size_s)} {unit}"
    return "0 s"


def ago(wall_ns: int | None, now_ns: int) -> str:
    """Return a moment in UTC and how long ago it was; the day only where it is another one."""
    if wall_ns is None:
        return NOT_KNOWN
    at = datetime.datetime.fromtimestamp(wall_ns // 10**9, datetime.UTC)
    today = at.date() == datetime.datetime.fromtimestamp(now_ns // 10**9, datetime.UTC).date()
    shown = f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M:%S}"
    past = span(max(0, now_ns - wall_ns) / 1e9)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{shown} UTC</time>, {past} ago'


def size(value: int | None) -> str:
    """Return bytes in MB."""
    return NOT_KNOWN if value is None else f"{value / 1e6:,.1f} MB"
