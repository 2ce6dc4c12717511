"""The joint fit: published and best known values, convergence, fall-back, stored models."""

import time

import msgspec
import numpy as np
import pytest

from host.models import (
    Fitted,
    ModelError,
    Params,
    Spec,
    at,
    fit,
    joint,
    quantile,
    simulate,
    tail_mean,
)
from host.models.series import read_returns
from tests.models.kit import DMGBP, market, simulated, sp500

# Best joint log-likelihoods found on the S&P 500 of arch.
BEST = [
    (Spec(0, 0, dist="normal"), -6941.73),
    (Spec(0, 0), -6862.48),
    (Spec(0, 0, df="free"), -6834.80),
    (Spec(1, 1, df="free"), -6816.25),
    (Spec(2, 2, dist="normal"), -6927.05),
    (Spec(2, 2), -6841.71),
    (Spec(2, 2, df="free"), -6815.47),
]


@pytest.mark.parametrize(("spec", "best"), BEST, ids=[spec.name for spec, _ in BEST])
def test_sp500_reaches_the_best_known_likelihood(spec, best):
    found = fit(sp500(), spec)
    assert found.loglik >= best - 0.05
    assert found.converged
    assert found.method == "joint"


def test_dm_gbp_benchmark_to_five_digits():
    returns = read_returns(str(DMGBP), "return", are_returns=True)
    found = fit(returns.values, Spec(0, 0, dist="normal"))
    assert found.n == 1974
    published = {"mu": -0.00619041, "omega": 0.0107613, "alpha": 0.153134, "beta": 0.805974}
    for name, value in published.items():
        assert getattr(found.params, name) == pytest.approx(value, rel=1.2e-5), name
    assert found.loglik == pytest.approx(-1106.60788, abs=1e-4)


@pytest.mark.parametrize("df", [4.0, "free"])
def test_several_starts_find_more_than_one_does_on_bitcoin(df):
    returns = read_returns(market("btc_usdt_1d_binance.csv.gz")).values
    spec = Spec(2, 2, df=df)
    z = returns / returns.std()
    objective = joint.Objective(z, spec)
    one = joint.descend(objective, np.zeros(objective.transform.size))
    assert fit(returns, spec).loglik + (len(z) - 2) * np.log(returns.std()) >= one.loglik - 1e-3


def test_likelihood_ratio_of_t_on_bitcoin_is_above_200():
    returns = read_returns(market("btc_usdt_1d_binance.csv.gz")).values
    gain = fit(returns, Spec()).loglik - fit(returns, Spec(dist="normal")).loglik
    assert 2.0 * gain > 200.0


def test_degrees_of_freedom_come_back_from_simulation():
    true = Params(0.0, 0.1, alpha=0.08, beta=0.9, nu=4.0)
    spec = Spec(0, 0, df="free")
    found = [fit(simulate(true, 5_000, seed), spec).params.nu for seed in range(100)]
    assert sum(abs(nu / 4.0 - 1.0) <= 0.15 for nu in found) >= 95


def test_degrees_of_freedom_stay_in_their_bounds():
    normal = simulated(params=Params(0.0, 0.1, alpha=0.08, beta=0.9))
    found = fit(normal, Spec(0, 0, df=(3.0, 12.0)))
    assert 11.0 < found.params.nu <= 12.0
    assert found.converged


def test_units_do_not_matter():
    returns, spec = simulated(), Spec(1, 1, df=(3.0, 30.0))
    found, larger = fit(returns, spec), fit(1_000.0 * returns, spec)
    moved = larger.loglik + (len(returns) - 1) * np.log(1_000.0)
    assert moved == pytest.approx(found.loglik, abs=1e-3)
    assert larger.params.nu == pytest.approx(found.params.nu, rel=1e-3)
    assert larger.params.omega == pytest.approx(found.params.omega * 1e6, rel=1e-2)


def test_warm_refit_goes_on_from_the_last_optimum(capsys):
    returns = simulated(3_000)
    cold = fit(returns[:-30], Spec())
    began = time.perf_counter()
    warm = fit(returns, Spec(), warm=cold)
    warm_s = time.perf_counter() - began
    fresh = fit(returns, Spec())
    with capsys.disabled():
        fresh_s = time.perf_counter() - began - warm_s
        print(f"\nfit {1000 * fresh_s:.0f} ms (limit 500), warm {1000 * warm_s:.1f} ms (limit 50)")
    assert warm.method == "warm"
    assert warm.converged
    assert warm.loglik <= fresh.loglik + 0.01
    with pytest.raises(ModelError, match="warm start"):
        fit(returns, Spec(1, 1), warm=cold)


