"""`bot4 fit` and `bot4 forecast`: models of returns and volatility."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput, require

File = Annotated[str, typer.Argument(help="CSV, CSV.gz or Parquet; sp500 for that of arch.")]
ColumnName = Annotated[str, typer.Option(help="Column to read.")]
AreReturns = Annotated[bool, typer.Option("--returns", help="The column holds percent returns.")]
Ar = Annotated[int, typer.Option(help="AR order.")]
Ma = Annotated[int, typer.Option(help="MA order.")]
Dist = Annotated[str, typer.Option(help="Innovations: t or normal.")]
Df = Annotated[str, typer.Option(help="Degrees of freedom: a number, free, or LO:HI.")]
At = Annotated[Path | None, typer.Option(help="Evaluate at these parameters; nothing is fitted.")]
Save = Annotated[Path | None, typer.Option(help="Write the fitted model as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Png = Annotated[Path | None, typer.Option(help="Write the pictures as PNG.")]
Html = Annotated[Path | None, typer.Option(help="Write pictures and report as one page.")]
From = Annotated[str, typer.Option("--from", help="First day forecast: YYYY-MM-DD.")]
Realised = Annotated[str | None, typer.Option(help="Intraday bars of the same instrument.")]


def fit(
    file: File,
    column: ColumnName = "close",
    returns: AreReturns = False,
    ar: Ar = 2,
    ma: Ma = 2,
    dist: Dist = "t",
    df: Df = "4",
    at: At = None,
    save: Save = None,
    as_json: AsJson = False,
    png: Png = None,
    html: Html = None,
) -> int:
    """Fit ARMA(p,q)-GARCH(1,1) to a series by joint maximum likelihood; forecast the next return."""
    import msgspec

    spec = _spec(ar, ma, dist, df)
    with _problems():
        from host.models import at as evaluate
        from host.models import fit as joint
        from host.models.diagnostics import diagnose
        from host.models.report import fit_report, fit_text
        from host.models.series import read_returns

        series = read_returns(file, column, are_returns=returns)
        with _problems(series.source):
            began = time.perf_counter()
            if at is not None:
                spec, params = _given(at)
                fitted = evaluate(series.values, spec, params)
            else:
                fitted = joint(series.values, spec)
            seconds = time.perf_counter() - began
            diagnostics = diagnose(fitted, series.values)
    found = fit_report(fitted, series, diagnostics, seconds)
    text = fit_text(found)
    if save is not None:
        _write(save, lambda: save.write_bytes(fitted.to_json()))
    if png or html:
        from host.models.plots import fit_figure

        _draw(lambda: fit_figure(fitted, series), png, html, f"{series.source}: fit", text)
    print(msgspec.json.encode(found).decode() if as_json else text)
    return 0


def forecast(
    file: File,
    begin: From,
    realised: Realised = None,
    column: ColumnName = "close",
    ar: Ar = 2,
    ma: Ma = 2,
    dist: Dist = "t",
    df: Df = "4",
    as_json: AsJson = False,
    png: Png = None,
    html: Html = None,
) -> int:
    """Walk forward, refitting monthly; score all models. Exit 1 when a limit does not hold."""
    import msgspec

    spec = _spec(ar, ma, dist, df)
    with _problems():
        from host.models.evaluate import walk
        from host.models.report import forecast_report, forecast_text

        evaluation, proxy = walk(file, column, _day_ns(begin), realised, spec)
        found = forecast_report(evaluation, proxy, begin)
    text = forecast_text(found)
    if png or html:
        from host.models.plots import forecast_figure

        title = f"{evaluation.returns.source}: forecasts"
        _draw(lambda: forecast_figure(evaluation, found["best"]), png, html, title, text)
    print(msgspec.json.encode(found).decode() if as_json else text)
    return 0 if all(line["pass"] for line in found["limits"]) else 1


@contextlib.contextmanager
def _problems(source: str = "") -> Iterator[None]:
    """Bad data and impossible models become one line; so does a package that is not there."""
    try:
        # numpy and what is built on it: loaded here, so that other commands start without them.
        from host.data.table import BadData
        from host.models.spec import ModelError
    except ImportError as error:
        raise _missing(error) from None
    try:
        yield
    except ImportError as error:
        raise _missing(error) from None
    except BadData as error:
        raise BadInput(str(error)) from None
    except ModelError as error:
        raise BadInput(f"{source}: {error}" if source else str(error)) from None


def _missing(error: ImportError) -> BadInput:
    return BadInput(f"{error}: pip install 'bot4[models]'")


def _spec(ar: int, ma: int, dist: str, df: str) -> Any:
    require(dist in ("t", "normal"), f"--dist {dist}: t or normal")
    bounds: Any = "free"
    if df != "free":
        try:
            numbers = [float(part) for part in df.split(":")]
        except ValueError:
            raise BadInput(f"--df {df}: a number, free, or LO:HI") from None
        require(len(numbers) in (1, 2), f"--df {df}: a number, free, or LO:HI")
        bounds = numbers[0] if len(numbers) == 1 else tuple(numbers)
    with _problems():
        from host.models.spec import Spec

        spec = Spec(ar, ma, "garch", "t" if dist == "t" else "normal", bounds)
        spec.check()
    return spec


def _given(file: Path) -> tuple[Any, Any]:
    """Parameters out of a file: bare, the output of `--json`, or a saved model."""
    import msgspec

    from host.models.spec import Params, Spec

    try:
        found = msgspec.json.decode(file.read_bytes())
        found = found.get("params", found) if isinstance(found, dict) else found
        params = msgspec.convert(found, Params)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BadInput(f"{file}: {error}") from None
    orders = len(params.ar), len(params.ma)
    volatility: Any = "gjr" if params.gamma else "garch"
    with _problems(str(file)):
        params.check()
        if params.nu is None:
            return Spec(*orders, volatility, "normal"), params
        return Spec(*orders, volatility, "t", params.nu), params


def _day_ns(text: str) -> int:
    import datetime

    try:
        day = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--from {text}: a day as YYYY-MM-DD") from None
    day = day if day.tzinfo else day.replace(tzinfo=datetime.UTC)
    return int(day.timestamp()) * 10**9


def _draw(figure: Any, png: Path | None, html: Path | None, title: str, text: str) -> None:
    with _problems():
        from host.models import plots

        drawn = figure()
        if png:
            _write(png, lambda: plots.write_png(drawn, png))
        if html:
            _write(html, lambda: plots.write_html(drawn, html, title, text))


def _write(file: Path, write: Any) -> None:
    try:
        write()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
