"""The history as a page and a picture a bench and layout, and as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from matplotlib.axes import Axes
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rig.history import Entry, History
from rig.report import parts, words
from rig.report.figures import LIMIT, Picture, wide
from rig.report.page import document
from rig.report.theme import LIGHT

_MOST_LABELS = 24


def write(out: Path, history: History) -> None:
    """Write the page, and beside it each picture as SVG and PNG."""
    body = ["<h1>Bot4 halt: all runs</h1>"]
    for bench, entries in history.benches().items():
        shown = [parts.note(words.warning({"bench": bench}) or ""), _table(entries)]
        for layout in _layouts(entries):
            picture = _picture(bench, layout, [e for e in entries if e.layout == layout])
            picture.write(out.parent)
            shown.append(f"<h3>{escape(words.layout_name(layout))}</h3>")
            shown.append(f'<div class="scroll picture">{picture.inline()}</div>')
        body.append(parts.section(f"Bench {bench}", *shown))
    body.append(parts.section("Not read", parts.listed(history.unreadable)))
    out.write_text(document("Bot4 halt: all runs", "".join(body)), encoding="utf-8")


def show(history: History, console: Console) -> None:
    """Print one table a bench, within 80 columns."""
    for bench, entries in history.benches().items():
        title = Text(f"bench {bench}: switch → ACK (us)")
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("at", "layout", "version", "load"):
            table.add_column(name, overflow="fold")
        for name in ("n", "p50", "p99", "max"):
            table.add_column(name, justify="right")
        table.add_column("verdict")
        for entry in entries:
            told = (entry.at[:16].replace("T", " "), entry.layout.replace("_", " "), entry.version)
            cells = (*told, entry.load, words.count(entry.presses), *_times(entry), entry.verdict)
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table)
    for line in history.unreadable:
        console.print(Text(f"not read: {line}"), soft_wrap=True)


def _times(entry: Entry) -> list[str]:
    figures = {"p50": entry.p50_us, "p99": entry.p99_us, "max": entry.max_us, "n": entry.presses}
    return [words.percentile(figures, key) for key in ("p50", "p99", "max")]


def _layouts(entries: Sequence[Entry]) -> list[str]:
    return sorted({entry.layout for entry in entries})


def _table(entries: Sequence[Entry]) -> str:
    head = [
        "at",
        "layout",
        "version",
        "host",
        "kernel",
        "load",
        "n",
        "p50",
        "p99",
        "max",
        "verdict",
    ]
    body = [
        (
            "" if entry.verdict == "PASS" else "bad",
            [
                entry.at[:19].replace("T", " "),
                words.layout_name(entry.layout),
                entry.version,
                entry.host,
                entry.kernel,
                entry.load,
                words.count(entry.presses),
                *_times(entry),
                entry.verdict,
            ],
        )
        for entry in entries
    ]
    return parts.table(head, body)


def _picture(bench: str, layout: str, entries: Sequence[Entry]) -> Picture:
    """p50 and max of each run, evenly spaced, with the limit; a new version or kernel is a line."""

    def draw(axes: Axes) -> None:
        places = range(len(entries))
        for what, marker, dashes in (("p50_us", "o", "-"), ("max_us", "^", ":")):
            values = [getattr(entry, what) for entry in entries]
            known = [(x, max(value, 0.1)) for x, value in zip(places, values, strict=True) if value]
            if known:
                x, y = zip(*known, strict=True)
                label = what.removesuffix("_us")
                axes.plot(x, y, marker=marker, linestyle=dashes, color=LIGHT["wave"], label=label)
        for place in places[1:]:
            changed = _changed(entries[place - 1], entries[place])
            if changed:
                axes.axvline(place - 0.5, color=LIGHT["soft"], linewidth=0.8, linestyle=":")
                at = {"xy": (place - 0.5, 1.0), "xycoords": ("data", "axes fraction")}
                axes.annotate(changed, **at, fontsize=7, rotation=20)  # type: ignore[arg-type]
        limits = {entry.limit_us for entry in entries if entry.limit_us}
        for limit_us in limits:
            axes.axhline(limit_us, **LIMIT, label=f"limit {words.micros(limit_us)} us")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
        axes.set_ylabel("us")
        step = max(1, -(-len(entries) // _MOST_LABELS))
        labels = [entry.at[5:16].replace("T", " ") for entry in entries[::step]]
        axes.set_xticks(places[::step], labels, rotation=60, ha="right", fontsize=7)
        axes.legend(loc="best", frameon=False, fontsize=8)

    label = f"Bench {bench}, {words.layout_name(layout)}: p50 and max of {len(entries)} runs"
    return wide(f"history-{bench}-{layout}", label, draw)


def _changed(before: Entry, after: Entry) -> str:
    what = ("version", "host", "kernel", "load")
    return ", ".join(name for name in what if getattr(before, name) != getattr(after, name))
