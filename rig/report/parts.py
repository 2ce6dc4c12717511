"""The sections of the page. Each takes what it shows and returns HTML; every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rig.capture.model import Capture
from rig.latency import Press, samples_us
from rig.report import svg, words

_OPEN_LIST = 60  # more presses than this start folded
RANK_NOTE = (
    '<p class="note">Percentiles by nearest rank, never interpolated. With fewer than 100 '
    "presses p99 is the largest, with fewer than 1,000 p99.9 is.</p>"
)


def section(title: str, *inner: str) -> str:
    """A titled block; nothing at all when there is nothing in it."""
    body = "".join(inner)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def table(head: Sequence[str], body: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table from (row class, cells); the first cell heads its row."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    rows = []
    for kind, (name, *cells) in body:
        tds = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr class="{kind}"><th scope="row">{escape(name)}</th>{tds}</tr>')
    inner = f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table>{inner}</table></div>'


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """A two-column table of name and text; empty without items."""
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in items
    ]
    return f'<table class="words">{"".join(rows)}</table>' if rows else ""


def verdict(result: Mapping[str, Any]) -> str:
    """Banner, verdict in words, and the reasons."""
    head, sentence = words.verdict(result.get("verdict"))
    kind = head.lower().replace(" ", "_")
    warning = words.warning(result)
    banner = f'<p class="banner" role="note">{escape(warning)}</p>' if warning else ""
    why = "".join(f"<li>{escape(reason)}</li>" for reason in words.reasons(result))
    reasons = f"<ul>{why}</ul>" if why else ""
    inner = f"<strong>{escape(head)}</strong>{escape(sentence)}{reasons}"
    return f'{banner}<div class="verdict {kind}">{inner}</div>'


def tiles(result: Mapping[str, Any]) -> str:
    """The few numbers to read first; the largest latency and the misses are over all layouts."""
    main = words.at(result, "latency_us", "switch_to_ack")
    shown = [
        ("switch → ACK, p50", _unit(words.at(main, "p50"))),
        ("switch → ACK, p99", _unit(words.at(main, "p99"))),
        ("largest of all", _unit(words.largest(result))),
        ("limit", _unit(result.get("limit_us"))),
        ("presses", words.count(result.get("presses"))),
        ("missed or too slow", words.count(words.miss_count(result))),
        ("orders after ACK", words.count(words.at(result, "orders", "after_ack"))),
    ]
    cells = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in shown)
    return f'<section><dl class="tiles">{cells}</dl></section>'


def _unit(value: Any) -> str:
    text = words.micros(value)
    return text if text == words.NOT_MEASURED else f"{text} us"


def stage_table(layout: Mapping[str, Any]) -> str:
    """Stages of one layout beside its noise floor, in us."""
    body = [
        ("", [name, *_stats(words.at(layout, "latency_us", key))])
        for key, name in words.STAGES.items()
    ]
    body.append(("floor", ["noise floor", *_stats(layout.get("noise_floor_us"))]))
    return table(["us", *words.STATS.values(), "n"], body)


def _stats(stage: Any) -> list[str]:
    return [*(words.micros(words.at(stage, key)) for key in words.STATS), _n(stage)]


def _n(stage: Any) -> str:
    return words.count(words.at(stage, "n"))


def layout(key: str, data: Any) -> str:
    """Verdict of one layout and its stage table."""
    head, _ = words.verdict(words.at(data, "verdict"))
    count = words.count(words.at(data, "presses"))
    title = f"<h3>{escape(words.layout_name(key))}: {escape(head)}</h3>"
    misses = words.at(data, "misses")
    over = f", {len(misses)} missed or too slow" if isinstance(misses, list) else ""
    return f'{title}<p class="note">presses: {escape(count)}{over}</p>' + stage_table(
        data if isinstance(data, Mapping) else {}
    )


def histograms(presses: Sequence[Press], limit_us: float | None) -> str:
    """One histogram a stage; the limit is drawn where it applies."""
    samples = samples_us(presses)
    parts = []
    for key, name in words.STAGES.items():
        limit = limit_us if key == "switch_to_ack" else None
        picture = svg.histogram(samples[key], name, limit)
        parts.append(f"<div><h3>{escape(name)}</h3>{picture}</div>")
    note = '<p class="note">Presses over microseconds, logarithmic.</p>'
    return f'{note}<div class="trio">{"".join(parts)}</div>'


def time_lines(capture: Capture, presses: Sequence[Press]) -> str:
    """The median press and the worst one, all lines."""
    median, worst = svg.pick(presses)
    parts = []
    for name, index in (("Median press", median), ("Worst press", worst)):
        if index is None:
            continue
        press = presses[index]
        title = f"{name} (no. {index + 1}): switch → ACK {_unit(press.switch_to_ack_us)}"
        picture = svg.time_line(capture, press, title)
        note = f"1 switch opens; {_halt_note(press)}; {_ack_note(press)}"
        parts.append(f'<h3>{escape(title)}</h3><div class="scroll picture">{picture}</div>')
        parts.append(f'<p class="note">{escape(note)}</p>')
    return "".join(parts)


def _halt_note(press: Press) -> str:
    if press.t_halt_ns is None:
        return "HALT never fell"
    return f"2 HALT falls after {_unit(press.switch_to_halt_us)}"


def _ack_note(press: Press) -> str:
    if press.t_ack_ns is None:
        return "ACK never rose"
    return f"3 ACK is high after {_unit(press.switch_to_ack_us)}"


def press_list(capture: Capture, presses: Sequence[Press], misses: Any) -> str:
    """Every press, in order; misses in bold and in words."""
    kinds = {}
    for miss in misses if isinstance(misses, (list, tuple)) else ():
        kinds[words.at(miss, "press")] = str(words.at(miss, "kind") or "over the limit")
    body = []
    for index, press in enumerate(presses):
        note = kinds.get(index, "" if press.complete else "missing")
        start_ms = (press.t_switch_ns - capture.start_ns) / 1e6
        stages = [words.micros(getattr(press, f"{key}_us")) for key in words.STAGES]
        body.append(("bad" if note else "", [f"{index + 1}", f"{start_ms:,.3f}", *stages, note]))
    head = ["no.", "at (ms)", *(f"{name} (us)" for name in words.STAGES.values()), "note"]
    state = " open" if len(presses) <= _OPEN_LIST else ""
    return f"<details{state}><summary>{len(presses)} presses</summary>{table(head, body)}</details>"


def orders(result: Mapping[str, Any]) -> str:
    """What the venue's own record says."""
    found = words.at(result, "orders")
    return pairs((name, words.count(words.at(found, key))) for key, name in words.ORDERS.items())


def environment(result: Mapping[str, Any]) -> str:
    """Bench, versions, data, and what the run recorded about its machine."""
    known = [("bench", "bench"), ("microcontroller", "mcu"), ("MicroPython", "micropython")]
    items = [(name, _text(result.get(key))) for name, key in known]
    items.append(("data", _text(words.at(result, "data", "source"))))
    items.append(("rows of data", words.count(words.at(result, "data", "rows"))))
    items.append(("rows replayed", words.count(words.at(result, "data", "rows_replayed"))))
    items += [(key, _text(value)) for key, value in words.rows(result.get("environment"))]
    return pairs(items)


def artifacts(result: Mapping[str, Any]) -> str:
    """Where the files of this run are."""
    return pairs((key, _text(path)) for key, path in words.rows(result.get("artifacts")))


def _text(value: Any) -> str:
    return words.NOT_MEASURED if value is None else str(value)
