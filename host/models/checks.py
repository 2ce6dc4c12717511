"""Which returns a model may be made of; everything else is one line and no number."""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray
from host.models.spec import ModelError, Spec

MIN_RETURNS = 100
MAX_SAME_SHARE = 0.5  # more equal returns than this: the price hardly moves, and h runs to 0
MIN_SPREAD = 1e-9  # standard deviation against the largest return


def checked(returns, spec: Spec) -> FloatArray:
    """`returns` as contiguous float64; ModelError when the specification cannot be fitted to them."""
    spec.check()
    array = np.ascontiguousarray(returns, dtype=np.float64)
    if array.ndim != 1:
        raise ModelError(f"returns of {array.ndim} dimensions: one is wanted")
    needed = MIN_RETURNS + 10 * spec.lag
    if len(array) < needed:
        raise ModelError(f"{len(array)} returns are too few: {spec.name} needs {needed}")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise ModelError(f"return {wrong[0] + 1} is {array[wrong[0]]}: not a finite number")
    if array.std() <= MIN_SPREAD * np.abs(array).max():
        raise ModelError(f"constant: all {len(array)} returns are {array[0]:g}")
    values, counts = np.unique(array, return_counts=True)
    most = int(counts.argmax())
    if counts[most] > MAX_SAME_SHARE * len(array):
        raise ModelError(f"{counts[most]} of {len(array)} returns are equal ({values[most]:g})")
    return array
