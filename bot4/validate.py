"""Commands of the validation: splits of a file, and what leaks without them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bot4 import walks
from bot4.errors import BadInput, require
from bot4.split_inputs import count_or_duration, duration, load_times, need, splitter
from bot4.split_shown import draw, facts, print_json, show

app = typer.Typer(help="Splits that do not leak, and the test that shows what leaks.")

File = Annotated[str, typer.Argument(help="Bars or trades: a file, or sp500.")]
Mode = Annotated[str, typer.Option(help="walk_forward, walk_forward_time, purged_kfold.")]
Splits = Annotated[int, typer.Option(help="How many splits.")]
TestSize = Annotated[int | None, typer.Option(help="walk_forward: samples.")]
Test = Annotated[str | None, typer.Option(help="walk_forward_time: 30D.")]
Gap = Annotated[str | None, typer.Option(help="Samples, or by the clock 7D.")]
MaxTrain = Annotated[str | None, typer.Option(help="Samples, or by the clock 365D.")]
MinTrain = Annotated[int | None, typer.Option(help="Samples.")]
MinTest = Annotated[int | None, typer.Option(help="walk_forward_time: samples.")]
OnEmpty = Annotated[str | None, typer.Option(help="walk_forward_time: raise, skip.")]
Embargo = Annotated[int | None, typer.Option(help="purged_kfold: samples.")]
EmbargoTime = Annotated[str | None, typer.Option(help="purged_kfold: 24h.")]
Purge = Annotated[bool, typer.Option("--purge/--no-purge", help="Drop overlapping labels.")]
Label = Annotated[str | None, typer.Option(help="Each label is known after this: 24h.")]
LabelEnd = Annotated[str | None, typer.Option(help="Column of label end times.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RangesOnly = Annotated[bool, typer.Option("--ranges", help="With --json: no long lists.")]
Png = Annotated[Path | None, typer.Option(help="Write a picture: .png or .svg.")]
Html = Annotated[Path | None, typer.Option(help="Write a page: .html.")]
Horizon = Annotated[float, typer.Option(help="Length of the overlapping labels.")]


@app.callback()
def group() -> None:
    """Splits that do not leak, and the test that shows what leaks."""


@app.command()
def split(
    file: File,
    mode: Mode = "walk_forward",
    n_splits: Splits = 10,
    test_size: TestSize = None,
    test: Test = None,
    gap: Gap = None,
    max_train: MaxTrain = None,
    min_train: MinTrain = None,
    min_test: MinTest = None,
    on_empty: OnEmpty = None,
    embargo: Embargo = None,
    embargo_time: EmbargoTime = None,
    purge: Purge = True,
    label: Label = None,
    label_end: LabelEnd = None,
    as_json: AsJson = False,
    ranges: RangesOnly = False,
    png: Png = None,
    html: Html = None,
) -> int:
    """Show which samples each split trains on and tests; exit 2 when the data cannot carry it."""
    from host.validation import NotEnoughData

    require(as_json or not ranges, "--ranges goes with --json")
    require(png is None or png.suffix.lower() in (".png", ".svg"), f"--png {png}: .png or .svg")
    require(html is None or html.suffix.lower() == ".html", f"--html {html}: .html")
    try:
        asked = {
            "test_size": test_size,
            "test": duration(test),
            "gap": count_or_duration("gap", gap, mode),
            "max_train": count_or_duration("max-train", max_train, mode),
            "min_train": min_train,
            "min_test": min_test,
            "on_empty": on_empty,
            "embargo": embargo,
            "embargo_time": duration(embargo_time),
        }
        times, ends = load_times(file, label, label_end)
        make, notes = splitter(mode, asked)
        made = make(n_splits, purge=purge, times=times, label_end=ends)
        folds = list(made.folds())
    except NotEnoughData as error:
        raise BadInput(f"{file}: {error}") from None
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None
    line = made.line()
    told = {
        "file": file,
        "mode": mode,
        "samples": line.n,
        "from": line.shown(int(line.t_ns[0])),
        "to": line.shown(int(line.t_ns[-1])),
        "notes": notes,
        "splits": [facts(fold, line) for fold in folds],
    }
    for path in (png, html):
        if path is not None:
            draw(path, line, folds, f"{mode} of {Path(file).name}")
    print_json(told, ranges) if as_json else show(told)
    return 0


app.command("run")(walks.run)


@app.command()
def leakage(file: File, horizon_hours: Horizon = 24.0, as_json: AsJson = False) -> int:
    """Compare a shuffled KFold with our splits, check the generalisation gap; exit 1 if it fails."""
    import math

    import msgspec

    require(
        math.isfinite(horizon_hours) and 0 < horizon_hours <= 24 * 365,
        f"--horizon-hours {horizon_hours}: above 0, at most a year",
    )
    need("sklearn", "scikit-learn")
    from host.data.reader import BadData, read
    from host.validation import NotEnoughData
    from host.validation.leakage import compare, generalisation, limits

    try:
        bars = read(file)
        compared = compare(bars, horizon_hours)
        general = generalisation(bars)
    except BadData as error:
        raise BadInput(str(error)) from None
    except NotEnoughData as error:
        raise BadInput(f"{file}: {error}") from None
    checks = limits(compared, general)
    passed = all(check["pass"] for check in checks)
    if as_json:
        accuracy = {name: score.test_accuracy for name, score in compared.items()}
        facts = {
            "file": file,
            "horizon_hours": horizon_hours,
            "accuracy": accuracy,
            "generalisation": general,
            "limits": checks,
            "pass": passed,
        }
        print(msgspec.json.encode(facts).decode())
    else:
        _show_leakage(bars.source, horizon_hours, compared, general, checks)
    return 0 if passed else 1


def _show_leakage(
    source: str, hours: float, compared: dict[str, Any], general: Any, checks: list[dict[str, Any]]
) -> None:
    samples = next(iter(compared.values())).samples
    print(f"{source}: {samples} samples, labels of {hours:g} hours, nearest neighbours")
    for name, score in compared.items():
        print(f"  {name:18} accuracy {score.test_accuracy:7.2%} in {score.splits} splits")
    print("labels of 1 hour, logistic regression, walk_forward_time")
    print(
        f"  accuracy {general.train_accuracy:.2%} in training, {general.test_accuracy:.2%} in "
        f"{general.splits} tests; AUC {general.auc:.3f}"
    )
    print(f"{'':28}{'limit':>8} {'reached':>9}  pass")
    for check in checks:
        passed = "yes" if check["pass"] else "NO"
        print(f"{check['what']:28}{check['limit']:>8} {check['reached']:9.4f}  {passed}")