def test_two_steps_answer_and_say_so_when_the_joint_search_fails(monkeypatch):
    pytest.importorskip("statsmodels")
    returns = simulated()
    spec = Spec(1, 1, df=(3.0, 30.0))
    whole = fit(returns, spec)
    monkeypatch.setattr(joint, "ITERATIONS", 1)
    found = fit(returns, spec)
    assert found.method == "two-step"
    assert whole.loglik - 10.0 < found.loglik <= whole.loglik + 0.01
    assert found.forecast().variance == pytest.approx(whole.forecast().variance, rel=0.1)


def test_when_two_steps_fail_as_well_there_is_no_number(monkeypatch):
    statsmodels = pytest.importorskip("statsmodels.tsa.arima.model")

    class Stuck:
        fit_details = {"converged": False}  # noqa: RUF012

    monkeypatch.setattr(joint, "ITERATIONS", 1)
    monkeypatch.setattr(statsmodels.ARIMA, "fit", lambda self, **_: Stuck())
    with pytest.raises(ModelError, match="neither the joint search nor ARIMA"):
        fit(simulated(), Spec(1, 1))


def test_arch_finds_the_same_garch():
    arch = pytest.importorskip("arch")
    returns = simulated(3_000)
    theirs = arch.arch_model(returns, mean="Constant", dist="t").fit(disp="off")
    ours = fit(returns, Spec(0, 0, df="free"))
    for name, value in (("alpha", "alpha[1]"), ("beta", "beta[1]"), ("nu", "nu")):
        assert getattr(ours.params, name) == pytest.approx(theirs.params[value], rel=0.1), name


def test_a_stored_model_comes_back_and_forecasts_the_same():
    found = fit(simulated(), Spec(1, 2))
    again = Fitted.from_json(found.to_json())
    assert again == found
    assert again.forecast() == found.forecast()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "bot4.model/2"}, "schema"),
        ({"params": {"mu": 0.0, "omega": -1.0}}, "omega"),
        ({"surprise": 1}, "not a stored model"),
        ({"state": {"recent": [1.0, 2.0], "shocks": [1.0], "h": 1.0}}, "belong together"),
        ({"state": {"recent": [1.0], "shocks": [1.0, 1.0], "h": -1.0}}, "belong together"),
    ],
)
def test_a_damaged_model_is_refused(change, complaint):
    stored = msgspec.json.decode(fit(simulated(), Spec(1, 2)).to_json())
    with pytest.raises(ModelError, match=complaint):
        Fitted.from_json(msgspec.json.encode(stored | change))
    with pytest.raises(ModelError, match="not a stored model"):
        Fitted.from_json(b"{")


def test_parameters_outside_the_constraints_are_refused():
    good = Params(0.0, 0.1, alpha=0.1, beta=0.8, nu=4.0)
    at(simulated(), Spec(0, 0), good)
    for name, value in (
        ("omega", 0.0),
        ("alpha", -0.1),
        ("beta", 0.9),
        ("nu", 2.0),
        ("mu", float("nan")),
        ("gamma", -0.2),
    ):
        with pytest.raises(ModelError, match=name):
            at(simulated(), Spec(0, 0), msgspec.structs.replace(good, **{name: value}))
    with pytest.raises(ModelError, match="not stationary"):
        at(simulated(), Spec(1, 0), msgspec.structs.replace(good, ar=(1.0,)))
    with pytest.raises(ModelError, match="not invertible"):
        at(simulated(), Spec(0, 1), msgspec.structs.replace(good, ma=(-1.2,)))


def test_quantile_is_that_of_the_scaled_t():
    assert quantile(4.0, 0.01) == pytest.approx(-2.6495, abs=1e-4)
    assert tail_mean(4.0, 0.01) / quantile(4.0, 0.01) == pytest.approx(1.393, abs=1e-3)
    assert quantile(None, 0.01) == pytest.approx(-2.3263, abs=1e-4)
    assert tail_mean(None, 0.01) == pytest.approx(-2.6652, abs=1e-4)
