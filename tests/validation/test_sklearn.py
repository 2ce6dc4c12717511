"""The splitters where scikit-learn wants one, and where joblib carries them."""

import copy
import pickle
import time
from typing import Any

import numpy as np
import pytest

from host.validation import PurgedKFold, WalkForward, WalkForwardTime

sklearn = pytest.importorskip("sklearn")
pd = pytest.importorskip("pandas")

N = 400
TIMES = pd.date_range("2024-01-01", periods=N, freq="D")
ENDS = TIMES + pd.Timedelta(days=2)
X = np.random.default_rng(1).normal(size=(N, 3))
Y = (X[:, 0] + np.random.default_rng(2).normal(size=N) > 0).astype(int)
SPLITTERS = [
    WalkForward(4, times=TIMES, label_end=ENDS),
    WalkForwardTime(4, times=TIMES, label_end=ENDS),
    PurgedKFold(4, 3, times=TIMES, label_end=ENDS),
]
each = pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: type(cv).__name__)


def lists(splits: Any) -> list[tuple[list[int], list[int]]]:
    return [(train.tolist(), test.tolist()) for train, test in splits]


@each
def test_cross_val_score_and_grid_search(cv: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, check_cv, cross_val_score

    assert check_cv(cv) is cv
    scores = cross_val_score(LogisticRegression(), X, Y, cv=cv, groups=np.zeros(N))
    assert len(scores) == cv.get_n_splits(X, Y) == 4
    assert scores.mean() > 0.6
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=cv).fit(X, Y)
    assert len(search.cv_results_["split3_test_score"]) == 2


@each
def test_metadata_routing_finds_nothing_to_route(cv: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    with sklearn.config_context(enable_metadata_routing=True):
        assert len(cross_val_score(LogisticRegression(), X, Y, cv=cv)) == 4


@each
def test_a_copy_splits_alike(cv: Any) -> None:
    expected = lists(cv.split(X))
    for twin in (
        pickle.loads(pickle.dumps(cv)),
        copy.deepcopy(cv),
        sklearn.clone(cv, safe=False),
    ):
        assert lists(twin.split(X)) == expected
    assert repr(cv).startswith(f"{type(cv).__name__}(n_splits=4, ")
    assert "times=<400 values>" in repr(cv)


@each
def test_labels_by_column_and_times_by_column_or_index(cv: Any) -> None:
    words = {"times": "at", "label_end": "known"}
    by_column = type(cv)(4, **({"embargo": 3} if isinstance(cv, PurgedKFold) else {}), **words)
    frame = pd.DataFrame({"x": X[:, 0], "known": ENDS}, index=TIMES.rename("at"))
    expected = lists(cv.split(X))
    assert lists(by_column.split(frame)) == expected
    assert lists(by_column.split(frame.reset_index())) == expected


def test_columns_serve_a_nested_search() -> None:
    """Inside, a splitter sees a part of the rows; arrays for all of them would not fit."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline

    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(at=TIMES, known=ENDS)
    cv = WalkForward(3, times="at", label_end="known")
    picked = make_column_transformer(("passthrough", ["a", "b", "c"]))
    model = make_pipeline(picked, LogisticRegression())
    inner = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0]}, cv=cv)
    assert len(cross_val_score(inner, frame, Y, cv=cv, error_score="raise")) == 3


def test_skipped_windows_are_not_counted() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    kept = np.r_[0:300, 335:N]
    cv = WalkForwardTime(6, "20D", "1D", on_empty="skip", times=TIMES[kept])
    assert cv.get_n_splits() == 5
    GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=cv).fit(X[kept], Y[kept])


@pytest.mark.parametrize("mode", [WalkForward, WalkForwardTime, PurgedKFold])
def test_a_million_samples(mode: Any, record_property: Any) -> None:
    """Whether they are right; the time is told, not judged."""
    n = 1_000_000
    t = np.arange(n) * 60
    ends = t + np.random.default_rng(1).integers(0, 86_400, n)
    started = time.perf_counter()
    splits = [
        (len(train), len(test)) for train, test in mode(times=t, label_end=ends).split(np.empty(n))
    ]
    per_fold_ms = (time.perf_counter() - started) * 1000 / len(splits)
    record_property("ms_per_fold", round(per_fold_ms, 1))
    print(f"{mode.__name__}: {per_fold_ms:.1f} ms per fold of 1,000,000 samples")
    assert len(splits) == 10
    for fold, (train, test) in zip(mode(times=t, label_end=ends).folds(), splits, strict=True):
        assert np.bincount(fold.roles, minlength=3)[1:3].tolist() == [train, test]
