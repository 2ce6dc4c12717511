"""A model judged over all folds, then fitted to everything, and exported with what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from host.data.quality import moment
from host.inference.card import Card, Limit, Training
from host.training.classifiers import Classifier, fitted
from host.training.judging import Scores, importance, judged, limits, means
from host.training.samples import Samples


@dataclass(frozen=True)
class Judged:
    """Scores of each fold, their means, and the importance of each feature (mean over folds)."""

    folds: list[Scores]
    scores: Scores
    importance: dict[str, float]


def judge(
    classifier: Classifier,
    samples: Samples,
    splitter: Any,
    progress: Callable[[int], None] = lambda done: None,
) -> Judged:
    """Judge a classifier on every fold of a splitter of host.validation.

    Raises BadData, host.validation.NotEnoughData.
    """
    folds, weights = [], []
    for number, (train, test) in enumerate(splitter.split(samples.rows), 1):
        scores, model = judged(classifier, samples, train, test)
        folds.append(scores)
        weights.append(importance(model, samples, test, number))
        progress(number)
    of_feature = {n: float(np.mean([w[n] for w in weights])) for n in samples.names}
    return Judged(folds, means(folds), of_feature)


def train(
    classifier: Classifier,
    samples: Samples,
    feature_set: str,
    splitter: Any,
    found: Judged,
    to: Path,
) -> Card:
    """Fit to all samples, calibrated as the folds were, and write the model with its card.

    Raises BadData; host.inference.card.ModelRefused when ONNX answers otherwise; OSError.
    """
    from threadpoolctl import threadpool_limits

    from host.inference.export import export

    with threadpool_limits(1):
        model = fitted(classifier, samples, np.arange(len(samples.labels)))
    told = Training(
        source=samples.source,
        data_sha256=samples.sha256,
        first=moment(samples.first_ns),
        last=moment(samples.last_ns),
        bars=samples.bars,
        step_s=samples.step_ns / 10**9,
        feature_set=feature_set,
        label=samples.label,
        model=classifier.text,
        # Without the times, of which it could only say how many there are.
        splits=repr(splitter).partition(", times=")[0] + ")",
        folds=[_plain(fold.items()) for fold in found.folds],
        scores=_plain(found.scores.items()),
        importance=found.importance,
        limits=[
            Limit(line["what"], line["limit"], _number(line["reached"]), line["pass"])
            for line in limits(found.scores)
        ],
    )
    return export(model, classifier.kind, samples.names, samples.rows, to, told)


def _plain(items: Iterable[tuple[str, float]]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in items}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
