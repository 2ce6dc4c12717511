"""Joint maximum likelihood from several starts, with a verdict on convergence.

The likelihood of an ARMA has several optima, and near-cancelling roots make long flat valleys. So
the variance is fitted to a constant mean first; many ARMA candidates around it are tried, the best
of them improved for a few iterations, and the best of those to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from host.data.table import FloatArray
from host.models.checks import checked
from host.models.fitted import Fitted, fitted_at
from host.models.objective import Objective
from host.models.spec import ModelError, Params, Spec

CANDIDATES, IMPROVED, POLISHED = 160, 16, 4
SHORT_RUN, LONG_RUN = 6, 300  # iterations
MAX_GAIN = 1e-3  # log-likelihood that one more Newton step may promise at an optimum
_SHOCKS = ((0.05, 0.93), (0.1, 0.8), (0.2, 0.5))  # alpha and beta to start the variance from
_SEED = 20_170_817


@dataclass
class Optimum:
    """Where a search ended: free vector, log-likelihood, and what one more step promises."""

    y: FloatArray
    loglik: float
    gain: float

    @property
    def converged(self) -> bool:
        """Whether no more than MAX_GAIN is left to be found here."""
        return bool(np.isfinite(self.loglik) and self.gain <= MAX_GAIN)


def fit(returns, spec: Spec | None = None, *, warm: Fitted | None = None) -> Fitted:
    """Fit `spec` (default ARMA(2,2)-GARCH-t(4)) to percent returns, shape (n,).

    With `warm`, a fit of the same specification, only its optimum is searched from. When the joint
    search does not converge the two-step fit answers, and `method` says so. ModelError when the
    returns cannot be fitted at all.
    """
    spec = spec or Spec()
    array = checked(returns, spec)
    scale = float(array.std())
    objective = Objective(array / scale, spec)
    best, method = None, "joint"
    if warm is not None:
        best, method = _warm(objective, warm, scale), "warm"
    if best is None or not best.converged:
        best, method = _search(objective, array / scale, spec), "joint"
    if not best.converged:
        from host.models.twostep import fit_in_two_steps

        return fit_in_two_steps(array, spec)
    params = _rescaled(objective.transform.params(best.y), scale)
    return fitted_at(array, spec, params, converged=True, method=method)


def _warm(objective: Objective, warm: Fitted, scale: float) -> Optimum:
    if warm.spec != objective.transform.spec:
        raise ModelError(f"warm start of {warm.spec.name} for {objective.transform.spec.name}")
    return descend(objective, objective.transform.free(_rescaled(warm.params, 1.0 / scale)))


def _search(objective: Objective, z: FloatArray, spec: Spec) -> Optimum:
    """The best optimum of a standardised series."""
    flat = _variance_alone(z, spec)
    if not spec.lag:
        return flat
    random = np.random.default_rng(_SEED)
    orders = spec.ar, spec.ma
    starts = [_with_arma(flat.y, *pair) for pair in _candidates(random, *orders, CANDIDATES)]
    starts.sort(key=objective.value, reverse=True)
    improved = [descend(objective, y, SHORT_RUN) for y in starts[:IMPROVED]]
    improved.append(descend(objective, _with_arma(flat.y, np.zeros(spec.ar), np.zeros(spec.ma))))
    improved.sort(key=lambda optimum: optimum.loglik, reverse=True)
    polished = [descend(objective, optimum.y) for optimum in improved[:POLISHED]]
    polished += [descend(objective, optimum.y) for optimum in polished if not optimum.converged]
    return max(polished, key=lambda optimum: (optimum.converged, optimum.loglik))


def _variance_alone(z: FloatArray, spec: Spec) -> Optimum:
    """The same innovations and variance around a constant mean."""
    flat = Spec(0, 0, spec.volatility, spec.dist, spec.df)
    objective = Objective(z, flat)
    low, high = spec.df_range
    nu = min(max(6.0, low), high) if spec.dist == "t" else None
    found = []
    for alpha, beta in _SHOCKS if spec.volatility != "constant" else ((0.0, 0.0),):
        params = Params(float(z.mean()), 1.0 - alpha - beta, alpha=alpha, beta=beta, nu=nu)
        found.append(descend(objective, objective.transform.free(params)))
    return max(found, key=lambda optimum: (optimum.converged, optimum.loglik))


def _candidates(random: np.random.Generator, p: int, q: int, count: int):
    """Free AR and MA values: half independent, half with roots that nearly cancel."""
    for index in range(count):
        ar, ma = random.normal(0.0, 1.0, p), random.normal(0.0, 1.0, q)
        if index % 2 and p and q:
            shared = min(p, q)
            ma[:shared] = ar[:shared] + random.normal(0.0, 0.15, shared)
            ar[shared:] *= 0.1
            ma[shared:] *= 0.1
        yield ar, ma


def _with_arma(flat: FloatArray, ar: FloatArray, ma: FloatArray) -> FloatArray:
    """A free vector with these ARMA values; the mean of the process stays what it was."""
    from host.models.transform import from_partials

    total = float(from_partials(ar)[0].sum()) if len(ar) else 0.0
    return np.concatenate([[flat[0] * (1.0 - total)], ar, ma, flat[1:]])


def descend(objective: Objective, y: FloatArray, iterations: int = LONG_RUN) -> Optimum:
    """BFGS from `y`."""
    found = minimize(
        objective, y, jac=True, method="BFGS", options={"maxiter": iterations, "gtol": 1e-3}
    )
    gain = 0.5 * float(found.jac @ found.hess_inv @ found.jac)
    return Optimum(found.x, -float(found.fun), gain if np.isfinite(gain) else np.inf)


def _rescaled(params: Params, scale: float) -> Params:
    """The parameters of returns that are `scale` times as large."""
    values = {name: getattr(params, name) for name in params.__struct_fields__}
    values |= {"mu": params.mu * scale, "omega": params.omega * scale**2}
    return Params(**values)
