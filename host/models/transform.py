"""Parameters without constraints: every real vector is a model that satisfies all of them.

AR and MA go through partial autocorrelations (Durbin-Levinson; Monahan 1984), the variance through
its persistence and the share of the shock in it, nu through the logistic between its bounds. The
Jacobian comes along, so that the optimiser gets an exact gradient.
"""

from __future__ import annotations

import math

import numpy as np

from host.data.table import FloatArray
from host.models.spec import Params, Spec

CAP = 0.99999  # of the persistence; 0.9999 was seen to cost up to 0.03 of log-likelihood
_PARTIAL_CAP = 0.99999
_EDGE = 1e-9  # how near to its bound a start may lie


class Transform:
    """Between free vectors and the parameter vector of the compiled likelihood (length p + q + 6)."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.low, self.high = spec.df_range
        self.free_nu = spec.dist == "t" and self.low < self.high
        self.garch = spec.volatility != "constant"
        self.gjr = spec.volatility == "gjr"
        self.at = 1 + spec.ar + spec.ma  # where omega stands in the parameter vector
        self.size = self.at + 1 + 2 * self.garch + self.gjr + self.free_nu

    def vector(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The parameter vector of `y`, and its Jacobian (parameters x free)."""
        p, at = self.spec.ar, self.at
        x, jacobian = np.zeros(at + 5), np.zeros((at + 5, self.size))
        x[0] = y[0]
        jacobian[0, 0] = 1.0
        for start, stop, sign in ((1, 1 + p, 1.0), (1 + p, at, -1.0)):
            if stop > start:
                values, slopes = from_partials(y[start:stop])
                x[start:stop] = sign * values
                jacobian[start:stop, start:stop] = sign * slopes
        x[at] = jacobian[at, at] = math.exp(min(max(y[at], -50.0), 50.0))
        if self.garch:
            self._variance(y, x, jacobian)
        if self.free_nu:
            s = _logistic(y[-1])
            x[at + 4] = self.low + (self.high - self.low) * s
            jacobian[at + 4, -1] = (self.high - self.low) * s * (1.0 - s)
        else:
            x[at + 4] = self.low if self.spec.dist == "t" else 0.0
        return x, jacobian

    def _variance(self, y: FloatArray, x: FloatArray, jacobian: FloatArray) -> None:
        at, a, b = self.at, _logistic(y[self.at + 1]), _logistic(y[self.at + 2])
        whole, d_whole, d_share = CAP * a, CAP * a * (1.0 - a), b * (1.0 - b)
        lean = math.tanh(y[at + 3]) if self.gjr else 0.0
        x[at + 1] = whole * b * (1.0 - lean)
        x[at + 2] = 2.0 * whole * b * lean
        x[at + 3] = whole * (1.0 - b)
        by_whole, by_share = jacobian[:, at + 1], jacobian[:, at + 2]
        by_whole[at + 1 : at + 4] = np.array([b * (1.0 - lean), 2.0 * b * lean, 1.0 - b]) * d_whole
        by_share[at + 1 : at + 4] = np.array([1.0 - lean, 2.0 * lean, -1.0]) * whole * d_share
        if self.gjr:
            slope = whole * b * (1.0 - lean * lean)
            jacobian[at + 1 : at + 3, at + 3] = -slope, 2.0 * slope

    def free(self, params: Params) -> FloatArray:
        """The free vector of `params`; values at a bound are moved just inside it."""
        y = [params.mu, *_to_partials(params.ar), *_to_partials([-c for c in params.ma])]
        y.append(math.log(params.omega))
        if self.garch:
            whole = params.persistence
            shock = params.alpha + params.gamma / 2.0
            y.append(_logit(whole / CAP))
            y.append(_logit(shock / whole if whole > 0.0 else 0.5))
        if self.gjr:
            lean = params.gamma / 2.0 / shock if shock > 0.0 else 0.0
            y.append(math.atanh(min(max(lean, -1.0 + _EDGE), 1.0 - _EDGE)))
        if self.free_nu:
            nu = params.nu or self.high
            y.append(_logit((nu - self.low) / (self.high - self.low)))
        return np.array(y)

    def params(self, y: FloatArray) -> Params:
        """The parameters of `y`."""
        return params_of(self.spec, self.vector(y)[0])


def params_of(spec: Spec, x: FloatArray) -> Params:
    """The parameters in a vector of the compiled likelihood."""
    values = [float(value) for value in x]
    at = 1 + spec.ar + spec.ma
    omega, alpha, gamma, beta, nu = values[at:]
    return Params(
        mu=values[0],
        ar=tuple(values[1 : 1 + spec.ar]),
        ma=tuple(values[1 + spec.ar : at]),
        omega=omega,
        alpha=alpha,
        gamma=gamma,
        beta=beta,
        nu=nu or None,
    )


def _logistic(y: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * y))


def _logit(share: float) -> float:
    share = min(max(share, _EDGE), 1.0 - _EDGE)
    return math.log(share / (1.0 - share))


def from_partials(y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients of a stationary AR from free values, and their Jacobian."""
    size = len(y)
    partial = np.tanh(y) * _PARTIAL_CAP
    slope = _PARTIAL_CAP * (1.0 - np.tanh(y) ** 2)
    c, jacobian = np.zeros(size), np.zeros((size, size))
    for j in range(size):
        back, d_back = c[:j][::-1].copy(), jacobian[:j][::-1].copy()
        c[:j] -= partial[j] * back
        jacobian[:j] -= partial[j] * d_back
        jacobian[:j, j] -= back
        c[j] = partial[j]
        jacobian[j, j] = 1.0
    return c, jacobian * slope


def is_stationary(coefficients) -> bool:
    """Whether all partial autocorrelations are within what a free vector can reach."""
    c = list(coefficients)
    while c:
        last = c.pop()
        if not abs(last) < _PARTIAL_CAP:
            return False
        c = [(a + last * b) / (1.0 - last * last) for a, b in zip(c, c[::-1], strict=True)]
    return True


def _to_partials(coefficients) -> list[float]:
    """Free values of AR coefficients: the recursion backwards."""
    c = list(coefficients)
    free: list[float] = []
    while c:
        last = min(max(c.pop(), -1.0 + _EDGE), 1.0 - _EDGE)
        free.insert(0, math.atanh(min(max(last / _PARTIAL_CAP, -1.0 + _EDGE), 1.0 - _EDGE)))
        c = [(a + last * b) / (1.0 - last * last) for a, b in zip(c, c[::-1], strict=True)]
    return free
