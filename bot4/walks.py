"""`bot4 validate run`: symbols x folds x parameters, on one core, on many, on a cluster."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from bot4.errors import require
from bot4.progress import progress
from bot4.train import (
    MOST_SPLITS,
    AsJson,
    Features,
    Kind,
    LabelText,
    Mode,
    Splits,
    chosen_features,
    number,
    problems,
)

MOST_JOBS = 256

Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Bars: files, folders of the store, sp500.")
]
Grid = Annotated[list[str] | None, typer.Option(help="Values of a parameter: C=0.1,1,10.")]
Jobs = Annotated[int, typer.Option(help="Processes on this machine.")]
Cluster = Annotated[str | None, typer.Option(help="A Dask scheduler: dask://HOST:PORT.")]


def run(
    files: Files,
    features: Features = "engine",
    label: LabelText = "forward:1",
    model: Kind = "logistic",
    grid: Grid = None,
    mode: Mode = "walk_forward",
    n_splits: Splits = 10,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> int:
    """Judge models over symbols x folds x parameters; exit 1 unless all hold the limits."""
    import msgspec

    require(1 <= jobs <= MOST_JOBS, f"--jobs {jobs}: 1 to {MOST_JOBS}")
    require(jobs == 1 or cluster is None, "--jobs and --cluster: give one of both")
    require(1 < n_splits <= MOST_SPLITS, f"--n-splits {n_splits}: 2 to {MOST_SPLITS}")
    with problems():
        from host.data.reader import read
        from host.training import walks
        from host.training.labels import parsed
        from host.training.samples import samples

        require(mode in walks.MODES, f"--mode {mode}: {', '.join(walks.MODES)}")
        runner = _runner(jobs, cluster)
        chosen, rule = chosen_features(features), parsed(label)
        classifiers = walks.grid(model, _values(grid or []))
        data = [samples(read(file), chosen, rule) for file in files]
        tasks = walks.planned(data, classifiers, mode, n_splits)
        began = time.perf_counter()
        try:
            with progress(f"{len(tasks)} fits", len(tasks)) as done:
                outcomes = runner(tasks, data, walks.work, done)
        except walks.WorkersLost as error:
            print(f"bot4: {error}", file=sys.stderr)
            return 1
        seconds = time.perf_counter() - began
        found = walks.told(data, tasks, outcomes)
    where = cluster or f"{jobs} process{'es' if jobs > 1 else ''}"
    print(f"{len(tasks)} fits in {seconds:.1f} s on {where}", file=sys.stderr)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found, len(classifiers))
    return 0 if all(line["pass"] for line in found["runs"]) else 1


def _runner(jobs: int, cluster: str | None) -> Any:
    from host.training import walks

    if cluster is not None:
        from host.training.cluster import on_cluster

        return on_cluster(cluster)
    from host.training.local import on_cores

    return on_cores(jobs) if jobs > 1 else walks.alone


def _values(texts: list[str]) -> dict[str, list[int | float]]:
    found: dict[str, list[int | float]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        require(name not in found, f"--grid {text}: {name} stands there twice")
        found[name] = [number(value, text) for value in values.split(",")]
    return found


def _show(found: dict[str, Any], tried: int) -> None:
    print(f"labels {found['label']}, {found['mode']}, features {', '.join(found['features'])}")
    for symbol in found["symbols"]:
        early = ", ends earlier than the others" if symbol["ends_early"] else ""
        print(
            f"{symbol['source']}: {symbol['samples']} samples, "
            f"{symbol['first'][:10]} to {symbol['last'][:10]}{early}"
        )
    print(f"{'':44}{'train':>7}{'test':>7}{'gap':>7}{'AUC':>7}  +-   pass")
    for run in found["runs"]:
        name = f"{run['source'].partition('.')[0][:23]:24}{run['model'][:19]}"
        mean = run["mean"]
        if mean is None:
            print(f"{name:44}{len(run['errors'])} folds failed: {run['errors'][0]}")
            continue
        passed = "yes" if run["pass"] else "NO"
        print(
            f"{name:44}{mean['train_accuracy']:7.3f}{mean['test_accuracy']:7.3f}"
            f"{mean['gap']:7.3f}{mean['auc']:7.3f} {mean['auc_error']:5.3f} {passed}"
        )
    if tried > 1:
        print(f"{tried} sets of parameters were tried: the best looks better than it is")
