"""A fit judged on the test samples of one fold, the means over folds, and the limits.

train_accuracy, test_accuracy   share of samples whose likeliest class is right
auc                             how well P(up) - P(down) ranks rises above falls; time-outs left out
log_loss, base_log_loss         of the model, and of the class shares of its training samples
brier                           mean squared error of P(up)
calibration_error               mean distance of P(up) from the share of rises, BINS equal bins
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from host.training.classifiers import Classifier, fitted
from host.training.labels import DOWN, UP
from host.training.samples import Samples
from host.validation.leakage import AUC_LIMIT, GAP_LIMIT

BINS = 10
REPEATS = 5  # shuffles of one feature

Scores = dict[str, float]


def judged(
    classifier: Classifier, samples: Samples, train: np.ndarray, test: np.ndarray
) -> tuple[Scores, Any]:
    """Return the scores of a fit to `train` on `test`, and the fit. Raises BadData.

    One thread: sums in another order would have other last bits.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        model = fitted(classifier, samples, train)
        classes = model.classes_.tolist()
        chances = model.predict_proba(samples.rows[test])
        seen = model.predict(samples.rows[train]) == samples.labels[train]
    truth = samples.labels[test]
    shares = np.array([(samples.labels[train] == kind).mean() for kind in classes])
    up, down = chances[:, classes.index(UP)], chances[:, classes.index(DOWN)]
    scores = {
        "train_samples": len(train),
        "test_samples": len(test),
        "train_accuracy": float(seen.mean()),
        "test_accuracy": float((model.classes_[chances.argmax(axis=1)] == truth).mean()),
        "auc": auc(up - down, truth),
        "log_loss": log_loss(chances, truth, classes),
        "base_log_loss": log_loss(np.tile(shares, (len(test), 1)), truth, classes),
        "brier": float(((up - (truth == UP)) ** 2).mean()),
        "calibration_error": calibration_error(up, truth == UP),
    }
    return scores, model


def auc(signal: np.ndarray, truth: np.ndarray) -> float:
    """Return the area under the curve, ties counting half; NaN without both rises and falls."""
    from sklearn.metrics import roc_auc_score

    decided = (truth == UP) | (truth == DOWN)
    rises = truth[decided] == UP
    if not rises.any() or rises.all():
        return math.nan
    return float(roc_auc_score(rises, signal[decided]))


def log_loss(chances: np.ndarray, truth: np.ndarray, classes: Sequence[int]) -> float:
    """Return the mean negative logarithm of what was given to the truth, at least 1e-12."""
    given = np.full(len(truth), 1e-12)
    for column, kind in enumerate(classes):
        given[truth == kind] = np.maximum(chances[truth == kind, column], 1e-12)
    return float(-np.log(given).mean())


def calibration_error(chance: np.ndarray, happened: np.ndarray) -> float:
    """Return the mean distance of chance and share over bins of equally many samples."""
    parts = np.array_split(np.argsort(chance, kind="stable"), min(BINS, len(chance)))
    gaps = [abs(chance[p].mean() - happened[p].mean()) * len(p) for p in parts]
    return float(sum(gaps) / len(chance))


def importance(model: Any, samples: Samples, test: np.ndarray, seed: int) -> dict[str, float]:
    """Return by how much the log loss on `test` grows when one feature is shuffled."""
    draw = np.random.default_rng(seed)
    classes, truth = model.classes_.tolist(), samples.labels[test]
    whole = log_loss(model.predict_proba(samples.rows[test]), truth, classes)
    found = {}
    for column, name in enumerate(samples.names):
        losses = []
        for _ in range(REPEATS):
            rows = samples.rows[test].copy()
            rows[:, column] = draw.permutation(rows[:, column])
            losses.append(log_loss(model.predict_proba(rows), truth, classes))
        found[name] = float(np.mean(losses)) - whole
    return found


def means(folds: Sequence[Scores]) -> Scores:
    """Return the mean scores over folds, the generalisation gap, and the standard error of the AUC."""
    found = {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}
    gaps = [
        (fold["train_accuracy"] - fold["test_accuracy"]) / fold["train_accuracy"] for fold in folds
    ]
    found["gap"] = float(np.mean(gaps))
    ranks = [fold["auc"] for fold in folds]
    spread = float(np.std(ranks, ddof=1)) if len(ranks) > 1 else math.nan
    found["auc_error"] = spread / math.sqrt(len(ranks))
    return found


def limits(scores: Scores) -> list[dict[str, Any]]:
    """Return each limit with what was reached and whether that passes; a NaN never does."""
    return [
        _limit("generalisation gap", "<", GAP_LIMIT, scores["gap"]),
        _limit("test AUC", ">", AUC_LIMIT, scores["auc"]),
        _limit("log loss over that of the class shares", "<", 1.0,
               scores["log_loss"] / scores["base_log_loss"]),
    ]  # fmt: skip


def _limit(what: str, sign: str, limit: float, reached: float) -> dict[str, Any]:
    passes = reached < limit if sign == "<" else reached > limit
    return {"what": what, "limit": f"{sign} {limit:g}", "reached": reached, "pass": bool(passes)}
