"""Features of bars, twice: one bar after the other as a trader sees them, and all at once for training.

Both give the same numbers, to the last bit: sums are taken in the order of time, and the logarithm is
that of the C library on both ways. A set has

    batch(series)     one row a bar, NaN while it warms up
    incremental()     an object with `take(bar)`, which returns that row or None while it warms up
    looks_back_rows   a row depends on no bar before these, to `tolerance` (0: exactly)

    SETS   by name. `engine` is what the engine shows a model, and the only one that it can run.
"""

from host.features.sets import SETS, FeatureSet

__all__ = ["SETS", "FeatureSet"]
