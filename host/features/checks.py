"""What every feature must hold: nothing of the future in it, and a start that is forgotten.

Both checks return the names of the features that do not hold; nothing else is proof that one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from host.data.reader import Series
from host.data.table import FloatArray
from host.features.sets import FeatureSet

CUTS = 5
LEAST_AFTER = 50  # rows of future that are disturbed, at least


def looks_ahead(features: FeatureSet, series: Series, cuts: int = CUTS) -> list[str]:
    """Return the features of which a row changes when bars after it do; to the last bit.

    Prices and volume after each of `cuts` rows are disturbed, once up and once down, and once the
    future is not there at all.
    """
    whole = features.batch(series)
    guilty: set[str] = set()
    last = max(1, series.rows - LEAST_AFTER)
    for cut in np.linspace(last // 2, last, cuts).astype(int).tolist():
        futures = [disturbed(series, cut, factor) for factor in (1.7, 0.4)]
        for other in (*futures, part(series, 0, cut)):
            changed = ~_same(features.batch(other)[:cut], whole[:cut])
            guilty |= set(_named(features, changed))
    return [name for name in features.names if name in guilty]


def remembers(features: FeatureSet, series: Series, starts: Sequence[int]) -> list[str]:
    """Return the features that differ beyond the tolerance `looks_back_rows` after a later start."""
    whole = features.batch(series)
    guilty: set[str] = set()
    for start in starts:
        settled = start + features.looks_back_rows
        if not 0 < start < settled < series.rows:
            raise ValueError(f"start {start}: {features.looks_back_rows} rows and more are needed")
        late = features.batch(part(series, start, series.rows))[features.looks_back_rows :]
        off = np.abs(late - whole[settled:]) > features.tolerance
        off |= np.isnan(late) != np.isnan(whole[settled:])
        guilty |= set(_named(features, off))
    return [name for name in features.names if name in guilty]


def part(series: Series, first: int, end: int) -> Series:
    """Return the rows from `first` to before `end`."""
    columns: dict[str, Any] = {name: c[first:end] for name, c in _columns(series).items()}
    return replace(series, **columns)


def disturbed(series: Series, cut: int, factor: float) -> Series:
    """Return the series with other prices and volumes from row `cut` on; its times stay."""
    columns: dict[str, Any] = {name: column.copy() for name, column in _columns(series).items()}
    # Bars stay possible: all four prices of one move alike.
    wave = factor * np.exp(0.1 * np.sin(np.arange(series.rows - cut)))
    for name, column in columns.items():
        if name != "time_ns":
            column[cut:] *= wave
    return replace(series, **columns)


def _columns(series: Series) -> dict[str, np.ndarray]:
    named = ("time_ns", "price", "open", "high", "low", "volume", "qty", "bid", "ask")
    found = {name: getattr(series, name) for name in named}
    return {name: column for name, column in found.items() if column is not None}


def _same(one: FloatArray, other: FloatArray) -> np.ndarray:
    return (one == other) | (np.isnan(one) & np.isnan(other))


def _named(features: FeatureSet, wrong: np.ndarray) -> list[str]:
    return [features.names[column] for column in np.flatnonzero(wrong.any(axis=0))]
