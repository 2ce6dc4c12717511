"""One split: what each sample is used for, or why it is not."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np

IndexArray = np.ndarray[Any, np.dtype[np.intp]]
RoleArray = np.ndarray[Any, np.dtype[np.uint8]]


class Role(enum.IntEnum):
    """What a sample is in a split. Rarer roles are higher: a plot keeps the highest of a cell."""

    UNUSED = 0  # outside of the training window, or after the test of a walk-forward split
    TRAIN = 1
    TEST = 2
    GAP = 3  # left out between training and test because the gap asks for it
    PURGED = 4  # left out because its label overlaps the test
    EMBARGOED = 5  # left out because it follows the test too closely


@dataclass(frozen=True)
class Fold:
    """One split; `roles` holds a Role for each sample, `number` counts from 1."""

    number: int
    roles: RoleArray

    def indices(self, role: Role) -> IndexArray:
        """Return the numbers of the samples in that role, rising."""
        return np.flatnonzero(self.roles == role)

    def count(self, role: Role) -> int:
        """Return how many samples have that role."""
        return int(np.count_nonzero(self.roles == role))

    def ranges(self, role: Role) -> list[tuple[int, int]]:
        """Return the runs of that role as (first, last), both included."""
        inside = np.zeros(len(self.roles) + 2, dtype=np.int8)
        inside[1:-1] = self.roles == role
        steps = np.diff(inside)
        firsts, lasts = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
