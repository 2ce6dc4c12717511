"""Whether it pays: the interval covers what it should, and the verdict follows from it."""

import numpy as np
import pytest

from host.enrich import roi
from host.enrich.money import TICKS_PER_USD
from host.enrich.records import HOUR_S, Hour


def hours(gains: list[float], cost_usd: float = 0.0) -> list[Hour]:
    ticks = round(cost_usd * TICKS_PER_USD)
    return [Hour(HOUR_S * at, gain, ticks) for at, gain in enumerate(gains, start=1000)]


def noise(count: int, mean: float, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, 1.0, count))


def test_a_gain_pays_a_loss_does_not_and_noise_decides_nothing_before_the_trial_ends() -> None:
    assert roi.judge(hours(noise(500, 0.5)), 1.0, 30).verdict == roi.PAYS
    assert roi.judge(hours(noise(500, -0.5)), 1.0, 30).verdict == roi.PAYS_NOT
    assert roi.judge(hours(noise(500, 0.0)), 1.0, 30).verdict == roi.UNDECIDED
    over = roi.judge(hours(noise(720, 0.0)), 1.0, 30)
    assert (over.verdict, over.why) == (roi.PAYS_NOT, "not shown to pay in a trial of 30 days")


def test_the_cost_can_turn_a_gain_into_a_loss() -> None:
    verdict = roi.judge(hours(noise(500, 0.5), cost_usd=1.0), 1.0, 30)
    assert verdict.cost == pytest.approx(500.0)
    assert verdict.net == pytest.approx(verdict.gain - 500)
    assert verdict.verdict == roi.PAYS_NOT


def test_little_is_not_judged_and_missing_hours_count_as_nothing() -> None:
    few = roi.judge(hours(noise(167, 5.0)), 1.0, 30)
    assert (few.verdict, few.low) == (roi.UNDECIDED, None)
    assert roi.judge([], 1.0, 30).hours == 0
    ends = [Hour(0, 1.0), Hour(499 * HOUR_S, 1.0)]
    assert roi.judge(ends, 1.0, 30).hours == 500


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Hours that hang together (AR 0.5), total 0: 95 % of the intervals should hold it."""
    held = 0
    for seed in range(200):
        steps = np.random.default_rng(seed).normal(0, 1, 600)
        series = [0.0]
        for step in steps:
            series.append(0.5 * series[-1] + step)
        low, high = roi.interval(series[101:], resamples=500)
        held += low <= 0 <= high
    print(f"{held} of 200 intervals hold the truth")
    assert 0.85 * 200 <= held < 200


def test_equal_input_gives_equal_output() -> None:
    assert roi.interval(noise(300, 0)) == roi.interval(noise(300, 0))
