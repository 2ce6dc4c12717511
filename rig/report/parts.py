"""Pieces of the page. Each takes what it shows and returns HTML; every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rig.report import words
from rig.report.pictures import Captioned


def section(title: str, *inner: str) -> str:
    """A titled block; nothing at all when there is nothing in it."""
    body = "".join(inner)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def table(head: Sequence[str], body: Iterable[tuple[str, Sequence[str]]], kind: str = "") -> str:
    """A table from (row class, cells); the first cell heads its row."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    rows = []
    for row_kind, (name, *cells) in body:
        tds = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr class="{row_kind}"><th scope="row">{escape(name)}</th>{tds}</tr>')
    inner = f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{inner}</table></div>'


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """A two-column table of name and text; empty without items."""
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in items
    ]
    return f'<table class="words">{"".join(rows)}</table>' if rows else ""


def note(text: str) -> str:
    """A line of small print; nothing without text."""
    return f'<p class="note">{escape(text)}</p>' if text else ""


def listed(texts: Iterable[str]) -> str:
    """A list; nothing without entries."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def verdict(result: Mapping[str, Any]) -> str:
    """Banner, verdict in words, and the reasons."""
    head, sentence = words.verdict(result.get("verdict"))
    kind = head.lower().replace(" ", "_")
    warning = words.warning(result)
    banner = f'<p class="banner" role="note">{escape(warning)}</p>' if warning else ""
    reasons = listed(words.reasons(result))
    inner = f"<strong>{escape(head)}</strong>{escape(sentence)}{reasons}"
    return f'{banner}<div class="verdict {kind}">{inner}</div>'


def tiles(result: Mapping[str, Any]) -> str:
    """The few numbers to read first; the largest latency and the misses are over all layouts."""
    main = words.at(result, "latency_us", "switch_to_ack")
    shown = [
        ("switch → ACK, p50", words.with_unit(words.at(main, "p50"))),
        ("switch → ACK, p99", _tile_percentile(main, "p99")),
        ("largest of all", words.with_unit(words.largest(result))),
        ("limit", words.with_unit(result.get("limit_us"))),
        ("presses", words.count(result.get("presses"))),
        ("missed or too slow", words.count(words.miss_count(result))),
        ("orders after ACK", words.count(words.at(result, "orders", "after_ack"))),
    ]
    cells = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in shown)
    return f'<section><dl class="tiles">{cells}</dl></section>'


def _tile_percentile(stats: Any, key: str) -> str:
    text = words.percentile(stats, key)
    return text if text in (words.UNKNOWN, words.NOT_MEASURED) else f"{text} us"


def distributions(shown: Sequence[Captioned]) -> str:
    """Small pictures side by side."""
    if not shown:
        return ""
    cells = "".join(
        f"<div><h3>{escape(each.title)}</h3>{each.picture.inline()}</div>" for each in shown
    )
    return f'{note("Time in us, logarithmic.")}<div class="grid">{cells}</div>'


def time_lines(shown: Sequence[Captioned]) -> str:
    """Pictures of one press, each as wide as the page."""
    return "".join(
        f'<h3>{escape(each.title)}</h3><div class="scroll picture">{each.picture.inline()}</div>'
        + note(each.note)
        for each in shown
    )


def orders(result: Mapping[str, Any]) -> str:
    """What the venue's own record says."""
    found = words.at(result, "orders")
    return pairs((name, words.count(words.at(found, key))) for key, name in words.ORDERS.items())


def environment(result: Mapping[str, Any]) -> str:
    """Bench, versions and digests, data, and what the run recorded about its machine."""
    known = {
        "at": "measured at",
        "bench": "bench",
        "mcu": "microcontroller",
        "micropython": "MicroPython",
        "image_sha256": "MicroPython image sha256",
        "micropython_unix": "MicroPython, Unix port",
        "seed": "seed",
    }
    required = ("bench", "mcu", "micropython")
    items = [
        (name, text(result.get(key)))
        for key, name in known.items()
        if key in result or key in required
    ]
    load = result.get("load")
    if isinstance(load, (list, tuple)):
        items.append(("load beside it", ", ".join(map(str, load)) or "none"))
    items.append(("data", text(words.at(result, "data", "source"))))
    items.append(("rows of data", words.count(words.at(result, "data", "rows"))))
    items.append(("rows replayed", words.count(words.at(result, "data", "rows_replayed"))))
    items += [(key, text(value)) for key, value in words.rows(result.get("environment"))]
    return pairs(items)


def artifacts(result: Mapping[str, Any]) -> str:
    """Where the files of this run are."""
    return pairs((key, text(path)) for key, path in words.rows(result.get("artifacts")))


def text(value: Any) -> str:
    """Any value as text."""
    return words.NOT_MEASURED if value is None else str(value)
