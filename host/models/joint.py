"""Joint maximum likelihood from several starts, with a verdict on convergence.

The likelihood of an ARMA has several optima, and near-cancelling roots make long flat valleys. So
the variance is fitted to a constant mean first; the likelihood of many ARMA candidates is looked at,
the best of them are improved for a few iterations, and the best of those to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec import structs
from scipy.optimize import minimize

from host.data.table import FloatArray
from host.models.checks import checked
from host.models.fitted import Fitted, fitted_at
from host.models.objective import Objective
from host.models.spec import ModelError, Params, Spec
from host.models.starts import starts
from host.models.transform import is_stationary, params_of

POLISHED = 9  # candidates that are followed to their optimum, beside the constant mean
ROUNDS = ((2, 60), (4, 30))  # Gauss-Newton steps of each candidate, and how many are kept
DAMPING, HALVINGS = 0.02, 6
SAME = 1e-3  # log-likelihoods closer than this are taken for one optimum
ITERATIONS = 300
MAX_GAIN = 1e-3  # log-likelihood that one more Newton step may promise at an optimum
_SHOCKS = ((0.05, 0.93), (0.1, 0.8), (0.2, 0.5))  # alpha and beta to start the variance from


@dataclass
class Optimum:
    """Where a search ended: free vector, log-likelihood, and what one more step promises."""

    y: FloatArray
    loglik: float
    gain: float
    inverse: FloatArray  # of the Hessian, as BFGS believes it to be

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
    flat, found = _variance_alone(z, spec)
    if not spec.lag:
        return found
    candidates = _shortlist(objective, flat)
    polished = [
        descend(objective, objective.transform.free(params), inverse=found.inverse)
        for params in candidates
    ]
    polished += [descend(objective, best.y) for best in polished if not best.converged]
    return max(polished, key=lambda optimum: (optimum.converged, optimum.loglik))


def _shortlist(objective: Objective, flat: Params) -> list[Params]:
    """The most likely candidates, each with its mean improved at the variances of `flat`."""
    spec, likelihood = objective.transform.spec, objective.likelihood
    best: dict[tuple[str, int], tuple[float, Params]] = {}
    for group, ar, ma in starts(spec.ar, spec.ma):
        mu = flat.mu * (1.0 - float(ar.sum()))  # the mean of the process stays what it was
        params = structs.replace(flat, mu=mu, ar=tuple(ar), ma=tuple(ma))
        loglik = likelihood.value(params.vector())
        if group not in best or loglik > best[group][0]:
            best[group] = loglik, params
    plain = best["none", 0][1]
    h = likelihood.paths(plain.vector())[1]
    found = list(best.values())
    for steps, kept in ROUNDS:
        found = [_improved(objective, params, h, steps) for _, params in found]
        found = sorted(found, key=lambda pair: pair[0], reverse=True)[:kept]
    chosen: list[tuple[float, Params]] = [(likelihood.value(plain.vector()), plain)]
    for loglik, params in found:
        if all(abs(loglik - other) > SAME for other, _ in chosen):
            chosen.append((loglik, params))
    return [params for _, params in chosen[: POLISHED + 1]]


def _improved(
    objective: Objective, params: Params, h: FloatArray, steps: int
) -> tuple[float, Params]:
    """Gauss-Newton steps of the mean at fixed variances `h`, and the log-likelihood they lead to."""
    spec, likelihood = objective.transform.spec, objective.likelihood
    size = 1 + spec.ar + spec.ma
    normal, score = np.empty((size, size)), np.empty(size)
    x = params.vector()
    for _ in range(steps):
        likelihood.mean_step(x, h, normal, score)
        normal.flat[:: size + 1] *= 1.0 + DAMPING
        step = np.linalg.solve(normal, score)
        moved = x.copy()
        for _ in range(HALVINGS):
            moved[:size] = x[:size] + step
            if is_stationary(moved[1 : 1 + spec.ar]) and is_stationary(-moved[1 + spec.ar : size]):
                x = moved
                break
            step *= 0.5
    return likelihood.value(x), params_of(spec, x)


def _variance_alone(z: FloatArray, spec: Spec) -> tuple[Params, Optimum]:
    """The same innovations and variance around a constant mean."""
    flat = Spec(0, 0, spec.volatility, spec.dist, spec.df)
    objective = Objective(z, flat)
    low, high = spec.df_range
    nu = min(max(6.0, low), high) if spec.dist == "t" else None
    found = []
    for alpha, beta in _SHOCKS if spec.volatility != "constant" else ((0.0, 0.0),):
        params = Params(float(z.mean()), 1.0 - alpha - beta, alpha=alpha, beta=beta, nu=nu)
        found.append(descend(objective, objective.transform.free(params)))
    best = max(found, key=lambda optimum: (optimum.converged, optimum.loglik))
    return objective.transform.params(best.y), best


def descend(
    objective: Objective,
    y: FloatArray,
    inverse: FloatArray | None = None,
) -> Optimum:
    """BFGS from `y`; `inverse` is the inverse Hessian to begin with, or that of a constant mean."""
    size = len(y)
    guess = np.eye(size) / objective.count
    if inverse is not None:
        # The mean comes first and the variance last, also in the model without lags.
        part = [0, *range(size - len(inverse) + 1, size)]
        guess[np.ix_(part, part)] = inverse
    options = {"maxiter": ITERATIONS, "gtol": 1e-3, "hess_inv0": (guess + guess.T) / 2.0}
    found = minimize(objective, y, jac=True, method="BFGS", options=options)
    gain = 0.5 * float(found.jac @ found.hess_inv @ found.jac)
    gain = gain if np.isfinite(gain) else np.inf
    return Optimum(found.x, -float(found.fun), gain, found.hess_inv)


def _rescaled(params: Params, scale: float) -> Params:
    """The parameters of returns that are `scale` times as large."""
    return structs.replace(params, mu=params.mu * scale, omega=params.omega * scale**2)
