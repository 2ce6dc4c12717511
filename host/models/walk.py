"""Walk-forward: fit on everything before, forecast one step ahead, take the return in, go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from host.data.table import FloatArray
from host.models.fitted import Fitted
from host.models.joint import fit
from host.models.spec import ModelError, Spec

FULL_SEARCH_EVERY = 12  # refits; the others start from the optimum before


class Walked(NamedTuple):
    """Forecasts of returns[first:], each made from the returns before it alone.

    `nu` is the degrees of freedom in force at each (NaN for normal innovations). `kept` counts the
    refits that failed, after which the parameters before were kept.
    """

    mean: FloatArray
    variance: FloatArray
    nu: FloatArray
    fits: list[Fitted]
    kept: int


def walk_forward(returns: FloatArray, spec: Spec, first: int, refits: Sequence[int] = ()) -> Walked:
    """Forecast returns[first:], refitting on all returns before `first` and before each of `refits`.

    ModelError when the fit at `first` fails: there is nothing to keep then.
    """
    returns = np.ascontiguousarray(returns, dtype=np.float64)
    if not 0 < first < len(returns):
        raise ModelError(f"walk-forward from {first}: there are {len(returns)} returns")
    stops = [first, *sorted({stop for stop in refits if first < stop < len(returns)})]
    mean, variance, nu = (np.empty(len(returns) - first) for _ in range(3))
    fits: list[Fitted] = []
    kept = 0
    for count, (start, stop) in enumerate(zip(stops, [*stops[1:], len(returns)], strict=True)):
        warm = fits[-1] if count % FULL_SEARCH_EVERY else None
        try:
            fits.append(fit(returns[:start], spec, warm=warm))
            step = fits[-1].online()
        except ModelError:
            if not fits:
                raise
            kept += 1  # `step` goes on with the parameters that it has
        part = slice(start - first, stop - first)
        step.run(returns[start:stop], mean[part], variance[part])
        nu[part] = np.nan if fits[-1].params.nu is None else fits[-1].params.nu
    return Walked(mean, variance, nu, fits, kept)


def monthly(time_ns, first: int) -> list[int]:
    """Indices from `first` on with which a new calendar month (UTC) begins."""
    months = np.asarray(time_ns).astype("datetime64[ns]").astype("datetime64[M]")
    begins = np.flatnonzero(months[1:] != months[:-1]) + 1
    return [int(index) for index in begins if index > first]
