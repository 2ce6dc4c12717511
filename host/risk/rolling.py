"""Quantile and tail mean of a moving window that ends just before each time: historical simulation."""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray

_ROWS_AT_ONCE = 1024


def tails(
    values: FloatArray, window: int, first: int, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return (quantile, tail mean) for each time from `first` on, from the `window` values before it.

    Entries before `first` are NaN; while fewer than `window` values exist, all of them count. The
    quantile interpolates between order statistics; the tail mean is that of those below or at it, as many
    as there are without ties.
    Raises ValueError when there is no value before `first`, or one is not finite.
    """
    if not 0 < first <= len(values) or window < 1:
        raise ValueError(f"{len(values)} values, window {window}: nothing before {first}")
    start = max(0, first - window)
    if not np.isfinite(values[start:]).all():
        raise ValueError("historical simulation of values that are not finite")
    quantile = np.full(len(values), np.nan)
    mean = np.full(len(values), np.nan)
    full = min(len(values), max(first, window))
    for at in range(first, full):
        quantile[at : at + 1], mean[at : at + 1] = _tail(values[None, start:at], level)
    for begin in range(full, len(values), _ROWS_AT_ONCE):
        end = min(len(values), begin + _ROWS_AT_ONCE)
        views = np.lib.stride_tricks.sliding_window_view(values[begin - window : end - 1], window)
        quantile[begin:end], mean[begin:end] = _tail(views, level)
    return quantile, mean


def _tail(rows: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Quantile and tail mean of each row; only the tail is sorted."""
    at = level * (rows.shape[1] - 1)
    below = int(at)
    upper = min(below + 1, rows.shape[1] - 1)
    low = np.sort(np.partition(rows, upper, axis=1)[:, : upper + 1], axis=1)
    quantile = low[:, below] + (at - below) * (low[:, upper] - low[:, below])
    return quantile, low[:, : below + 1].mean(axis=1)
