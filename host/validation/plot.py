"""Pictures of splits: one row for each, coloured by what the samples are used for."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from host.validation.fold import Fold, Role
from host.validation.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Blue and orange first: told apart by everybody; the samples left out are reds and browns.
COLOURS = {
    Role.UNUSED: "#eeeeee",
    Role.TRAIN: "#4477aa",
    Role.TEST: "#ee9933",
    Role.GAP: "#bbbbbb",
    Role.PURGED: "#aa3355",
    Role.EMBARGOED: "#665533",
}
SUFFIXES = (".png", ".svg", ".html")
_CELLS = 1200  # across; a cell shows the rarest role of its samples, so that a short gap is seen
_TICKS = 5

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ overflow-wrap: anywhere }}
svg {{ width: 100%; height: auto }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
</style></head><body><h1>{title}</h1>
{svg}
<div><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></div>
</body></html>
"""


def write_plot(path: Path, line: Timeline, folds: Sequence[Fold], title: str) -> None:
    """Write a picture of the splits as .png, .svg or a .html page with a table; raises OSError."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name}: the name of a picture ends in {', '.join(SUFFIXES)}")
    if suffix == ".html":
        path.write_text(page(line, folds, title), encoding="utf-8")
        return
    buffer = io.BytesIO()
    draw(line, folds, title).savefig(buffer, format=suffix[1:], dpi=150)
    path.write_bytes(buffer.getvalue())


def draw(line: Timeline, folds: Sequence[Fold], title: str) -> Figure:
    """Return the figure: samples to the right, splits downwards. Needs matplotlib."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(10, 1.6 + 0.32 * len(folds)), layout="constrained")
    axes = figure.subplots()
    grid = np.vstack([_cells(fold) for fold in folds])
    axes.imshow(
        grid,
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap(list(COLOURS.values())),
        vmin=-0.5,
        vmax=len(COLOURS) - 0.5,
        extent=(-0.5, line.n - 0.5, len(folds) + 0.5, 0.5),
    )
    axes.hlines(np.arange(1, len(folds)) + 0.5, -0.5, line.n - 0.5, colors="white", linewidth=3)
    places = np.unique(np.linspace(0, line.n - 1, _TICKS).astype(int)).tolist()
    axes.set_xticks(places, [f"{p}\n{line.shown(int(line.t_ns[p]))[:16]}" for p in places])
    step = max(1, len(folds) // 20)
    axes.set_yticks(range(1, len(folds) + 1, step))
    axes.set(xlabel="sample and its time", ylabel="split", title=title)
    axes.spines[:].set_visible(False)
    seen = [role for role in Role if (grid == role).any()]
    marks = [Patch(color=COLOURS[role], label=role.name.lower()) for role in seen]
    axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def page(line: Timeline, folds: Sequence[Fold], title: str) -> str:
    """Return a page of its own with picture and table."""
    buffer = io.StringIO()
    draw(line, folds, "").savefig(buffer, format="svg")
    svg = buffer.getvalue()
    head = ["split", "test from", "test to", *(role.name.lower() for role in list(Role)[1:])]
    rows = []
    for fold in folds:
        test = fold.indices(Role.TEST)
        ends = [line.shown(int(line.t_ns[at])) for at in (test[0], test[-1])]
        counts = [f"{fold.count(role):,}" for role in list(Role)[1:]]
        rows.append([str(fold.number), *ends, *counts])
    return PAGE.format(
        title=html.escape(title),
        svg=svg[svg.index("<svg") :],
        head="".join(f"<th>{name}</th>" for name in head),
        body="\n".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
        ),
    )


def _cells(fold: Fold) -> np.ndarray:
    n = len(fold.roles)
    starts = np.unique(np.linspace(0, n, min(n, _CELLS), endpoint=False).astype(int))
    return np.maximum.reduceat(fold.roles, starts)
