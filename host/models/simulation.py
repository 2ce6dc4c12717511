"""Returns drawn from a model."""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray
from host.models.innovations import draw
from host.models.spec import Params

_BURN = 500


def simulate(params: Params, n: int, seed: int) -> FloatArray:
    """`n` returns in percent; the same seed draws the same ones. ModelError for impossible params."""
    params.check()
    z = draw(params.nu, n + _BURN, np.random.default_rng(seed)).tolist()
    lag = max(params.lag, 1)
    mean = params.mu / (1.0 - sum(params.ar))
    r, e = [mean] * lag, [0.0] * lag
    h = params.omega / (1.0 - params.persistence)
    for shock in z:
        step = params.mu + h**0.5 * shock
        step += sum(c * r[-1 - i] for i, c in enumerate(params.ar))
        step += sum(c * e[-1 - i] for i, c in enumerate(params.ma))
        r.append(step)
        e.append(h**0.5 * shock)
        alpha = params.alpha + (params.gamma if e[-1] < 0.0 else 0.0)
        h = params.omega + alpha * e[-1] ** 2 + params.beta * h
    return np.array(r[-n:])
