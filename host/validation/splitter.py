"""What the three modes share: arguments, checks, and the face that scikit-learn expects."""

from __future__ import annotations

import inspect
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from host.validation.fold import Fold, IndexArray, Role, RoleArray
from host.validation.timeline import NotEnoughData, Timeline, timeline


class Splitter(ABC):
    """Base of the modes. `times` and `label_end` are arrays, or names of columns of X.

    Given as arrays they are checked at once and X must have as many rows; given as names they are
    looked up in each X, which also serves nested searches that split a part of the rows.
    """

    min_train = 1

    def __init__(self, n_splits: int, purge: bool, times: Any, label_end: Any, least: int) -> None:
        self.n_splits = whole("n_splits", n_splits, least)
        if not isinstance(purge, bool | np.bool_):
            raise TypeError(f"purge={purge!r}: True or False")
        self.purge = bool(purge)
        self.times = times
        self.label_end = label_end
        by_name = isinstance(times, str) or isinstance(label_end, str)
        self._line = None if by_name else timeline(times, label_end)

    def split(
        self, X: Any = None, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Return pairs of training and test sample numbers, in the order of time.

        All splits are checked before the first is given. Raises NotEnoughData.
        """
        del groups  # scikit-learn passes it to every splitter
        folds = self.folds(X, y)
        return ((fold.indices(Role.TRAIN), fold.indices(Role.TEST)) for fold in folds)

    def folds(self, X: Any = None, y: Any = None) -> Iterator[Fold]:
        """Return the same splits with the role of every sample. Raises NotEnoughData."""
        line = self.line(X, y)
        # Twice through, keeping nothing: a million samples in a hundred splits would not fit.
        for fold in self._folds(line):
            self._require_samples(fold)
        return self._folds(line)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many splits `split` gives."""
        del X, y, groups
        return self.n_splits

    def line(self, X: Any = None, y: Any = None) -> Timeline:
        """Return the checked times; X (or y) must have a row for each."""
        line = self._line or timeline(self.times, self.label_end, X)
        for name, rows in (("X", X), ("y", y)):
            n = line.n if rows is None else _rows(rows)
            if n != line.n:
                raise ValueError(
                    f"{name} has {n} rows, times has {line.n}: to split a part of the data, "
                    "name a column of X as times"
                )
        return line

    def _folds(self, line: Timeline) -> Iterator[Fold]:
        windows = self._windows(line)
        return (Fold(number, self._roles(line, window)) for number, window in enumerate(windows, 1))

    @abstractmethod
    def _windows(self, line: Timeline) -> list[tuple[int, int]]:
        """Return each test as (first, one past the last)."""

    @abstractmethod
    def _roles(self, line: Timeline, window: tuple[int, int]) -> RoleArray:
        """Return what each sample is when this window is the test."""

    def _require_samples(self, fold: Fold) -> None:
        train = fold.count(Role.TRAIN)
        if train < self.min_train:
            left_out = ", ".join(
                f"{fold.count(role)} {role.name.lower()}"
                for role in (Role.GAP, Role.PURGED, Role.EMBARGOED)
            )
            wanted = "no training sample left" if not train else f"{train} training samples"
            raise NotEnoughData(
                f"split {fold.number}: {wanted}, at least {self.min_train} needed ({left_out})"
            )

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        told = (f"{name}={_short(getattr(self, name))}" for name in names)
        return f"{type(self).__name__}({', '.join(told)})"


def whole(name: str, value: Any, least: int) -> int:
    """Return a count of at least `least`; raises TypeError, ValueError."""
    # numpy counts its durations among the whole numbers.
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}={value!r}: a whole number is needed")
    if value < least:
        raise ValueError(f"{name}={value}: at least {least} is needed")
    return int(value)


def _rows(table: Any) -> int:
    shape = getattr(table, "shape", None)  # sparse matrices have no len()
    return int(shape[0]) if shape else len(table)


def _short(value: Any) -> str:
    many = not isinstance(value, str) and hasattr(value, "__len__")
    return f"<{len(value)} values>" if many else repr(value)
