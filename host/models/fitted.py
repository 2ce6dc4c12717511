"""A fitted model: parameters, how they were found, and the state that the next forecast needs."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec
import numpy as np

from host.data.table import FloatArray
from host.models.checks import checked
from host.models.likelihood import Likelihood, OneStep
from host.models.spec import ModelError, Params, Spec

SCHEMA = "bot4.model/1"


class Forecast(NamedTuple):
    """Of one return, given all before it: percent and percent squared."""

    mean: float
    variance: float


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After the last return: newest first; `h` is the variance of the newest residual."""

    recent: tuple[float, ...]
    shocks: tuple[float, ...]
    h: float


class Fitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of one series. `method` is "joint", "warm", "two-step" or "given".

    `digest` is the SHA-256 of the returns as little-endian float64, so that a stored model can be
    held against the data it claims to be of.
    """

    spec: Spec
    params: Params
    loglik: float
    n: int
    converged: bool
    method: str
    digest: str
    state: State
    schema: str = SCHEMA

    def online(self) -> OneStep:
        """The forecast after the last return, to be moved on one return at a time."""
        recent, shocks = np.array(self.state.recent), np.array(self.state.shocks)
        orders = self.spec.ar, self.spec.ma
        return OneStep(self.params.vector(), *orders, recent, shocks, self.state.h)

    def forecast(self) -> Forecast:
        """Of the return after the last one."""
        step = self.online()
        return Forecast(step.mean, step.variance)

    def filter(self, returns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """One-step mean and variance of each return, by the likelihood's own start.

        The first max(p, q) entries are NaN. The start value of the variance is taken from all of
        `returns`: for a forecast out of sample go on from `online()` instead.
        """
        array = np.ascontiguousarray(returns, dtype=np.float64)
        if array.ndim != 1 or len(array) <= self.spec.lag or not np.isfinite(array).all():
            raise ModelError(f"filter: more than {self.spec.lag} finite returns are wanted")
        e, h, _ = Likelihood(array, self.spec.ar, self.spec.ma).paths(self.params.vector())
        start = np.full(self.spec.lag, np.nan)
        return array - np.concatenate([start, e]), np.concatenate([start, h])

    def residuals(self, returns: FloatArray) -> FloatArray:
        """Standardised residuals e / sqrt(h) of the returns after the first max(p, q)."""
        mean, variance = self.filter(returns)
        return ((returns - mean) / np.sqrt(variance))[self.spec.lag :]

    def to_json(self) -> bytes:
        """As one versioned JSON object."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> Fitted:
        """Read `to_json`; ModelError for another version, a damaged file or impossible values."""
        try:
            fitted = msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise ModelError(f"not a stored model: {error}") from None
        if fitted.schema != SCHEMA:
            raise ModelError(f"schema {fitted.schema!r}: {SCHEMA!r} is read here")
        fitted.spec.check()
        fitted.params.check()
        spec, params, state = fitted.spec, fitted.params, fitted.state
        sizes = (len(params.ar), len(params.ma), len(state.recent), len(state.shocks))
        if sizes != (spec.ar, spec.ma, max(spec.ar, 1), max(spec.ma, 1)) or state.h <= 0.0:
            raise ModelError("parameters, orders and state do not belong together")
        return fitted


def digest_of(returns: FloatArray) -> str:
    """SHA-256 of the returns."""
    return hashlib.sha256(np.ascontiguousarray(returns, dtype="<f8").tobytes()).hexdigest()


def fitted_at(
    returns: FloatArray, spec: Spec, params: Params, *, converged: bool, method: str
) -> Fitted:
    """The model at `params`, its likelihood over `returns`, and the state after the last of them."""
    likelihood = Likelihood(returns, spec.ar, spec.ma)
    loglik = likelihood.value(params.vector())
    if not np.isfinite(loglik):
        raise ModelError(f"{spec.name}: the likelihood at these parameters is {loglik}")
    e, h, _ = likelihood.paths(params.vector())
    # Residuals before the first one are 0 by convention.
    shocks = np.concatenate([np.zeros(max(spec.ma, 1)), e])[: -max(spec.ma, 1) - 1 : -1]
    state = State(
        recent=tuple(returns[: -max(spec.ar, 1) - 1 : -1].tolist()),
        shocks=tuple(shocks.tolist()),
        h=float(h[-1]),
    )
    found = (spec, params, float(loglik), len(returns), converged, method, digest_of(returns))
    return Fitted(*found, state)


def at(returns, spec: Spec, params: Params) -> Fitted:
    """Likelihood and forecast at given parameters; ModelError when they break a constraint."""
    params.check()
    if (len(params.ar), len(params.ma)) != (spec.ar, spec.ma):
        raise ModelError(f"{len(params.ar)} ar and {len(params.ma)} ma parameters for {spec.name}")
    if (params.nu is not None) != (spec.dist == "t"):
        raise ModelError(f"nu {params.nu}: does not belong to dist {spec.dist}")
    array = checked(returns, spec)
    return fitted_at(array, spec, params, converged=False, method="given")
