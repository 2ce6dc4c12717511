"""What a leaking split pretends, and how far a model falls from training to test.

Two checks on bars of at most an hour, with five plain features (returns and volatility of the past):

1. Labels of `horizon_h` hours overlap from bar to bar. A shuffled KFold puts a label's neighbours into
   the training set, and a nearest-neighbour rule reads the answer there; splits that purge cannot.
2. The generalisation gap, (train accuracy - test accuracy) / train accuracy, mean over the splits,
   with 1-hour labels, together with a floor on skill: a model that predicts nothing has no gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.data.reader import Series
from host.validation.purged_kfold import PurgedKFold
from host.validation.timeline import NotEnoughData
from host.validation.walk_forward import WalkForward, WalkForwardTime

HOUR_NS = 3_600 * 10**9
SLOW_HOURS = (24, 72, 168)  # returns and volatility that hardly change from bar to bar
FAST_HOURS = (1, 2, 4, 8, 24)
VOLATILITY_HOURS = (24, 168)
NEIGHBOURS = 3
LEAK_SPLITS = 5
GAP_LIMIT, AUC_LIMIT, LEAK_LIMIT = 0.10, 0.52, 0.20


@dataclass(frozen=True)
class Samples:
    """Features known at `times_ns`, and labels (1: the price rises) known at `end_ns`."""

    features: np.ndarray
    labels: np.ndarray
    times_ns: np.ndarray
    end_ns: np.ndarray

    def splitter_times(self) -> dict[str, Any]:
        """Return the arguments that every splitter takes."""
        return {
            "times": self.times_ns.view("datetime64[ns]"),
            "label_end": self.end_ns.view("datetime64[ns]"),
        }


@dataclass(frozen=True)
class Score:
    """Means over the splits of one model: accuracies, AUC of the test, generalisation gap."""

    train_accuracy: float
    test_accuracy: float
    auc: float
    gap: float
    samples: int
    splits: int


def samples(bars: Series, horizon_h: float, past_h: Iterable[int]) -> Samples:
    """Return what is known at each bar, and whether the price rises within the horizon.

    Where bars are missing the last one before counts. Raises NotEnoughData.
    """
    require_hourly(bars)
    past = tuple(past_h)
    horizon_ns = round(horizon_h * HOUR_NS)
    t_ns, log_price = bars.time_ns, np.log(bars.price)
    first = _at(t_ns, int(t_ns[0]) + max(*past, *VOLATILITY_HOURS) * HOUR_NS) + 1
    last = _at(t_ns, int(t_ns[-1]) - horizon_ns)
    now = np.arange(first, last + 1)
    if len(now) <= NEIGHBOURS * LEAK_SPLITS:
        raise NotEnoughData(
            f"{bars.source}: {bars.rows} bars leave {len(now)} samples after "
            f"{max(past)} hours of past and before {horizon_h:g} hours of future"
        )
    squares = np.cumsum(np.diff(log_price, prepend=log_price[0]) ** 2)
    columns = [log_price[now] - log_price[_at(t_ns, t_ns[now] - h * HOUR_NS)] for h in past]
    for hours in VOLATILITY_HOURS:
        ago = _at(t_ns, t_ns[now] - hours * HOUR_NS)
        # A market that stood still has no logarithm: a floor of 1e-12, far below any tick.
        columns.append(0.5 * np.log((squares[now] - squares[ago]) / hours + 1e-12))
    end_ns = t_ns[now] + horizon_ns
    rises = log_price[_at(t_ns, end_ns)] > log_price[now]
    if rises.all() or not rises.any():
        raise NotEnoughData(f"{bars.source}: every label is the same")
    return Samples(np.column_stack(columns), rises.astype(np.int8), t_ns[now], end_ns)


def require_hourly(bars: Series) -> None:
    """Raise NotEnoughData unless these are bars of at most an hour."""
    if bars.kind != "bar":
        raise NotEnoughData(f"{bars.source}: bars are needed, these are {bars.kind}s")
    if bars.rows < 2 or np.median(np.diff(bars.time_ns)) > HOUR_NS:
        raise NotEnoughData(f"{bars.source}: bars of at most one hour are needed")


def compare(bars: Series, horizon_h: float = 24) -> dict[str, Score]:
    """Return the scores of a nearest-neighbour rule under a shuffled KFold and our three modes."""
    data = samples(bars, horizon_h, SLOW_HOURS)  # refuses before the slow imports

    from sklearn.model_selection import KFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    line = data.splitter_times()
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(NEIGHBOURS))
    horizon = np.timedelta64(round(horizon_h * HOUR_NS), "ns")
    # Half of the history is tested: 30-day windows hold too few labels that do not overlap.
    span_ns = int(data.times_ns[-1] - data.times_ns[0])
    test = np.timedelta64(span_ns // (2 * LEAK_SPLITS), "ns")
    splitters = {
        "shuffled KFold": KFold(LEAK_SPLITS, shuffle=True, random_state=1),
        "walk_forward": WalkForward(LEAK_SPLITS, **line),
        "walk_forward_time": WalkForwardTime(LEAK_SPLITS, test, **line),
        "purged_kfold": PurgedKFold(LEAK_SPLITS, embargo_time=horizon, **line),
    }
    return {name: score(model, data, splitter, False) for name, splitter in splitters.items()}


def generalisation(bars: Series, model: Any = None) -> Score:
    """Return the score of a model (logistic by default) under WalkForwardTime's defaults."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = samples(bars, 1, FAST_HOURS)
    if model is None:
        model = make_pipeline(StandardScaler(), LogisticRegression())
    return score(model, data, WalkForwardTime(**data.splitter_times()))


def score(model: Any, data: Samples, splitter: Any, of_training: bool = True) -> Score:
    """Return the mean scores over the splits; without `of_training` those of training are NaN."""
    from sklearn.model_selection import cross_validate
    from threadpoolctl import threadpool_limits

    # Threads that wait for each other spin: on a busy machine one alone is done sooner.
    with threadpool_limits(1):
        found = cross_validate(
            model,
            data.features,
            data.labels,
            cv=splitter,
            scoring=("accuracy", "roc_auc"),
            return_train_score=of_training,
            error_score="raise",
        )
    test = found["test_accuracy"]
    train = found.get("train_accuracy", np.full(len(test), np.nan))
    return Score(
        train_accuracy=float(train.mean()),
        test_accuracy=float(test.mean()),
        auc=float(found["test_roc_auc"].mean()),
        gap=float(((train - test) / train).mean()),
        samples=len(data.labels),
        splits=len(test),
    )


def limits(compared: dict[str, Score], general: Score) -> list[dict[str, Any]]:
    """Return each limit with what was reached and whether that passes; a NaN never does."""
    leaking, *honest = (score.test_accuracy for score in compared.values())
    leak = leaking - max(honest)
    return [
        _limit("leak of the shuffled KFold", ">=", LEAK_LIMIT, leak, leak >= LEAK_LIMIT),
        _limit("generalisation gap", "<", GAP_LIMIT, general.gap, general.gap < GAP_LIMIT),
        _limit("test AUC", ">", AUC_LIMIT, general.auc, general.auc > AUC_LIMIT),
    ]


def _limit(what: str, sign: str, limit: float, reached: float, passes: bool) -> dict[str, Any]:
    return {"what": what, "limit": f"{sign} {limit:g}", "reached": reached, "pass": bool(passes)}


def _at(t_ns: np.ndarray, moments_ns: Any) -> Any:
    """Return the last bar at each moment or before it."""
    return np.searchsorted(t_ns, moments_ns, "right") - 1
