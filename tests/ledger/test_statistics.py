"""Against simulation and against what is known in closed form."""

import math

import numpy as np
import pytest

from host.ledger import statistics


def test_the_standard_error_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(3)
    for draw in (lambda n: rng.normal(0.1, 1, n), lambda n: 0.1 + rng.standard_t(6, n)):
        found = [statistics.sharpe(list(draw(250))) for _ in range(2000)]
        spread = float(np.std([one.ratio for one in found if one]))
        told = float(np.mean([one.error for one in found if one]))
        print(f"spread of the ratio {spread:.4f}, standard error told {told:.4f}")
        assert told == pytest.approx(spread, rel=0.06)


def test_the_annual_ratio_and_the_chance() -> None:
    found = statistics.sharpe([0.01, -0.005, 0.02, 0.0] * 20)
    assert found is not None
    values = np.array([0.01, -0.005, 0.02, 0.0] * 20)
    assert found.annual == pytest.approx(math.sqrt(365) * values.mean() / values.std(ddof=1))
    assert 0.99 < found.psr < 1


@pytest.mark.parametrize("values", [[], [0.1, 0.2], [0.1] * 10, [0.1, math.nan, 0.2, 0.3]])
def test_what_shows_nothing_gives_none(values: list[float]) -> None:
    assert statistics.sharpe(values) is None


def test_the_deflated_ratio_of_the_best_of_many_worthless_trials_is_no_news() -> None:
    rng = np.random.default_rng(5)
    chances, fooled = [], []
    for _ in range(60):
        trials = [statistics.sharpe(list(rng.normal(0, 1, 250))) for _ in range(50)]
        ratios = [one.ratio for one in trials if one]
        best = max((one for one in trials if one), key=lambda one: one.ratio)
        chances.append(statistics.deflated(best, 50, float(np.std(ratios))))
        fooled.append(best.psr)
    print(f"deflated ratio of the best of 50 worthless trials: mean {np.mean(chances):.3f}")
    assert np.mean(fooled) > 0.97  # what it looks like when the trials are not counted
    assert 0.35 < np.mean(chances) < 0.65


def test_one_trial_deflates_nothing_and_none_is_refused() -> None:
    found = statistics.sharpe([0.01, -0.005, 0.02, 0.0] * 20)
    assert found is not None
    assert statistics.deflated(found, 1, 0.1) == found.psr
    with pytest.raises(ValueError, match="trials"):
        statistics.deflated(found, 0, 0.1)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(1000):
        noise = rng.normal(0, 1, 401)
        found = statistics.mean(list(0.1 + noise[1:] + 0.3 * noise[:-1]))
        assert found is not None
        inside += found.low <= 0.1 <= found.high
    print(f"95 % interval of the mean of correlated returns holds it in {inside / 10:.1f} %")
    assert 920 <= inside <= 970


def test_the_mean_of_too_few_values_is_none() -> None:
    assert statistics.mean([0.1, 0.2]) is None
