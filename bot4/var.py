"""`bot4 var`: what a position in an instrument may lose in the next bar, and whether that was true."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot4.errors import BadInput, require

if TYPE_CHECKING:
    from host.risk.report import Tested

# Percent of the equity that a day may cost, as in host/default.toml.
MOST_VAR, MOST_CVAR = 2.0, 2.8


def var(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Bars: CSV, CSV.gz, Parquet, or sp500.")
    ],
    method: Annotated[
        str, typer.Option(help="combined, garch-t, fhs, har-fhs or hs.")
    ] = "combined",
    confidence: Annotated[float, typer.Option(help="Above 0.5 and below 1.")] = 0.99,
    df: Annotated[
        str | None,
        typer.Option(help="Of the t: a number or LOW:HIGH; else 4, or 3:30 if there are weekends."),
    ] = None,
    backtest: Annotated[bool, typer.Option("--backtest", help="Test it walk-forward.")] = False,
    start: Annotated[str | None, typer.Option("--from", help="First day tested.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    png: Annotated[Path | None, typer.Option(help="Write the back-test as a picture.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page.")] = None,
) -> int:
    """Forecast value at risk and expected shortfall; exit 1 when a limit of the back-test is missed.

    Several files are back-tested one by one and pooled.
    """
    _needs_models()
    from host.models import ModelError
    from host.risk.bars import BadData
    from host.risk.methods import METHODS

    require(method in METHODS, f"--method {method}: it is {', '.join(METHODS)}")
    require(0.5 < confidence < 1, f"--confidence {confidence:g}: above 0.5 and below 1")
    require(backtest or not (start or png or html), "--from, --png and --html need --backtest")
    require(len(set(files)) == len(files), "a file stands there twice")
    _day(start)
    freedom = _freedom(df)
    try:
        told = [_forecast(file, method, confidence, freedom) for file in files]
        tested = [_tested(file, method, confidence, freedom, start) for file in files if backtest]
        found = _found(told, tested, method, confidence)
    except (BadData, ModelError, ValueError) as error:
        raise BadInput(str(error)) from None
    _pictures(tested, found, method, confidence, png, html)
    if as_json:
        import json

        print(json.dumps(_plain(found), allow_nan=False))
    else:
        print(_text(found))
    return 0 if all(line["pass"] for line in found.get("limits", ())) else 1


def _needs_models() -> None:
    try:
        import scipy  # noqa: F401
    except ImportError:
        raise BadInput("models are not installed: pip install 'bot4[models]'") from None


def _day(text: str | None) -> None:
    import datetime

    try:
        datetime.date.fromisoformat(text or "2000-01-01")
    except ValueError:
        raise BadInput(f"--from {text}: a day as 2019-01-01") from None


def _freedom(text: str | None) -> float | tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in (text.split(":") * 2)[:2])
    except ValueError:
        raise BadInput(f"--df {text}: a number, or LOW:HIGH") from None
    require(2.05 < low <= high <= 300, f"--df {text}: from above 2.05 to 300, low to high")
    return low if ":" not in text else (low, high)


def _bars(file: str) -> Any:
    from host.data.reader import read
    from host.risk import bars

    return bars.of(read(file))


def _methods(file: str, first: int | None, start: str | None, confidence: float, df: Any) -> Any:
    from host.risk import methods

    bars = _bars(file)
    chosen = df or (4.0 if bars.every_day else (3.0, 30.0))
    least = methods.least(bars)
    if first is None:
        return methods.Methods(bars, bars.begin(start, least), _level(confidence), chosen)
    bars = bars.with_next()
    return methods.Methods(
        bars, bars.begin(None, len(bars.returns) - 1), _level(confidence), chosen
    )


def _level(confidence: float) -> float:
    """Return the probability of the tail, without what the subtraction adds to it."""
    return round(1 - confidence, 12)


def _forecast(file: str, method: str, confidence: float, df: Any) -> dict[str, Any]:
    """Of the bar that comes next."""
    from host.risk.tails import loss_pct

    made = _methods(file, -1, None, confidence, df)
    quantile, mean = (float(each[-1]) for each in made.tails(method))
    loss, beyond = loss_pct(quantile), loss_pct(mean)
    return {
        "file": made.bars.name,
        "n": len(made.bars.returns) - 1,
        "bar_s": made.bars.step_s,
        "gaps": made.bars.gaps,
        "after": str(made.bars.times()[-2])[:19],
        "VaR": loss,
        "CVaR": beyond,
        "unit": "percent of a long position's value",
        "position_of_equity": _position_share(loss, beyond),
    }


def _position_share(loss: float, beyond: float) -> float | None:
    """Return the largest position in percent of the equity; None when the tail is no loss."""
    return 100 * min(MOST_VAR / loss, MOST_CVAR / beyond) if loss > 0 else None


def _tested(file: str, method: str, confidence: float, df: Any, start: str | None) -> Tested:
    from host.risk import report

    return report.test(_methods(file, None, start, confidence, df), method)


def _found(told: list[Any], tested: list[Any], method: str, confidence: float) -> dict[str, Any]:
    from host.risk import report

    found: dict[str, Any] = {"method": method, "confidence": confidence}
    if len(told) == 1:
        found |= told[0]
    else:
        found["files"] = told
    if tested:
        kinds = {(one.bars.step_s, one.bars.every_day) for one in tested}
        require(len(kinds) == 1, "files of different bars or calendars are not pooled")
        for line, one in zip(told, tested, strict=True):
            line["backtest"] = report.backtest([one])
        found["backtest"] = report.backtest(tested) if len(tested) > 1 else told[0]["backtest"]
        found["limits"] = report.limits(tested, found["backtest"])
    return found


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(found: dict[str, Any]) -> str:
    lines = [f"{found['method']}, confidence {found['confidence']:g}"]
    for line in found.get("files", [found]):
        lines.append(
            f"{line['file']}: {line['n']} returns, the bar after {line['after']}, gaps {line['gaps']}"
        )
        lines.append(
            f"  VaR {line['VaR']:.2f} %  CVaR {line['CVaR']:.2f} % of a long position's value"
        )
        if line["position_of_equity"] is not None:
            lines.append(
                f"  within VaR 2 % and CVaR 2.8 % of equity: {line['position_of_equity']:.1f} % of it"
            )
        if "files" in found and "backtest" in line:
            test = line["backtest"]
            gain = next(value for key, value in test.items() if key.startswith("gain_over"))
            lines.append(
                f"  {test['violations']} violations of {test['n']} "
                f"({100 * test['violations_share']:.2f} %), pinball gain {100 * gain:+.1f} %"
            )
    lines += _rows(found)
    if found.get("limits"):
        lines.append(f"{'limit':40}{'reached':>10}  pass")
        for line in found["limits"]:
            good = "yes" if line["pass"] else "NO"
            lines.append(f"{line['limit']:40}{line['reached']:>10.4g}  {good}")
    return "\n".join(lines)


def _rows(found: dict[str, Any]) -> list[str]:
    test = found.get("backtest")
    if test is None:
        return []
    rows = ["back-test, walk-forward" + (", pooled" if "files" in found else "")]
    for name, value in test.items():
        if name == "crises":
            rows += [
                f"  {each['window']}: {each['violations']} of {each['n']}, "
                f"expected {each['expected']:.1f} (a count, no test)"
                for each in value
            ]
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            rows.append(f"  {name.replace('_', ' '):20}{shown}")
    return rows


def _pictures(
    tested: list[Any],
    found: Any,
    method: str,
    confidence: float,
    png: Path | None,
    html: Path | None,
) -> None:
    if not (png or html):
        return
    try:
        from host.risk import pictures

        if png:
            pictures.write_png(png, tested, method)
        if html:
            rows = [(line["limit"], f"{line['reached']:.4g}") for line in found["limits"]]
            pictures.write_html(html, tested, method, rows, 100 * confidence)
    except ImportError:
        raise BadInput("matplotlib is not installed: pip install 'bot4[models]'") from None
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from None
