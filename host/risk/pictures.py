"""The back-test as a picture: returns, the VaR below them, and where it was violated."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from host.risk.report import Tested

_WIDTH_IN, _HEIGHT_IN = 9.0, 3.2
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Value at risk</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem}}
img{{width:100%}}td,th{{text-align:left;padding:.1rem 1rem .1rem 0}}</style>
<h1>Value at risk, {method}, {confidence:g} %</h1>{tables}<img alt="returns and VaR" src="{picture}">
</html>
"""


def figure(tested: list[Tested], method: str) -> Any:
    """Return a matplotlib figure with one panel a file."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * len(tested)), layout="constrained")
    for place, one in enumerate(tested):
        axes = drawn.add_subplot(len(tested), 1, place + 1)
        axes.plot(one.times, one.returns, ".", color="0.6", ms=2, label="return")
        axes.plot(one.times, one.quantile, color="tab:blue", lw=0.7, label=f"-VaR, {method}")
        hits = one.hits
        axes.plot(one.times[hits], one.returns[hits], "v", color="tab:red", ms=4, label="violation")
        axes.set_title(f"{one.bars.name}: {int(hits.sum())} violations of {len(hits)}", loc="left")
        axes.set_ylabel("log return, %")
        axes.legend(loc="lower right", ncols=3, fontsize="small")
    return drawn


def write_png(file: Path, tested: list[Tested], method: str) -> None:
    """Write the picture. Raises OSError."""
    file.write_bytes(_png(tested, method))


def write_html(
    file: Path, tested: list[Tested], method: str, rows: list[tuple[str, str]], confidence: float
) -> None:
    """Write one page that needs no other file: figures, then the picture. Raises OSError."""
    lines = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    picture = "data:image/png;base64," + base64.b64encode(_png(tested, method)).decode()
    tables = f"<table>{lines}</table>"
    page = _PAGE.format(method=method, confidence=confidence, tables=tables, picture=picture)
    file.write_text(page)


def _png(tested: list[Tested], method: str) -> bytes:
    room = io.BytesIO()
    figure(tested, method).savefig(room, format="png", dpi=110)
    return room.getvalue()
