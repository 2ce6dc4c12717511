"""Models of returns and volatility. Returns are in percent, 100 ln(p_t / p_{t-1}), everywhere.

The interface that others build on:

    spec = Spec(ar=2, ma=2, volatility="garch", dist="t", df=4.0)   # df: number, "free" or (lo, hi)
    fitted = fit(returns_pct, spec)               # joint maximum likelihood, several starts
    fitted = fit(longer, spec, warm=fitted)       # refit from the last optimum
    fitted = at(returns_pct, spec, params)        # the likelihood at given parameters

    fitted.params     Params(mu, ar, ma, omega, alpha, beta, nu, gamma)   nu None for normal
    fitted.loglik, .n, .converged, .method, .digest
    fitted.forecast() -> Forecast(mean, variance)         of the return after the last one, % and %^2
    fitted.filter(returns) -> (mean, variance)            one-step forecasts of each return; the
                                                          first max(ar, ma) entries are NaN
    fitted.online() -> OneStep: .mean, .variance, .update(return_pct)     compiled, below 1 us
    fitted.to_json() -> bytes; Fitted.from_json(bytes)    versioned, no pickles
    simulate(params, n, seed) -> returns
    walk_forward(returns, spec, first, refits) -> Walked(mean, variance, nu, fits, kept)
    quantile(nu, p), tail_mean(nu, p)         of the unit-variance innovation; nu None is normal

Everything wrong with the input is a `ModelError`, one line for the operator.
"""

from host.models.fitted import Fitted, Forecast, at
from host.models.innovations import quantile, tail_mean
from host.models.joint import fit
from host.models.simulation import simulate
from host.models.spec import ModelError, Params, Spec
from host.models.walk import Walked, walk_forward

__all__ = [
    "Fitted",
    "Forecast",
    "ModelError",
    "Params",
    "Spec",
    "Walked",
    "at",
    "fit",
    "quantile",
    "simulate",
    "tail_mean",
    "walk_forward",
]
