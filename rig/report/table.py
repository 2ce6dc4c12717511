"""The result for the terminal, within 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rig.report import words

_MISSES_SHOWN = 10  # the page and the JSON have all
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
    for key, data in words.layouts(result):
        parts += [_stages(key, data), *_below(data)]
    stretches = _stretches(result)
    parts += [stretches] if stretches.row_count else []
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
    table.add_column("stage", min_width=23)
    for name in (*words.STATS.values(), "n"):
        table.add_column(name, justify="right")
    for stage, name in words.STAGES.items():
        _row(table, name, words.at(layout, "latency_us", stage))
        if stage == "switch_to_ack":
            for end, label in (("low", "  95 % from"), ("high", "  95 % to")):
                ends = words.bounds(layout, stage, end)
                if ends:
                    table.add_row(
                        label, *(ends.get(each, "") for each in words.STATS), "", style="dim"
                    )
    for stage, name in words.GUARD_STAGES.items():
        stats = words.at(layout, "guard_us", stage)
        if stats is not None:
            _row(table, f"  {name}", stats)
    _row(table, "noise floor", words.at(layout, "noise_floor_us"))
    return table


def _row(table: Table, name: str, stats: Any) -> None:
    cells = [words.percentile(stats, key) for key in words.STATS]
    table.add_row(name, *cells, words.count(words.at(stats, "n")))


def _below(layout: Any) -> list[Text]:
    """What the presses do not tell, and each slow one by stage."""
    lines = [Text(f" {line}") for line in words.limits_of_knowledge(layout)]
    misses = words.at(layout, "misses")
    for miss in misses[:_MISSES_SHOWN] if isinstance(misses, (list, tuple)) else ():
        press, took, stage, stage_took, usual, probe, verdict = words.miss_cells(miss)
        slow = f"{stage} {stage_took}, usually {usual}"
        lines.append(Text(f" press {press}: {took} us; {slow}; probe: {probe}; {verdict}"))
    return lines


def _stretches(result: Mapping[str, Any]) -> Table:
    title = Text("The guard's work between two looks at HALT")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, width=78)
    table.add_column("work")
    for name in words.STRETCHES.values():
        table.add_column(name, justify="right")
    for kind, told in words.rows(result.get("guard_stretches")):
        table.add_row(Text(kind), *(words.count(words.at(told, key)) for key in words.STRETCHES))
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
