"""The fingerprint of a series: the same for the same numbers, from whatever file they come."""

import hashlib

import numpy as np

from host.data.reader import Series

COLUMNS = ("open", "high", "low", "price", "volume", "qty", "bid", "ask")


def digest(series: Series) -> str:
    """Return the SHA-256 of kind, times and numbers, as hexadecimal digits."""
    taken = hashlib.sha256(series.kind.encode())
    taken.update(np.ascontiguousarray(series.time_ns, dtype="<i8").tobytes())
    for name in COLUMNS:
        column = getattr(series, name)
        if column is not None:
            taken.update(name.encode())
            taken.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
    return taken.hexdigest()
