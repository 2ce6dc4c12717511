"""The kinds of model: a scaler, then a classifier whose probabilities are calibrated (Platt).

The calibration is learnt from predictions for samples that the classifier was not fitted to: purged and
embargoed folds inside of the training samples. The scaler comes first, of the same samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from host.data.table import BadData
from host.training.samples import Samples
from host.validation import NotEnoughData, PurgedKFold

CALIBRATION_FOLDS = 5
EMBARGO_SHARE = 0.01
Number = int | float

# Parameters with their defaults; only these may be changed.
KINDS: dict[str, dict[str, Number]] = {
    "logistic": {"C": 1.0},
    "boosted": {"n_estimators": 50, "max_depth": 2, "learning_rate": 0.1, "min_samples_leaf": 20},
    "forest": {"n_estimators": 100, "max_depth": 4, "min_samples_leaf": 50},
}


@dataclass(frozen=True)
class Classifier:
    """A kind out of KINDS, and the parameters that differ from its defaults."""

    kind: str = "logistic"
    parameters: Mapping[str, Number] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError for a kind or parameter that there is not."""
        if self.kind not in KINDS:
            raise ValueError(f"model {self.kind!r}: {', '.join(KINDS)}")
        for name, value in self.parameters.items():
            if name not in KINDS[self.kind]:
                raise ValueError(f"{name}: {self.kind} has {', '.join(KINDS[self.kind])}")
            whole = isinstance(KINDS[self.kind][name], int)
            if not 0 < value < float("inf") or (whole and not isinstance(value, int)):
                raise ValueError(f"{name}={value}: a {'whole ' if whole else ''}number above 0")

    @property
    def text(self) -> str:
        """Name and parameters."""
        return " ".join([self.kind, *(f"{n}={v:g}" for n, v in sorted(self.parameters.items()))])


def fitted(classifier: Classifier, samples: Samples, chosen: np.ndarray) -> Any:
    """Return the calibrated model, fitted to the samples of these numbers.

    Raises BadData when a fold of the calibration has but one kind of label.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = samples.rows[chosen], samples.labels[chosen]
    try:
        folds = list(embargoed(CALIBRATION_FOLDS, samples, chosen).split(rows))
    except NotEnoughData as error:
        raise BadData(f"{samples.source}: calibration: {error}") from None
    kinds = set(labels.tolist())
    if len(kinds) < 2 or any(set(labels[train].tolist()) != kinds for train, _ in folds):
        raise BadData(f"{samples.source}: a fold of the calibration has not every kind of label")
    calibrated = CalibratedClassifierCV(_raw(classifier), cv=folds, ensemble=False)
    return make_pipeline(StandardScaler(), calibrated).fit(rows, labels)


def embargoed(folds: int, samples: Samples, chosen: Any = slice(None)) -> PurgedKFold:
    """Return purged folds with an embargo of EMBARGO_SHARE of the samples."""
    line = samples.line(chosen)
    return PurgedKFold(folds, embargo=int(EMBARGO_SHARE * len(line["times"])) + 1, **line)


def _raw(classifier: Classifier) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    parameters = {**KINDS[classifier.kind], **classifier.parameters}
    if classifier.kind == "logistic":
        return LogisticRegression(**parameters, max_iter=1_000)
    if classifier.kind == "boosted":
        return GradientBoostingClassifier(**parameters, random_state=1)
    return RandomForestClassifier(**parameters, random_state=1, n_jobs=1)
