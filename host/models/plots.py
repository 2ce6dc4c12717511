"""Pictures of a fit and of a walk-forward, by matplotlib: PNG files, or SVG inside an HTML page."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any

import numpy as np

from host.data.table import FloatArray, IntArray
from host.models.evaluate import ARIMA, ROLLING, Evaluation
from host.models.fitted import Fitted
from host.models.innovations import cdf
from host.models.series import Returns

BLUE, ORANGE, GREY = "#1f5fa8", "#d9822b", "#9aa5b1"
NAMES = {"arima": ARIMA, "rolling": ROLLING}
SHOWN = 750  # latest days; more of them are a blur
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
svg{{width:100%;height:auto}}pre{{overflow-x:auto;background:#f4f6f8;padding:1rem}}</style>
<h1>{title}</h1>{picture}<pre>{text}</pre></html>
"""


def fit_figure(fitted: Fitted, returns: Returns) -> Any:
    """Returns inside two standard deviations of their forecast, and the PIT histogram."""
    figure, (top, bottom) = _panels(2)
    mean, variance = fitted.filter(returns.values)
    x = _times(returns.time_ns, len(mean))[-SHOWN:]
    band = 2.0 * np.sqrt(variance[-SHOWN:])
    top.plot(x, returns.values[-SHOWN:], color=GREY, lw=0.7, label="return")
    top.plot(x, mean[-SHOWN:] + band, color=BLUE, lw=1.0, label="forecast, 2 sd")
    top.plot(x, mean[-SHOWN:] - band, color=BLUE, lw=1.0)
    top.set(title=f"{returns.source}: {fitted.spec.name}", ylabel="return, %")
    top.margins(y=0.15)
    top.legend(loc="upper left", frameon=False, ncols=2)
    u = cdf(fitted.residuals(returns.values), fitted.params.nu)
    bottom.hist(u, bins=20, range=(0.0, 1.0), color=BLUE, rwidth=0.92)
    bottom.axhline(len(u) / 20.0, color=ORANGE, lw=1.2, label="if the model were true")
    bottom.set(xlabel="probability integral transform", ylabel="returns")
    bottom.legend(loc="lower left", frameon=True)
    return figure


def forecast_figure(found: Evaluation, best: str) -> Any:
    """Realised volatility and the forecasts of GARCH and of the best model, and gains of all."""
    figure, (top, bottom) = _panels(2)
    start = max(found.first, len(found.realised) - SHOWN)
    x = _times(found.returns.time_ns, len(found.realised))[start:]
    top.plot(x, np.sqrt(found.realised[start:]), color=GREY, lw=0.7, label="realised")
    for name, colour in dict.fromkeys([(found.garch, BLUE), (best, ORANGE)]):
        line = found.volatilities[name].deviation[start - found.first :]
        top.plot(x, line, color=colour, lw=1.1, label=name)
    top.set(title=f"{found.returns.source}: volatility, one day ahead", ylabel="sd, % a day")
    top.margins(y=0.15)
    top.legend(loc="upper left", frameon=False, ncols=3)
    rows = found.volatility_rows()
    places = np.arange(len(rows))
    for shift, base, colour in ((-0.2, "arima", BLUE), (0.2, "rolling", ORANGE)):
        gains = [100.0 * row[f"rmse_gain_{base}"] for row in rows]
        bottom.barh(places + shift, gains, 0.38, color=colour, label=f"below {NAMES[base]}")
    bottom.set_yticks(places, [row["model"] for row in rows])
    bottom.invert_yaxis()
    bottom.axvline(0.0, color="black", lw=0.8)
    bottom.set(xlabel="volatility RMSE, gain in %")
    bottom.legend(loc="lower left", frameon=False)
    return figure


def write_png(figure: Any, path: Path) -> None:
    """Raise OSError when the file cannot be written."""
    figure.savefig(path, dpi=110, format="png")


def write_html(figure: Any, path: Path, title: str, text: str) -> None:
    """One self-contained page: the picture, and the printed report under it."""
    out = io.StringIO()
    figure.savefig(out, format="svg")
    picture = out.getvalue().partition("<svg")
    page = PAGE.format(
        title=html.escape(title), picture=picture[1] + picture[2], text=html.escape(text)
    )
    path.write_text(page, encoding="utf-8")


def _panels(rows: int) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 4.2 * rows), layout="constrained")
    axes = figure.subplots(rows, 1)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _times(time_ns: IntArray | None, count: int) -> FloatArray | np.ndarray[Any, Any]:
    return np.arange(count) if time_ns is None else time_ns.astype("datetime64[ns]")
