"""Symbols x folds x parameters: each fit is a task of its own, whose numbers hang on nothing else.

A task is judged on one thread, from the samples and its own words alone, so it makes no difference where
or in which order tasks run. A task that cannot be judged is a result too (`error`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from host.data.quality import moment
from host.data.table import BadData
from host.training.classifiers import Classifier, Number, embargoed
from host.training.judging import Scores, judged, limits, means
from host.training.samples import Samples
from host.validation import NotEnoughData, WalkForward

MODES = ("walk_forward", "purged_kfold")
MOST_TASKS = 100_000
EARLY_BARS = 30


class WorkersLost(Exception):
    """Workers went again and again, or all of them are gone; one line."""


@dataclass(frozen=True)
class Task:
    """One fold of one symbol under one set of parameters; `symbol` and `fold` count from 0."""

    symbol: int
    classifier: Classifier
    mode: str
    folds: int
    fold: int


@dataclass(frozen=True)
class Outcome:
    """The scores of a task, or why there are none."""

    scores: Scores | None
    error: str = ""


Work = Callable[[Samples, Task], Outcome]
# Takes the tasks, the samples by symbol, what to do with each, and what to call with how many are done.
Runner = Callable[[Sequence[Task], Sequence[Samples], Work, Callable[[int], None]], list[Outcome]]


def splitter(mode: str, folds: int, samples: Samples) -> Any:
    """Return the splitter of a mode out of MODES."""
    return (
        embargoed(folds, samples)
        if mode == "purged_kfold"
        else WalkForward(folds, **samples.line())
    )


def grid(kind: str, values: Mapping[str, Sequence[Number]]) -> list[Classifier]:
    """Return the classifiers of all combinations. Raises ValueError for what there is not."""
    made = [
        Classifier(kind, dict(zip(values, chosen, strict=True)))
        for chosen in itertools.product(*values.values())
    ]
    for one in made:
        one.check()
    return made


def planned(
    data: Sequence[Samples], classifiers: Sequence[Classifier], mode: str, folds: int
) -> list[Task]:
    """Return the tasks, by symbol, parameters and fold. Raises BadData, NotEnoughData."""
    seen: dict[str, str] = {}
    for one in data:
        twin = seen.setdefault(one.sha256, one.source)
        if twin is not one.source:
            raise BadData(f"{one.source}: the same bars as {twin}")
        if one.step_ns != data[0].step_ns:
            raise BadData(
                f"{one.source}: mixed frequency: bars of {one.step_ns / 1e9:g} s beside those of "
                f"{data[0].step_ns / 1e9:g} s of {data[0].source}"
            )
        try:
            splitter(mode, folds, one).split(one.rows)
        except NotEnoughData as error:
            raise BadData(f"{one.source}: {error}") from None
    tasks = [
        Task(symbol, classifier, mode, folds, fold)
        for symbol in range(len(data))
        for classifier in classifiers
        for fold in range(folds)
    ]
    if len(tasks) > MOST_TASKS:
        raise BadData(f"{len(tasks)} fits: at most {MOST_TASKS}")
    return tasks


def work(samples: Samples, task: Task) -> Outcome:
    """Judge one task."""
    splits = splitter(task.mode, task.folds, samples).split(samples.rows)
    train, test = next(s for fold, s in enumerate(splits) if fold == task.fold)
    try:
        return Outcome(judged(task.classifier, samples, train, test)[0])
    except BadData as error:
        return Outcome(None, str(error))


def alone(
    tasks: Sequence[Task], data: Sequence[Samples], work: Work, done: Callable[[int], None]
) -> list[Outcome]:
    """Run the tasks one after the other, here."""
    found = []
    for task in tasks:
        found.append(work(data[task.symbol], task))
        done(len(found))
    return found


def told(
    data: Sequence[Samples], tasks: Sequence[Task], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Return what was found, in the order of the tasks; nothing in it says where they ran."""
    by_run: dict[tuple[int, str], list[Outcome]] = {}
    for task, outcome in zip(tasks, outcomes, strict=True):
        by_run.setdefault((task.symbol, task.classifier.text), []).append(outcome)
    latest = max(one.last_ns for one in data)
    symbols = [
        {
            "source": one.source,
            "sha256": one.sha256,
            "first": moment(one.first_ns),
            "last": moment(one.last_ns),
            "ends_early": latest - one.last_ns > EARLY_BARS * one.step_ns,
            "samples": len(one.labels),
        }
        for one in data
    ]
    return {
        "features": data[0].names,
        "label": data[0].label,
        "mode": tasks[0].mode,
        "symbols": symbols,
        "runs": [
            _run(data[symbol].source, model, found) for (symbol, model), found in by_run.items()
        ],
    }


def _run(source: str, model: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    errors = [outcome.error for outcome in outcomes if outcome.error]
    folds = [outcome.scores for outcome in outcomes if outcome.scores is not None]
    run: dict[str, Any] = {"source": source, "model": model, "folds": folds, "errors": errors}
    # A mean over the folds that went well would be a choice of folds.
    if errors:
        return run | {"mean": None, "limits": [], "pass": False}
    mean = means(folds)
    found = limits(mean)
    return run | {"mean": mean, "limits": found, "pass": all(line["pass"] for line in found)}
