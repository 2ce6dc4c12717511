"""Pieces that panels are made of: tables, facts, bars and one line. No style attributes: CSP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from host.dashboard import words

CHART_WIDE, CHART_HIGH = 600, 120
BAR_WIDE, BAR_HIGH = 100, 10
# Shape by mode, so that it is not told by colour: a circle, half of one, two bars, an octagon.
ICONS = {
    "NORMAL": '<circle cx="12" cy="12" r="9"/>',
    "REDUCED": '<path d="M12 3a9 9 0 0 1 0 18z"/><circle cx="12" cy="12" r="9" class="hollow"/>',
    "PAUSED": '<path d="M5 4h5v16H5zM14 4h5v16h-5z"/>',
    "EMERGENCY": '<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8z"/>',
}
UNKNOWN_ICON = '<path d="M12 2 22 21H2z" class="hollow"/>'


def icon(mode: str) -> str:
    """Return the shape of a mode; a hollow triangle for none."""
    drawn = ICONS.get(mode, UNKNOWN_ICON)
    return f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{drawn}</svg>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values; the values are HTML."""
    items = (f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{"".join(items)}</dl>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose rows become cards where it is narrow; cells are HTML.

    The roles say again what the elements are: CSS that turns rows into blocks takes that away.
    """
    columns = "".join(f'<th role="columnheader" scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        '<tr role="row">'
        + "".join(
            f'<td role="cell" data-label="{escape(name)}">{cell}</td>'
            for name, cell in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{columns}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def bar(label: str, share: float | None, worst: float | None = None) -> str:
    """How much of a limit is used: filled up to `share`, a tick at the worst; hatched above 1."""
    if share is None:
        return ""
    wide = BAR_WIDE * min(max(share, 0.0), 1.0)
    kind = "over" if share >= 1 else "used"
    said = f"{label}: {100 * share:.0f} % of the limit"
    tick = ""
    if worst is not None:
        at = BAR_WIDE * min(max(worst, 0.0), 1.0)
        tick = f'<path class="tick" d="M{at:.1f} 0V{BAR_HIGH}"/>'
        said += f", {100 * worst:.0f} % at worst"
    return (
        f'<svg class="bar" viewBox="0 0 {BAR_WIDE} {BAR_HIGH}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(said)}">'
        f'<rect class="room" width="{BAR_WIDE}" height="{BAR_HIGH}"/>'
        f'<rect class="{kind}" width="{wide:.1f}" height="{BAR_HIGH}"/>{tick}</svg>'
    )


def line(label: str, points: Sequence[tuple[int, float]]) -> str:
    """One line over time with its ends and extremes in words; nothing below two points."""
    if len(points) < 2:
        return ""
    first_ns, last_ns = points[0][0], points[-1][0]
    values = [value for _at, value in points]
    low, high = min(values), max(values)
    per_ns = CHART_WIDE / max(1, last_ns - first_ns)
    per_unit = (CHART_HIGH - 8) / ((high - low) or 1.0)
    drawn = " ".join(
        f"{(at - first_ns) * per_ns:.1f},{CHART_HIGH - 4 - (value - low) * per_unit:.1f}"
        for at, value in points
    )
    took = words.span((last_ns - first_ns) / 1e9)
    said = f"{label} over {took}: lowest {low:,.2f}, highest {high:,.2f}, last {values[-1]:,.2f}"
    return (
        f'<figure><svg class="line" viewBox="0 0 {CHART_WIDE} {CHART_HIGH}" role="img" '
        f'preserveAspectRatio="none" aria-label="{escape(said)}"><polyline points="{drawn}"/></svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def note(said: str) -> str:
    """A sentence below something."""
    return f'<p class="note">{escape(said)}</p>'


def warning(said: str) -> str:
    """A sentence that must be seen."""
    return f'<p class="warning"><strong>Attention:</strong> {escape(said)}</p>'
