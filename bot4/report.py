"""`bot4 bench report`: one run again, two runs beside each other, or all runs there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot4.errors import BadInput, require

if TYPE_CHECKING:
    from rig.comparison import Comparison

Runs = Annotated[
    list[Path] | None, typer.Argument(help="One run: draw it again. Two: compare B with A.")
]
Folder = Annotated[Path | None, typer.Option("--history", help="All runs below this folder.")]
Out = Annotated[Path | None, typer.Option(help="Page of the history; default: in its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def report(
    runs: Runs = None, history: Folder = None, out: Out = None, as_json: AsJson = False
) -> int:
    """Draw a run again, compare two (exit 1 on a regression beyond noise), or show all."""
    from rig.report.files import RunError

    given = runs or []
    require(len(given) <= 2, f"{len(given)} runs: it takes one to draw or two to compare")
    require(bool(given) != bool(history), "give one run, two runs, or --history FOLDER")
    require(out is None or history is not None, "--out goes with --history")
    try:
        if history is not None:
            return _history(history, out or history / "history.html", as_json)
        return (
            _again(given[0], as_json) if len(given) == 1 else _compare(given[0], given[1], as_json)
        )
    except RunError as error:
        raise BadInput(str(error)) from None
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from None


def _again(run: Path, as_json: bool) -> int:
    from rig.report import files
    from rig.report.table import print_summary

    loaded = files.load(run)
    files.draw(loaded.folder, loaded.result, loaded.runs)
    if as_json:
        _print_json(loaded.result)
    else:
        print_summary(loaded.result)
        print(f"drawn again: {loaded.folder / files.NAMES['report']}")
    return 0 if loaded.result["verdict"] == "pass" else 1


def _compare(a: Path, b: Path, as_json: bool) -> int:
    from rig import comparison
    from rig.report import files

    found = comparison.compare(files.load(a), files.load(b))
    if as_json:
        _print_json(found.as_dict())
    else:
        _show(found, a, b)
    return 1 if found.regressions else 0


def _history(folder: Path, out: Path, as_json: bool) -> int:
    from rich.console import Console

    from rig import history
    from rig.report import trend

    found = history.read(folder)
    trend.write(out, found)
    if as_json:
        _print_json({**found.as_dict(), "page": str(out)})
    else:
        trend.show(found, Console())
        print(f"page: {out}")
    return 0


def _print_json(found: dict[str, Any]) -> None:
    import msgspec

    print(msgspec.json.encode(found).decode())


def _show(found: Comparison, a: Path, b: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rig.comparison import SAME
    from rig.report import words

    out = Console(highlight=False)
    out.print(Text(f"bench {found.bench}\nA {a}\nB {b}"), soft_wrap=True)
    stages = {**words.STAGES, **words.GUARD_STAGES}
    layout = ""
    for whole in found.wholes:
        if whole.layout != layout:
            layout = whole.layout
            table = Table(title=Text(f"{words.layout_name(layout)} (us)"), box=box.SIMPLE_HEAD)
            for name in ("stage", "", "A", "B", "B - A", "interval", "finding"):
                table.add_column(name, justify="left" if name in ("stage", "finding") else "right")
            for row in found.rows:
                if row.layout == layout and row.difference is not None:
                    figures = (words.micros(each) for each in (row.a, row.b, row.difference))
                    span = f"{words.micros(row.low)} .. {words.micros(row.high)}"
                    name = words.STATS[row.percentile]
                    table.add_row(stages[row.stage], name, *figures, span, row.finding)
            out.print(table)
        fewest = min(whole.presses)
        pairs = f"B is the slower in {100 * whole.b_slower:.0f} % of pairs, p {whole.p_value:.2g}"
        same = f"no difference that {fewest:,} presses can show"
        told = same if whole.finding == SAME else whole.finding
        out.print(Text(f" {stages[whole.stage]}, all presses: {told} ({pairs})"))
    for note in found.notes:
        out.print(Text(f"differs: {note}"), soft_wrap=True)
    for line in found.regressions or ["no regression beyond noise"]:
        out.print(Text(f"regression: {line}" if found.regressions else line), soft_wrap=True)
