"""The result as one HTML page: no script, nothing from outside, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from rig.report import parts, pictures, tables, theme, words
from rig.report.pictures import Captioned
from rig.report.views import Run

# Belt and braces: even a value that slipped through the escaping could load or run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# Layout -> its distributions and its time lines.
Drawn = Mapping[str, tuple[Sequence[Captioned], Sequence[Captioned]]]


def render(result: Mapping[str, Any], runs: Sequence[Run] = (), drawn: Drawn | None = None) -> str:
    """The page for `result` (see `rig.report.words`) with the pictures of each of `runs`.

    Numbers that are None, absent or not finite read "not measured". The page shows the result's
    verdict; it judges nothing itself. Pictures that are not given are drawn.
    """
    head, _ = words.verdict(result.get("verdict"))
    title = f"Bot4 halt: {head} on bench {result.get('bench') or 'unknown'}"
    layouts = [tables.layout(key, data) for key, data in words.layouts(result)]
    pages = draw(result, runs) if drawn is None else drawn
    body = [
        f"<h1>{escape(title)}</h1>",
        parts.verdict(result),
        parts.tiles(result),
        parts.section("Latency by stage", *layouts, parts.note(tables.RANK_NOTE)),
        *(_run(result, run, *pages[run.layout]) for run in runs),
        parts.section("Checks", tables.check_table(result)),
        parts.section("Orders, by the venue's own record", parts.orders(result)),
        parts.section("Audit log", f"<p>{escape(words.audit(result))}</p>"),
        parts.section("The guard's longest stretches", tables.stretches(result)),
        parts.section("Environment", parts.environment(result)),
        parts.section("Files", parts.artifacts(result)),
    ]
    return document(title, "".join(body))


def draw(result: Mapping[str, Any], runs: Sequence[Run]) -> Drawn:
    """Draw the pictures of all layouts."""
    limit_us = words.number(result.get("limit_us"))
    return {
        run.layout: (pictures.distributions(run, limit_us), pictures.time_lines(run))
        for run in runs
    }


def document(title: str, body: str) -> str:
    """A whole page around `body`, which is HTML."""
    css = theme.variables() + files("rig.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _run(
    result: Mapping[str, Any],
    run: Run,
    distributions: Sequence[Captioned],
    time_lines: Sequence[Captioned],
) -> str:
    name = words.layout_name(run.layout)
    misses = words.at(result, "layouts", run.layout, "misses")
    return "".join(
        [
            parts.section(f"Distribution - {name}", parts.distributions(distributions)),
            parts.section(f"On the wires - {name}", parts.time_lines(time_lines)),
            parts.section(f"All presses - {name}", tables.press_list(run, misses)),
        ]
    )


def write_page(
    path: Path, result: Mapping[str, Any], runs: Sequence[Run] = (), drawn: Drawn | None = None
) -> None:
    """Render to `path` in UTF-8. OSError as from open()."""
    Path(path).write_text(render(result, runs, drawn), encoding="utf-8")
