"""The sets of features that there are: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from host.data.reader import Series
from host.data.table import FloatArray
from host.features import engine, windows
from host.features.bar import Bar


class Incremental(Protocol):
    """Features one bar after the other."""

    def take(self, bar: Bar) -> tuple[float, ...] | None: ...


@dataclass(frozen=True)
class FeatureSet:
    """A set: its names in the order of a row, both ways to make it, and how far it looks back."""

    names: tuple[str, ...]
    batch: Callable[[Series], FloatArray]
    incremental: Callable[[], Incremental]
    looks_back_rows: int
    tolerance: float


SETS = {
    name: FeatureSet(part.NAMES, part.batch, part.Incremental, part.LOOKS_BACK_ROWS, part.TOLERANCE)
    for name, part in (("engine", engine), ("windows", windows))
}
