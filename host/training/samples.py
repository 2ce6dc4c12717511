"""Features and labels of one series, with the times that the splits need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from host.data.digest import digest
from host.data.quality import grid_ns
from host.data.reader import Series
from host.data.table import BadData, FloatArray, IntArray
from host.features import SETS
from host.features.checks import looks_ahead
from host.training.labels import DOWN, UP, Label, labelled

LEAST_SAMPLES = 200


@dataclass(frozen=True)
class Samples:
    """One row of features for each label; `end_ns` is when that label was known.

    sha256 -- of the whole series; first_ns, last_ns, bars, step_ns -- its range
    """

    source: str
    sha256: str
    first_ns: int
    last_ns: int
    bars: int
    step_ns: int
    names: tuple[str, ...]
    label: str
    rows: FloatArray
    labels: IntArray
    times_ns: IntArray
    end_ns: IntArray

    def line(self, chosen: Any = slice(None)) -> dict[str, Any]:
        """Return the times of all samples, or of some, as every splitter takes them."""
        return {
            "times": self.times_ns[chosen].view("datetime64[ns]"),
            "label_end": self.end_ns[chosen].view("datetime64[ns]"),
        }


def samples(series: Series, features: str, label: Label) -> Samples:
    """Return the samples of a series.

    Raises BadData when there are too few of them, when bars of different length are mixed, when there is
    but one kind of label, or when a feature has the future in it.
    """
    step_ns = grid_ns(series) if series.kind == "bar" else 0
    chosen = SETS[features]
    labels, rows = labelled(series, label), chosen.batch(series)
    guilty = looks_ahead(chosen, series)
    if guilty:
        raise BadData(f"{series.source}: the future is in the feature {', '.join(guilty)}")
    usable = np.isfinite(rows).all(axis=1) & (labels.known >= 0)
    found = labels.values[usable].astype(np.int64)
    if len(found) < LEAST_SAMPLES:
        raise BadData(
            f"{series.source}: {len(found)} samples, {LEAST_SAMPLES} are needed "
            f"({series.rows} rows, labels {label.text})"
        )
    if not {UP, DOWN} <= set(found.tolist()):
        raise BadData(f"{series.source}: labels {label.text} are never {UP} or never {DOWN}")
    return Samples(
        source=series.source,
        sha256=digest(series),
        first_ns=int(series.time_ns[0]),
        last_ns=int(series.time_ns[-1]),
        bars=series.rows,
        step_ns=step_ns,
        names=chosen.names,
        label=label.text,
        rows=np.ascontiguousarray(rows[usable]),
        labels=found,
        times_ns=series.time_ns[usable],
        end_ns=series.time_ns[labels.known[usable]],
    )
