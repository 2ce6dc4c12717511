"""K folds in the order of time, trained on both sides of the test."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.validation.convert import duration_ns
from host.validation.fold import Role, RoleArray
from host.validation.splitter import Splitter, whole
from host.validation.timeline import NotEnoughData, Timeline


class PurgedKFold(Splitter):
    """Folds as KFold(shuffle=False), purged and embargoed.

    From the training set goes every i whose [t_i, e_i] meets [first test time, last test label
    end], then the next `embargo` samples after that end, or all up to the end + `embargo_time`.
    """

    def __init__(
        self,
        n_splits: int = 10,
        embargo: int = 0,
        embargo_time: Any = None,
        purge: bool = True,
        *,
        times: Any,
        label_end: Any = None,
    ) -> None:
        super().__init__(n_splits, purge, times, label_end, least=2)
        self.embargo, self.embargo_time = whole("embargo", embargo, 0), embargo_time
        self._embargo_ns = (
            None if embargo_time is None else duration_ns(embargo_time, "embargo_time")
        )
        if self.embargo and self._embargo_ns is not None:
            raise ValueError("embargo and embargo_time: give one of both")

    def _windows(self, line: Timeline) -> list[tuple[int, int]]:
        if line.n < self.n_splits:
            raise NotEnoughData(f"{line.n} samples: {self.n_splits} folds need {self.n_splits}")
        size, larger = divmod(line.n, self.n_splits)
        stops = np.cumsum([size + (k < larger) for k in range(self.n_splits)]).tolist()
        return list(zip([0, *stops[:-1]], stops, strict=True))

    def _roles(self, line: Timeline, window: tuple[int, int]) -> RoleArray:
        start, stop = window
        last_end_ns = int(line.end_ns[start:stop].max())
        after = line.place(last_end_ns)
        if self._embargo_ns is None:
            until = after + self.embargo
        else:
            until = line.place(last_end_ns + self._embargo_ns)
        roles = np.full(line.n, Role.TRAIN, dtype=np.uint8)
        roles[start:stop] = Role.TEST
        roles[after:until] = Role.EMBARGOED
        if self.purge:
            roles[:start][line.end_ns[:start] >= line.t_ns[start]] = Role.PURGED
            roles[stop:after] = Role.PURGED  # t_i <= the end, and e_i >= t_i > the first test time
        return roles
