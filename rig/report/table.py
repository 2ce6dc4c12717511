"""The result for the terminal, within 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rig.report import words

_STYLES = {"PASS": "bold green", "TOO NOISY": "bold yellow"}


def summary(result: Mapping[str, Any]) -> Group:
    """Verdict, reasons, stage tables, orders and audit as one rich renderable."""
    parts: list[RenderableType] = []
    warning = words.warning(result)
    if warning:
        parts.append(Text(warning, style="bold"))
    head, sentence = words.verdict(result.get("verdict"))
    parts.append(Text.assemble((head, _STYLES.get(head, "bold red")), f"  {sentence}"))
    parts += [Text(f"  - {reason}") for reason in words.reasons(result)]
    parts += [_stages(key, data) for key, data in words.layouts(result)]
    return Group(*parts, _facts(result))


def print_summary(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the summary and the paths of the results to `console` (default: standard output)."""
    console = console or Console()
    console.print(summary(result))
    for line in _files(result):
        console.print(line, soft_wrap=True)


def _stages(key: str, layout: Any) -> Table:
    head, _ = words.verdict(words.at(layout, "verdict"))
    # Text, not str, throughout: rich reads brackets in a str as mark-up.
    title = Text(f"{words.layout_name(key)}: {head} (us)")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, width=78)
    table.add_column("stage", min_width=14)
    for name in (*words.STATS.values(), "n"):
        table.add_column(name, justify="right")
    stages = [(name, words.at(layout, "latency_us", k)) for k, name in words.STAGES.items()]
    for name, stage in [*stages, ("noise floor", words.at(layout, "noise_floor_us"))]:
        cells = [words.micros(words.at(stage, k)) for k in words.STATS]
        table.add_row(name, *cells, words.count(words.at(stage, "n")))
    return table


def _facts(result: Mapping[str, Any]) -> Table:
    table = Table(box=None, show_header=False, width=78)
    table.add_column(min_width=33)
    table.add_column(overflow="fold")
    table.add_row("limit, switch → ACK (us)", words.micros(result.get("limit_us")))
    for key, name in words.ORDERS.items():
        table.add_row(name, words.count(words.at(result, "orders", key)))
    table.add_row("audit log", words.audit(result))
    return table


def _files(result: Mapping[str, Any]) -> list[Text]:
    """One line a file, never folded by us: a path is there to be copied."""
    names = dict(words.rows(result.get("artifacts")))
    width = max(map(len, names), default=0)
    paths = {key: words.NOT_MEASURED if path is None else str(path) for key, path in names.items()}
    return [Text(f" {key:{width}}  {path}", no_wrap=True) for key, path in paths.items()]
