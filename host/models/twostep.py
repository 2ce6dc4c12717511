"""The fall-back: ARIMA by statsmodels, then the variance of its residuals by arch.

On the S&P 500 and on crypto its likelihood is a few points worse than the joint one, its variance
forecast within a percent (`bot4 forecast` and the tests print both). Used when the joint fit does
not converge; `method` says so.
"""

from __future__ import annotations

import warnings

import numpy as np

from host.data.table import FloatArray
from host.models.fitted import Fitted, fitted_at
from host.models.spec import ModelError, Params, Spec
from host.models.transform import CAP

_NARROW = 1e-6  # arch wants bounds that are apart, also where nu is fixed


def fit_in_two_steps(returns: FloatArray, spec: Spec) -> Fitted:
    """Fit the mean, then the variance; ModelError when one of them does not converge either."""
    scale = float(returns.std())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the verdicts below are their content
        mu, ar, ma, residuals = _mean(returns / scale, spec)
        values = _variance(residuals, spec)
    params = Params(mu=mu * scale, ar=ar, ma=ma, **values | {"omega": values["omega"] * scale**2})
    params.check()
    return fitted_at(returns, spec, params, converged=True, method="two-step")


def _mean(z: FloatArray, spec: Spec):
    from statsmodels.tsa.arima.model import ARIMA

    if not spec.lag:
        return float(z.mean()), (), (), z - z.mean()
    try:
        # Not by state space, its default: that takes twenty seconds for 3,000 returns.
        found = ARIMA(z, order=(spec.ar, 0, spec.ma), trend="c").fit(method="innovations_mle")
    except np.linalg.LinAlgError as error:
        raise ModelError(f"{spec.name}: no fit: joint search and ARIMA failed: {error}") from None
    if not found.fit_details["converged"]:
        raise ModelError(f"{spec.name}: neither the joint search nor ARIMA alone converges")
    ar, ma = (tuple(float(c) for c in part) for part in (found.arparams, found.maparams))
    return float(found.params[0]) * (1.0 - sum(ar)), ar, ma, found.resid[spec.lag :]


def _variance(residuals: FloatArray, spec: Spec) -> dict[str, float]:
    from arch.univariate import GARCH, ConstantVariance, Normal, ZeroMean

    model = ZeroMean(residuals, rescale=False)
    if spec.volatility == "constant":
        model.volatility = ConstantVariance()
    else:
        model.volatility = GARCH(p=1, o=int(spec.volatility == "gjr"), q=1)
    model.distribution = Normal() if spec.dist == "normal" else _bounded_t(*spec.df_range)
    found = model.fit(disp="off", show_warning=False)
    if found.convergence_flag != 0:
        raise ModelError(f"{spec.name}: neither the joint search nor two steps converge")
    named = found.params
    values = {
        "omega": float(named.get("omega", named.get("sigma2"))),
        "alpha": float(named.get("alpha[1]", 0.0)),
        "gamma": float(named.get("gamma[1]", 0.0)),
        "beta": float(named.get("beta[1]", 0.0)),
    }
    if spec.dist == "t":
        low, high = spec.df_range
        values["nu"] = min(max(float(named["nu"]), low), high)
    whole = values["alpha"] + values["beta"] + values["gamma"] / 2.0
    if whole > CAP:  # arch may end on the bound itself
        values |= {name: values[name] * CAP / whole for name in ("alpha", "gamma", "beta")}
    return values


def _bounded_t(low: float, high: float):
    from arch.univariate import StudentsT

    class BoundedT(StudentsT):
        """Student-t with the bounds of the specification."""

        def bounds(self, resids):
            return [(low - _NARROW, high + _NARROW)]

        def constraints(self):
            return np.array([[1], [-1]]), np.array([low - _NARROW, -high - _NARROW])

        def starting_values(self, std_resid):
            return np.array([min(max(6.0, low), high)])

    return BoundedT()
