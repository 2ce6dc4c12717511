"""Walk-forward, HAR, realised variance and the losses: no look ahead, and tests that can fail."""

import numpy as np
import pytest

from host.data.reader import Series
from host.data.table import BadData
from host.models import ModelError, Spec, baselines, compare, walk_forward
from host.models.har import STALE, walk_har
from host.models.realised import DAY_NS, parkinson_variance, realised_variance
from host.models.walk import monthly
from tests.models.kit import simulated

FIRST = 1_200
DAYS = np.arange(1_500) * DAY_NS


def forecasts(returns, realised):
    """Every forecast of returns[FIRST:] that the table is made of."""
    refits = monthly(DAYS, FIRST)
    walked = walk_forward(returns, Spec(1, 1), FIRST, refits)
    found = [walked.mean, walked.variance, baselines.rolling(returns, FIRST)]
    found += [baselines.ewma(returns, FIRST), baselines.expanding_mean(returns, FIRST)]
    for form in ("level", "log", "calendar"):
        found += walk_har(realised, DAYS, FIRST, refits, form, (7, 30))
    return found


def test_no_forecast_knows_what_comes_after_it():
    returns = simulated()
    realised = returns**2 + 0.1
    changed, cut = returns.copy(), FIRST + 100
    changed[cut:] *= -3.0
    for before, after in zip(
        forecasts(returns, realised), forecasts(changed, changed**2 + 0.1), strict=True
    ):
        assert (before[:101] == after[:101]).all()
        assert not np.allclose(before[101:], after[101:])


def test_monthly_refits_begin_with_the_month():
    days = np.datetime64("2020-01-30") + np.arange(40)
    found = monthly(days.astype("datetime64[ns]").astype(np.int64), 0)
    assert [str(days[index]) for index in found] == ["2020-02-01", "2020-03-01"]


def test_a_failed_refit_keeps_the_model_before_and_is_counted(monkeypatch):
    from host.models import walk

    calls, real = [], walk.fit

    def second_fails(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise ModelError("planted")
        return real(*args, **kwargs)

    monkeypatch.setattr(walk, "fit", second_fails)
    walked = walk_forward(simulated(), Spec(0, 0), FIRST, [1_300, 1_400])
    assert walked.kept == 1
    assert len(walked.fits) == 2
    assert np.isfinite(walked.variance).all()
    calls[:] = [None]
    with pytest.raises(ModelError, match="planted"):
        walk_forward(simulated(), Spec(0, 0), FIRST, [1_300])


def test_walking_from_outside_the_series_is_refused():
    with pytest.raises(ModelError, match="walk-forward from 1500"):
        walk_forward(simulated(), Spec(0, 0), 1_500)


def test_har_finds_the_regression_it_is_made_of():
    random = np.random.default_rng(3)
    x = [0.0] * 30
    for _ in range(6_000):
        mean = 0.4 * x[-1] + 0.3 * np.mean(x[-7:]) + 0.2 * np.mean(x[-30:])
        x.append(mean + 0.3 * random.normal())
    realised = np.exp(np.array(x))
    days = np.arange(len(realised)) * DAY_NS
    found = walk_har(realised, days, 5_000, [], "log", (7, 30))
    expected = [0.4 * x[t - 1] + 0.3 * np.mean(x[t - 7 : t]) + 0.2 * np.mean(x[t - 30 : t])
                for t in range(5_000, len(x))]  # fmt: skip
    assert np.log(found.variance) == pytest.approx(np.array(expected) + 0.045, abs=0.05)
    assert (found.deviation**2 < found.variance).all()


def test_har_stops_forecasting_when_the_realised_variance_stops():
    realised = simulated() ** 2 + 0.1
    realised[1_300:] = np.nan
    found = walk_har(realised, DAYS, FIRST, [], "log", (7, 30))
    assert np.isfinite(found.variance[: 101 + STALE]).all()
    assert np.isnan(found.variance[101 + STALE :]).all()
    with pytest.raises(ModelError, match="HAR"):
        walk_har(np.where(DAYS < 50 * DAY_NS, realised, np.nan), DAYS, FIRST, [], "log", (7, 30))


def hourly(days, prices):
    time_ns = np.arange(len(prices)) * DAY_NS // 24
    assert len(prices) == 24 * days
    return Series("x.csv", "bar", time_ns, np.asarray(prices, dtype=float), 2)


def test_realised_variance_is_the_sum_of_squares_of_the_day():
    prices = 100.0 * np.exp(np.cumsum(np.full(72, 0.01)))
    found = realised_variance(hourly(3, prices), np.arange(5) * DAY_NS)
    assert found[:3] == pytest.approx([23.0, 24.0, 24.0])
    assert np.isnan(found[3:]).all()


def test_days_with_missing_bars_have_no_realised_variance():
    bars = hourly(3, 100.0 * np.exp(np.cumsum(np.full(72, 0.01))))
    keep = np.r_[0:30, 44:72]
    holed = Series("x.csv", "bar", bars.time_ns[keep], bars.price[keep], 2)
    found = realised_variance(holed, np.arange(3) * DAY_NS)
    assert np.isfinite(found[[0, 2]]).all()
    assert np.isnan(found[1])


def test_what_is_not_intraday_or_another_period_is_refused():
    days = np.arange(400) * DAY_NS
    daily = Series("d.csv", "bar", days, np.linspace(1.0, 2.0, 400), 2)
    with pytest.raises(BadData, match=r"d\.csv: bars of 86400 s are not intraday"):
        realised_variance(daily, days)
    bars = hourly(3, 100.0 * np.exp(np.cumsum(np.full(72, 0.01))))
    with pytest.raises(BadData, match="no full day in common"):
        realised_variance(bars, days[100:])


def test_parkinson_of_a_random_walk_is_its_variance():
    paths = np.cumsum(np.random.default_rng(1).normal(0.0, 0.001, (2_000, 2_000)), axis=1)
    high, low = np.exp(paths.max(axis=1)), np.exp(paths.min(axis=1))
    assert parkinson_variance(high, low).mean() == pytest.approx(1e4 * 2_000 * 1e-6, rel=0.05)


def test_diebold_mariano_rejects_equals_seldom_and_a_better_one_always():
    random = np.random.default_rng(7)
    rejected = better = 0
    for _ in range(400):
        common = random.normal(size=300)
        for t in range(1, 300):
            common[t] += 0.5 * common[t - 1]  # losses with memory: what HAC is for
        a, b = common + random.normal(size=300), common + random.normal(size=300)
        rejected += compare.diebold_mariano(a**2, b**2).p < 0.05
        better += compare.diebold_mariano(a**2, (2.0 * b) ** 2).p < 0.05
    assert 0.01 < rejected / 400 < 0.11
    assert better == 400


def test_diebold_mariano_of_the_same_forecast_says_nothing():
    loss = np.ones(100)
    assert compare.diebold_mariano(loss, loss) == (0.0, 1.0)


def test_qlike_is_zero_for_the_truth_and_positive_otherwise():
    truth = np.array([0.5, 1.0, 9.0])
    assert compare.qlike(truth, truth) == pytest.approx([0.0] * 3, abs=1e-12)
    assert (compare.qlike(2.0 * truth, truth) > 0.1).all()
    assert (compare.qlike(0.5 * truth, truth) > 0.1).all()
