"""The compiled likelihood against the same model written down plainly."""

import time

import numpy as np
import pytest
from host.models.likelihood import Likelihood
from hypothesis import given, settings
from hypothesis import strategies as st

from host.models import Params, Spec, at, simulate
from host.models.objective import Objective
from host.models.transform import Transform
from tests.models.kit import simulated
from tests.models.twins import loglik

ORDERS = st.tuples(st.integers(0, 3), st.integers(0, 3))
SPECS = st.builds(
    lambda orders, volatility, dist, df: Spec(*orders, volatility, dist, df),
    ORDERS,
    st.sampled_from(["garch", "gjr", "constant"]),
    st.sampled_from(["t", "normal"]),
    st.sampled_from(["free", 4.0, (3.0, 30.0)]),
)


def some(spec, seed):
    """A free vector and returns of a few hundred."""
    random = np.random.default_rng(seed)
    y = 0.7 * random.normal(size=Transform(spec).size)
    return y, random.standard_t(5, 300) * random.uniform(0.1, 5.0)


@settings(max_examples=60, deadline=None)
@given(SPECS, st.integers(0, 10**6))
def test_value_and_forecast_are_those_of_the_twin(spec, seed):
    y, returns = some(spec, seed)
    params = Transform(spec).params(y)
    fitted = at(returns, spec, params)
    total, mean, variance = loglik(returns.tolist(), params)
    assert fitted.loglik == pytest.approx(total, abs=1e-8, rel=1e-12)
    assert fitted.forecast().mean == pytest.approx(mean, rel=1e-10, abs=1e-12)
    assert fitted.forecast().variance == pytest.approx(variance, rel=1e-10)


@settings(max_examples=60, deadline=None)
@given(SPECS, st.integers(0, 10**6))
def test_gradient_is_the_slope_of_the_value(spec, seed):
    y, returns = some(spec, seed)
    objective = Objective(returns, spec)
    slope = -objective(y)[1]
    steps = np.eye(len(y)) * 1e-6
    numeric = [(objective.value(y + s) - objective.value(y - s)) / 2e-6 for s in steps]
    assert slope == pytest.approx(np.array(numeric), rel=1e-4, abs=1e-4 * np.abs(slope).max())


@settings(max_examples=60, deadline=None)
@given(SPECS, st.integers(0, 10**6))
def test_every_free_vector_is_a_model_and_comes_back(spec, seed):
    y, _ = some(spec, seed)
    params = Transform(spec).params(2.0 * y)
    params.check()
    assert Transform(spec).free(params) == pytest.approx(2.0 * y, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(SPECS, st.integers(0, 10**6))
def test_online_steps_go_on_as_the_twin_does(spec, seed):
    y, returns = some(spec, seed)
    params = Transform(spec).params(y)
    begun = at(returns[:200], spec, params)
    mean, variance = np.empty(100), np.empty(100)
    step = begun.online()
    step.run(returns[200:], mean, variance)
    h = begun.forecast().variance
    for t, value in enumerate(returns[200:]):
        assert mean[t] == pytest.approx(loglik(returns[: 200 + t].tolist(), params)[1], abs=1e-9)
        assert variance[t] == pytest.approx(h, rel=1e-9)
        e = value - mean[t]
        h = params.omega + (params.alpha + params.gamma * (e < 0)) * e * e + params.beta * h
    assert step.variance == pytest.approx(h, rel=1e-9)


def test_filter_forecasts_each_return_from_those_before_it():
    returns = simulated()
    params = Params(0.1, 0.2, ar=(0.3,), ma=(0.2, -0.1), alpha=0.1, beta=0.8, nu=5.0)
    fitted = at(returns, Spec(1, 2, df=5.0), params)
    mean, variance = fitted.filter(returns)
    assert np.isnan(mean[:2]).all()
    assert np.isnan(variance[:2]).all()
    changed = returns.copy()
    changed[1000] += 1.0
    again, _ = fitted.filter(changed)
    assert again[2:1001] == pytest.approx(mean[2:1001], abs=1e-12)
    assert abs(again[1001] - mean[1001]) > 0.1


def test_wrong_sizes_are_refused_before_memory_is_touched():
    found = Likelihood(np.ones(50), 1, 1)
    with pytest.raises(ValueError, match="parameters"):
        found.value(np.ones(3))
    with pytest.raises(ValueError, match="parameters"):
        found.gradient(np.ones(8), np.ones(3))
    with pytest.raises(ValueError, match="returns for"):
        Likelihood(np.ones(2), 3, 0)
    with pytest.raises(ValueError, match="orders"):
        Likelihood(np.ones(50), 11, 0)


def test_a_return_that_is_no_number_changes_nothing_online():
    params = Params(0.1, 0.2, alpha=0.1, beta=0.8)
    step = at(simulated(), Spec(0, 0, dist="normal"), params).online()
    before = step.mean, step.variance
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not a finite"):
            step.update(bad)
    assert (step.mean, step.variance) == before


def test_cost_of_the_online_update_is_printed(capsys):
    step = at(
        simulated(), Spec(0, 0, df=5.0), Params(0.1, 0.2, alpha=0.1, beta=0.8, nu=5.0)
    ).online()
    returns = np.tile(simulated(), 100)
    out = np.empty(len(returns))
    best_us = np.inf
    for _ in range(5):
        began = time.perf_counter()
        step.run(returns, out, out)
        best_us = min(best_us, (time.perf_counter() - began) / len(returns) * 1e6)
    with capsys.disabled():
        print(f"\nonline update {best_us:.4f} us (limit 1)")
    assert np.isfinite(out).all()


def test_simulation_is_repeatable_and_has_the_variance_of_its_parameters():
    params = Params(0.2, 0.5, ar=(0.5,), alpha=0.05, beta=0.85)
    returns = simulate(params, 60_000, 3)
    assert (returns == simulate(params, 60_000, 3)).all()
    assert returns.mean() == pytest.approx(0.4, abs=0.1)
    assert returns.var() == pytest.approx(0.5 / 0.1 / (1 - 0.25), rel=0.1)
