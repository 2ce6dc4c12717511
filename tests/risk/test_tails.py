"""Tails of innovations, of windows and of portfolios, each beside a slower way to the same number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from host.models import quantile, tail_mean
from host.risk import portfolio, rolling, sizing, tails

LEVEL = 0.01


def test_the_scaled_t_is_the_one_of_the_note_and_not_the_raw_one() -> None:
    assert quantile(4.0, LEVEL) == pytest.approx(-2.6495, abs=5e-5)
    assert tail_mean(4.0, LEVEL) / quantile(4.0, LEVEL) == pytest.approx(1.393, abs=5e-4)
    raw = float(stats.t.ppf(LEVEL, 4))
    assert raw == pytest.approx(-3.7469, abs=5e-5)
    # What the classic mistake would violate instead of 1 %.
    assert 0.002 < float(stats.t.cdf(raw * np.sqrt(2), 4)) < 0.005


@settings(max_examples=40, deadline=None)
@given(st.floats(2.2, 200.0), st.sampled_from([0.001, 0.01, 0.025, 0.05]))
def test_the_tail_mean_is_the_integral_of_the_quantiles(nu: float, level: float) -> None:
    area, _error = integrate.quad(lambda p: quantile(nu, p), 0, level, limit=200)
    assert tail_mean(nu, level) == pytest.approx(area / level, rel=1e-4)
    assert tail_mean(nu, level) < quantile(nu, level) < 0


def test_returns_of_several_degrees_of_freedom_each_get_their_own() -> None:
    nu = np.array([4.0, np.nan, 6.0, 4.0])
    low, beyond = tails.of_returns(np.full(4, 0.1), np.full(4, 4.0), nu, LEVEL)
    for at, freedom in enumerate([4.0, None, 6.0, 4.0]):
        assert low[at] == 0.1 + 2 * quantile(freedom, LEVEL)
        assert beyond[at] == 0.1 + 2 * tail_mean(freedom, LEVEL)
    assert tails.loss_pct(100 * np.log(0.9)) == pytest.approx(10.0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 1500),
    st.integers(1, 400),
    st.sampled_from([0.01, 0.05, 0.3]),
    st.integers(0, 99),
)
def test_a_moving_window_is_what_numpy_says_of_each(
    n: int, window: int, level: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.standard_t(3, n), 1)  # ties
    first = int(random.integers(1, n + 1))
    low, mean = rolling.tails(values, window, first, level)
    assert np.isnan(low[:first]).all()
    for at in random.integers(first, n, 20) if first < n else []:
        past = values[max(0, at - window) : at]
        wanted = np.quantile(past, level)
        assert low[at] == pytest.approx(wanted, abs=1e-12)
        lowest = np.sort(past)[: int(level * (len(past) - 1)) + 1]
        assert mean[at] == pytest.approx(lowest.mean(), abs=1e-12)
        assert mean[at] <= low[at]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_window_with_a_hole_is_refused(bad: float) -> None:
    values = np.ones(20)
    values[9] = bad
    with pytest.raises(ValueError, match="not finite"):
        rolling.tails(values, 5, 10, LEVEL)
    with pytest.raises(ValueError, match="nothing before"):
        rolling.tails(np.ones(5), 5, 0, LEVEL)


# -- portfolios -----------------------------------------------------------------------------

RESIDUALS = np.random.default_rng(5).standard_t(5, (1_000, 3)) @ np.array(
    [[1, 0.6, 0.2], [0, 0.8, 0.1], [0, 0, 0.9]]
)
SIGMA = np.array([1.0, 3.0, 5.0])
MEAN = np.array([0.0, 0.1, -0.1])


def risk(values: list[float]) -> portfolio.Risk:
    return portfolio.risk(portfolio.simulate(RESIDUALS, MEAN, SIGMA, np.array(values)), LEVEL)


def test_one_position_is_its_own_filtered_historical_simulation() -> None:
    past = np.append(MEAN[1] + SIGMA[1] * RESIDUALS[:, 1], 0.0)
    low, _mean = rolling.tails(past, 1_000, 1_000, LEVEL)
    # Between two order statistics the simple return is interpolated instead of the log return.
    assert risk([0, 200.0, 0]).var == pytest.approx(2 * tails.loss_pct(low[-1]), rel=1e-2)


amounts = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(amounts, amounts, st.floats(0.1, 10))
def test_the_risk_of_a_portfolio_grows_in_proportion_and_together_is_no_more(
    one: list[float], other: list[float], factor: float
) -> None:
    alone, both = risk(one), risk([a + b for a, b in zip(one, other, strict=True)])
    assert risk([factor * a for a in one]).var == pytest.approx(factor * alone.var, abs=1e-6)
    assert alone.cvar >= alone.var - 1e-9
    # The mean of a tail is subadditive, up to the share of a scenario at its edge.
    room = 0.12 * (abs(alone.cvar) + abs(risk(other).cvar)) + 1e-6
    assert both.cvar <= alone.cvar + risk(other).cvar + room


@pytest.mark.parametrize(
    ("what", "given_", "named"),
    [
        (0, RESIDUALS[:100], "100 scenarios"),
        (0, np.where(np.arange(3) == 1, np.nan, RESIDUALS), "finite"),
        (1, np.array([0.0, np.nan, 0.0]), "mean"),
        (2, np.array([1.0, 0.0, 1.0]), "sigma"),
        (3, np.array([1.0, 2.0]), "value"),
    ],
)
def test_a_portfolio_that_cannot_be_simulated_is_named(
    what: int, given_: np.ndarray, named: str
) -> None:
    arguments = [RESIDUALS, MEAN, SIGMA, np.ones(3)]
    arguments[what] = given_
    with pytest.raises(ValueError, match=named):
        portfolio.simulate(*arguments)


# -- sizes ------------------------------------------------------------------------------------


@given(st.floats(1, 1e9), st.floats(1e-4, 0.9), st.floats(1, 3))
def test_the_largest_position_is_within_both_limits_and_touches_one(
    equity: float, var: float, ratio: float
) -> None:
    most = sizing.most_value(equity, var, var * ratio, 0.02, 0.028)
    used = (most * var / (0.02 * equity), most * var * ratio / (0.028 * equity))
    assert max(used) == pytest.approx(1.0)


def test_bitcoin_is_cut_to_about_a_fifth_of_the_equity() -> None:
    assert sizing.most_value(100.0, 0.09, 0.125, 0.02, 0.028) == pytest.approx(22.2, abs=0.1)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_an_unknown_risk_has_no_size(bad: float) -> None:
    assert sizing.most_value(100.0, bad, 0.1, 0.02, 0.028) == 0.0
    assert sizing.most_value(100.0, 0.01, bad, 0.02, 0.028) == 0.0
    assert sizing.target_share(1.0, bad) == 0.0
    if bad != np.inf:
        assert sizing.most_value(bad, 0.05, 0.1, 0.02, 0.028) == 0.0
