"""Figures of one run: histograms, CDF, time lines. Readable without colour: labels, dashes, hatches."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rig.report.theme import LIGHT, inline
from rig.report.words import micros

Samples = NDArray[np.float64]

_NARROW, _WIDE = (4.6, 2.3), (9.6, 4.2)  # inches; the first fits a phone, the second scrolls there
_DPI = 160
_LOWEST_US = 0.1  # a sampled 0 has no place on a logarithmic axis
_BINS_PER_DECADE = 10
_MOST_STEPS = 2000  # of a CDF: more could not be told apart
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bot4",  # the same figure is the same file
    "font.size": 9,
    "text.color": LIGHT["ink"],
    "axes.edgecolor": LIGHT["soft"],
    "axes.labelcolor": LIGHT["soft"],
    "axes.facecolor": LIGHT["card"],
    "figure.facecolor": LIGHT["card"],
    "xtick.color": LIGHT["soft"],
    "ytick.color": LIGHT["soft"],
    "grid.color": LIGHT["rule"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
}
_NO_METADATA: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_DASHES = ("-", "--", ":", "-.")
MARK: dict[str, Any] = {"color": LIGHT["mark"], "linestyle": (0, (3, 3)), "linewidth": 1.2}
LIMIT: dict[str, Any] = {"color": LIGHT["bad"], "linestyle": (0, (7, 3)), "linewidth": 1.8}


class Picture:
    """A figure as text for the page and as files."""

    def __init__(
        self, name: str, label: str, size: tuple[float, float], draw: Callable[[Axes], None]
    ):
        self.name, self.label = name, label
        with mpl.rc_context(_STYLE):
            self._figure = Figure(figsize=size, layout="constrained")
            draw(self._figure.add_subplot())
            text = io.StringIO()
            self._figure.savefig(text, format="svg", metadata=_NO_METADATA)
            self._figure.set_layout_engine("none")  # it stands where it is now; the PNG is the same
        self.svg = text.getvalue()

    def inline(self) -> str:
        """Return it as an element of a page."""
        return inline(self.svg, escape(self.label, quote=True), self.name)

    def write(self, folder: Path) -> None:
        """Write NAME.svg and NAME.png into `folder`."""
        (folder / f"{self.name}.svg").write_text(self.svg, encoding="utf-8")
        with mpl.rc_context(_STYLE):
            self._figure.savefig(folder / f"{self.name}.png", dpi=_DPI)


def narrow(name: str, label: str, draw: Callable[[Axes], None]) -> Picture:
    """A picture that fits a phone."""
    return Picture(name, label, _NARROW, draw)


def wide(name: str, label: str, draw: Callable[[Axes], None]) -> Picture:
    """A picture for the width of the page."""
    return Picture(name, label, _WIDE, draw)


def bins(samples: Samples, limit_us: float | None) -> tuple[NDArray[np.int64], Samples]:
    """Counts and edges (us) of a logarithmic histogram that holds every sample, and the limit."""
    values = np.maximum(samples, _LOWEST_US)
    high = max(float(values.max()), limit_us or 0.0)
    low_decade = math.floor(math.log10(float(values.min())) + 1e-9)
    decades = max(1, math.ceil(math.log10(high) + 0.02) - low_decade)
    edges = 10.0 ** (low_decade + np.arange(decades * _BINS_PER_DECADE + 1) / _BINS_PER_DECADE)
    edges[0] = min(edges[0], float(values.min()))
    return np.histogram(values, edges)[0], edges


def histogram(name: str, title: str, samples: Samples, limit_us: float | None) -> Picture:
    """How many presses took how long."""

    def draw(axes: Axes) -> None:
        counts, edges = bins(samples, limit_us)
        kind: dict[str, Any] = {"color": LIGHT["bar"], "edgecolor": LIGHT["card"], "linewidth": 0.6}
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", **kind)
        axes.set_ylabel("presses")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")
        _microseconds(axes, (edges[0], edges[-1]), limit_us)

    return narrow(name, f"{title}: histogram of {samples.size} presses", draw)


def cdf(name: str, stages: Mapping[str, Samples], limit_us: float | None) -> Picture:
    """The share of presses that took at most so long, stretched towards the tail."""

    def draw(axes: Axes) -> None:
        known = {stage: np.sort(values) for stage, values in stages.items() if values.size}
        for (stage, values), dashes in zip(known.items(), _DASHES, strict=False):
            share = np.arange(1, values.size + 1) / (values.size + 1)
            kept = np.unique(np.geomspace(1, values.size, _MOST_STEPS).astype(int))
            kept = values.size - kept[::-1]  # dense where the tail is
            times = np.maximum(values[kept], _LOWEST_US)
            kind: dict[str, Any] = {"where": "post", "color": LIGHT["wave"], "linestyle": dashes}
            axes.step(times, share[kept], label=stage, **kind)
        axes.set_yscale("logit", use_overline=False)
        most = max(values.size for values in known.values())
        axes.set_ylim(0.04, 1 - 0.5 / (most + 1))
        shown = [
            share for share in (0.1, 0.5, 0.9, 0.99, 0.999, 0.9999) if share <= axes.get_ylim()[1]
        ]
        axes.set_yticks(shown, [f"{100 * share:g} %" for share in shown])
        axes.set_yticks([], minor=True)
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8
        )
        ends = [np.maximum(values[[0, -1]], _LOWEST_US) for values in known.values()]
        span = min(low for low, _ in ends), max(*(high for _, high in ends), limit_us or 0.0)
        _microseconds(axes, (span[0] * 0.9, span[1] * 1.3), limit_us)

    return narrow(name, "Share of presses that took at most so long, by stage", draw)


def _microseconds(axes: Axes, span: tuple[float, float], limit_us: float | None) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*span)
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("us")
    if limit_us is not None and span[0] <= limit_us <= span[1]:
        axes.axvline(limit_us, **LIMIT)
        place: dict[str, Any] = {
            "xy": (limit_us * 0.98, 0.98),
            "xycoords": ("data", "axes fraction"),
        }
        text = f"limit {micros(limit_us)} us"
        behind = {"facecolor": LIGHT["card"], "edgecolor": "none", "pad": 1.0}
        axes.annotate(text, **place, bbox=behind, rotation=90, ha="right", va="top", fontsize=8)
