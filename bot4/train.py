"""`bot4 train` and `bot4 card`: a model for the engine, and what is known of one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput, require
from bot4.progress import progress
from bot4.split_inputs import need

MOST_SPLITS = 100

File = Annotated[str, typer.Argument(help="Bars: a file, a folder of the store, or sp500.")]
To = Annotated[Path, typer.Option(help="The model: .onnx; its card is written beside it.")]
Features = Annotated[str, typer.Option(help="engine (what a running host makes) or windows.")]
LabelText = Annotated[str, typer.Option("--label", help="forward:ROWS or triple:ROWS:WIDTH.")]
Kind = Annotated[str, typer.Option("--model", help="logistic, boosted or forest.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A parameter of it: C=0.1.")]
Mode = Annotated[str, typer.Option(help="walk_forward or purged_kfold.")]
Splits = Annotated[int, typer.Option(help="How many folds.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Model = Annotated[Path, typer.Argument(help="The model: .onnx.")]
Data = Annotated[str | None, typer.Option(help="Is it trained on these bars? Exit 2 if not.")]


def train(
    file: File,
    to: To,
    features: Features = "engine",
    label: LabelText = "forward:1",
    model: Kind = "logistic",
    parameters: Set = None,
    mode: Mode = "purged_kfold",
    n_splits: Splits = 10,
    as_json: AsJson = False,
) -> int:
    """Train a model, judged on purged folds; exit 1 when a limit is missed (and written then too)."""
    require(to.suffix == ".onnx", f"--to {to}: .onnx")
    require(to.parent.is_dir(), f"--to {to}: no folder {to.parent}")
    with problems():
        from host.data.reader import read
        from host.training.labels import parsed
        from host.training.samples import samples
        from host.training.trainer import judge
        from host.training.trainer import train as write

        classifier, rule = chosen_classifier(model, parameters or []), parsed(label)
        taken = samples(read(file), chosen_features(features), rule)
        splitter = chosen_splitter(mode, n_splits, taken)
        with progress(f"{n_splits} folds", n_splits) as done:
            found = judge(classifier, taken, splitter, done)
        card = write(classifier, taken, features, splitter, found, to)
    _show(card, to, as_json)
    return 0 if card.training is not None and card.training.passes else 1


def card(model: Model, data: Data = None, as_json: AsJson = False) -> int:
    """Show the card of a model, checked as the engine does; exit 1 when a limit does not hold."""
    import msgspec

    with problems():
        from host.data.digest import digest
        from host.data.quality import moment
        from host.data.reader import read
        from host.inference import card as cards
        from host.inference.model import Model as Loaded

        try:
            raw = msgspec.json.decode(cards.beside(model).read_bytes(), type=cards.Card)
        except msgspec.MsgspecError as error:
            raise BadInput(f"model card {cards.beside(model)}: {error}") from None
        found = Loaded(model, tuple(raw.features)).card
        if data is not None:
            series = read(data)
            first, last = moment(series.time_ns[0]), moment(series.time_ns[-1])
            cards.check_data(cards.beside(model), found.training, digest(series), first, last)
    _show(found, model, as_json)
    return 0 if found.training is None or found.training.passes else 1


def chosen_classifier(kind: str, parameters: list[str]) -> Any:
    """Return the classifier of these words. Raises ValueError."""
    from host.training.classifiers import Classifier

    named: dict[str, Any] = {}
    for text in parameters:
        name, _, value = text.partition("=")
        named[name] = number(value, text)
    classifier = Classifier(kind, named)
    classifier.check()
    return classifier


def number(text: str, whole: str) -> int | float:
    """Return a number as it is written: 3 is a count, 3.0 is not. Raises BadInput."""
    try:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else float(text)
    except ValueError:
        raise BadInput(f"{whole}: NAME=NUMBER, such as C=0.1") from None


def chosen_features(name: str) -> str:
    """Return the name of a set of features that there is. Raises BadInput."""
    from host.features import SETS

    require(name in SETS, f"--features {name}: {', '.join(SETS)}")
    return name


def chosen_splitter(mode: str, n_splits: int, samples: Any) -> Any:
    """Return the splitter of a mode over these samples. Raises ValueError."""
    from host.training import walks

    require(mode in walks.MODES, f"--mode {mode}: {', '.join(walks.MODES)}")
    require(1 < n_splits <= MOST_SPLITS, f"--n-splits {n_splits}: 2 to {MOST_SPLITS}")
    return walks.splitter(mode, n_splits, samples)


@contextlib.contextmanager
def problems() -> Iterator[None]:
    """Bad data, bad wishes and missing packages become one line."""
    for module, package in (("sklearn", "scikit-learn"), ("onnxruntime", "onnxruntime")):
        need(module, package)
    try:
        yield
    except ImportError as error:
        raise BadInput(f"{error}: pip install 'bot4[models]'") from None
    except ValueError as error:  # BadData, NotEnoughData, ModelRefused
        raise BadInput(str(error)) from None
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from None


def _show(card: Any, to: Path, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.encode(card).decode())
        return
    print(f"{to}: {card.name}, {len(card.features)} features, sha256 {card.sha256[:16]}...")
    training = card.training
    if training is None:
        print("  its card does not say how it was trained")
        return
    print(f"  {training.source}: {training.bars} bars, {training.first} to {training.last}")
    print(f"  {training.model}; labels {training.label}; {card.rows} samples; {training.splits}")
    print(f"  {'mean of ' + str(len(training.folds)) + ' folds':24}")
    for name, value in training.scores.items():
        print(f"    {name:20} {_shown(value):>10}")
    print("  growth of the log loss when a feature is shuffled")
    for name, value in sorted(training.importance.items(), key=lambda item: -item[1]):
        print(f"    {name:20} {value:>10.5f}")
    print(f"{'':40}{'limit':>8} {'reached':>9}  pass")
    for limit in training.limits:
        passed = "yes" if limit.passes else "NO"
        print(f"{limit.what:40}{limit.limit:>8} {_shown(limit.reached):>9}  {passed}")
    if training.feature_set != "engine":
        print(f"the engine does not make the features {training.feature_set}: it will refuse this")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"
