"""The result as one HTML page: no script, nothing from outside, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from rig.capture.model import Capture
from rig.latency import Press
from rig.report import parts, words

# Belt and braces: even a value that slipped through the escaping could load or run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Run:
    """One layout's capture and presses. `layout` is its key in the result's `layouts`."""

    layout: str
    capture: Capture
    presses: Sequence[Press]


def render(result: Mapping[str, Any], runs: Sequence[Run] = ()) -> str:
    """The page for `result` (see `rig.report.words`) with pictures of each of `runs`.

    Numbers that are None, absent or not finite read "not measured". The page shows the result's
    verdict; it judges nothing itself.
    """
    head, _ = words.verdict(result.get("verdict"))
    title = f"Bot4 halt: {head} on bench {result.get('bench') or 'unknown'}"
    tables = [parts.layout(key, data) for key, data in words.layouts(result)]
    body = [
        f"<h1>{escape(title)}</h1>",
        parts.verdict(result),
        parts.tiles(result),
        parts.section("Latency by stage", *tables, parts.RANK_NOTE),
        *(_run(result, run) for run in runs),
        parts.section("Orders, by the venue's own record", parts.orders(result)),
        parts.section("Audit log", f"<p>{escape(words.audit(result))}</p>"),
        parts.section("Environment", parts.environment(result)),
        parts.section("Files", parts.artifacts(result)),
    ]
    css = files("rig.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _run(result: Mapping[str, Any], run: Run) -> str:
    name = words.layout_name(run.layout)
    misses = words.at(result, "layouts", run.layout, "misses")
    limit_us = words.number(result.get("limit_us"))
    return "".join(
        [
            parts.section(f"Histograms - {name}", parts.histograms(run.presses, limit_us)),
            parts.section(f"On the wires - {name}", parts.time_lines(run.capture, run.presses)),
            parts.section(
                f"All presses - {name}", parts.press_list(run.capture, run.presses, misses)
            ),
        ]
    )


def write_page(path: Path, result: Mapping[str, Any], runs: Sequence[Run] = ()) -> None:
    """Render to `path` in UTF-8. OSError as from open()."""
    Path(path).write_text(render(result, runs), encoding="utf-8")
