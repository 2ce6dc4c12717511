"""The leakage checks can fail: walks without memory, a model that learns by heart, honest labels."""

import dataclasses
import math

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.tree import DecisionTreeClassifier

from host.data.reader import Series
from host.validation import NotEnoughData
from host.validation.leakage import Score, compare, generalisation, limits, samples

HOUR_NS = 3_600 * 10**9


def walk(rows: int, seed: int = 1) -> Series:
    """Hourly bars of a random walk: nothing to forecast."""
    returns = np.random.default_rng(seed).normal(scale=0.01, size=rows)
    price = 100 * np.exp(np.cumsum(returns))
    return Series("walk", "bar", np.arange(rows) * HOUR_NS, price, 8)


WALK = walk(10_000)


def test_labels_and_features_are_what_the_prices_say() -> None:
    kept = np.delete(np.arange(600), [300, 301, 420])  # bars are missing
    bars = dataclasses.replace(WALK, time_ns=WALK.time_ns[kept], price=WALK.price[kept])
    data = samples(bars, 24, (1, 72))
    at = {int(t): p for t, p in zip(bars.time_ns, bars.price, strict=True)}

    def price(t_ns: int) -> float:
        return at[max(t for t in at if t <= t_ns)]

    assert data.times_ns[-1] == WALK.time_ns[599 - 24]
    for k in (0, 100, 133, 134, 135, 260, len(data.times_ns) - 1):
        t_ns = int(data.times_ns[k])
        assert data.end_ns[k] == t_ns + 24 * HOUR_NS
        assert data.labels[k] == (price(t_ns + 24 * HOUR_NS) > at[t_ns])
        assert data.features[k, 0] == pytest.approx(math.log(at[t_ns] / price(t_ns - HOUR_NS)))
        assert data.features[k, 1] == pytest.approx(math.log(at[t_ns] / price(t_ns - 72 * HOUR_NS)))


def test_features_do_not_look_ahead() -> None:
    """Planted future: other prices from some hour on change nothing that was known before it."""
    cut = 500
    other = WALK.price[:600].copy()
    other[cut:] *= 1.5
    now = dataclasses.replace(WALK, time_ns=WALK.time_ns[:600], price=WALK.price[:600])
    one, two = (
        samples(now, 24, (1, 72)),
        samples(dataclasses.replace(now, price=other), 24, (1, 72)),
    )
    before = one.times_ns < WALK.time_ns[cut]
    assert (one.features[before] == two.features[before]).all()
    assert not (one.features[~before] == two.features[~before]).all()


def test_a_random_walk_leaks_through_a_shuffled_kfold_alone() -> None:
    scores = compare(WALK)
    shuffled, *honest = (score.test_accuracy for score in scores.values())
    assert shuffled > 0.7
    assert all(0.4 < accuracy < 0.6 for accuracy in honest)


def test_labels_of_one_bar_do_not_leak() -> None:
    general = Score(0.55, 0.54, 0.54, 0.02, 1, 10)
    leak = limits(compare(WALK, 1), general)[0]
    assert not leak["pass"]
    assert leak["reached"] < 0.05


def test_a_tree_that_learns_by_heart_fails_both_limits() -> None:
    general = generalisation(WALK, DecisionTreeClassifier(random_state=1))
    assert general.splits == 10
    assert general.train_accuracy == 1.0
    assert general.gap == pytest.approx(1 - general.test_accuracy)
    assert [check["pass"] for check in limits(compare(WALK), general)] == [True, False, False]


def test_a_nan_never_passes() -> None:
    nan = Score(math.nan, math.nan, math.nan, math.nan, 0, 0)
    compared = dict.fromkeys(("shuffled", "honest"), nan)
    assert not any(check["pass"] for check in limits(compared, nan))


def test_too_short_or_standing_still_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="200 bars leave 7 samples after 168 hours of past"):
        samples(walk(200), 24, (168,))
    still = dataclasses.replace(WALK, price=np.full(WALK.rows, 5.0))
    with pytest.raises(NotEnoughData, match="every label is the same"):
        samples(still, 24, (24,))
    with pytest.raises(NotEnoughData, match="need more than 307 days"):
        generalisation(walk(3_000))
