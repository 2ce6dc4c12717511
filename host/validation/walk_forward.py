"""Walk-forward splits by counts and by clock: trained on the past alone."""

from __future__ import annotations

import datetime
import numbers
from abc import abstractmethod
from typing import Any

import numpy as np

from host.validation.convert import duration_ns, shown_length
from host.validation.fold import Role, RoleArray
from host.validation.splitter import Splitter, whole
from host.validation.timeline import NotEnoughData, Timeline

RAISE, SKIP = "raise", "skip"


class _Forward(Splitter):
    """Train on [lo, cut), leave out [cut, start), test on [start, stop)."""

    @abstractmethod
    def _bounds(self, line: Timeline, start: int) -> tuple[int, int]:
        """Return the training range before gap and test as (lo, cut)."""

    def _roles(self, line: Timeline, window: tuple[int, int]) -> RoleArray:
        start, stop = window
        lo, cut = self._bounds(line, start)
        roles = np.zeros(line.n, dtype=np.uint8)
        roles[lo:cut] = Role.TRAIN
        roles[cut:start] = Role.GAP
        roles[start:stop] = Role.TEST
        if self.purge:
            # Equality is overlap. Samples in the gap are out already: the larger of both wins.
            roles[lo:cut][line.end_ns[lo:cut] >= line.t_ns[start]] = Role.PURGED
        return roles


class WalkForward(_Forward):
    """Test blocks are the last n_splits * test_size samples, trained on what lies before.

    Counts of samples throughout. `test_size` defaults to n // (n_splits + 1); `gap` samples before
    a test are left out; of what remains the last `max_train` are kept, then purged. Gap and purge
    do not add up: the larger wins. Without labels it equals scikit-learn's TimeSeriesSplit.
    """

    def __init__(
        self,
        n_splits: int = 10,
        test_size: int | None = None,
        gap: int = 0,
        purge: bool = True,
        max_train: int | None = None,
        min_train: int = 1,
        *,
        times: Any,
        label_end: Any = None,
    ) -> None:
        super().__init__(n_splits, purge, times, label_end, least=1)
        self.test_size = None if test_size is None else whole("test_size", test_size, 1)
        self.gap = whole("gap", gap, 0)
        self.max_train = None if max_train is None else whole("max_train", max_train, 1)
        self.min_train = whole("min_train", min_train, 1)

    def _windows(self, line: Timeline) -> list[tuple[int, int]]:
        size = self.test_size or line.n // (self.n_splits + 1)
        first = line.n - self.n_splits * size
        if not size:
            raise NotEnoughData(
                f"{line.n} samples: {self.n_splits} splits need {self.n_splits + 1}"
            )
        if first - self.gap < self.min_train:
            raise NotEnoughData(
                f"{line.n} samples: {self.n_splits} test blocks of {size} and a gap of {self.gap} "
                f"leave {max(first - self.gap, 0)} to train on, at least {self.min_train} needed"
            )
        return [(start, start + size) for start in range(first, line.n, size)]

    def _bounds(self, line: Timeline, start: int) -> tuple[int, int]:
        cut = start - self.gap
        return 0 if self.max_train is None else max(0, cut - self.max_train), cut


class WalkForwardTime(_Forward):
    """Window k of n_splits tests (T - k*test, T - (k-1)*test], T the last time.

    Trained on t_i <= T - k*test - gap, purged against the first time in the window. `test` and
    `gap` are durations; `max_train` is a count of samples, or a duration before that last time;
    `min_train` and `min_test` are counts. A window with fewer than `min_test` samples is an error,
    or left out with on_empty="skip" (then there are fewer than n_splits). The defaults need more
    than 307 days.
    """

    def __init__(
        self,
        n_splits: int = 10,
        test: Any = datetime.timedelta(days=30),
        gap: Any = datetime.timedelta(days=7),
        purge: bool = True,
        max_train: Any = None,
        min_train: int = 1,
        min_test: int = 1,
        on_empty: str = RAISE,
        *,
        times: Any,
        label_end: Any = None,
    ) -> None:
        super().__init__(n_splits, purge, times, label_end, least=1)
        self.test, self.gap, self.max_train = test, gap, max_train
        self._test_ns, self._gap_ns = duration_ns(test, "test"), duration_ns(gap, "gap")
        if not self._test_ns:
            raise ValueError(f"test={test!r}: a window needs a length")
        self._max_count: int | None = None
        self._max_ns: int | None = None
        if isinstance(max_train, numbers.Real) and not isinstance(max_train, np.timedelta64):
            self._max_count = whole("max_train", max_train, 1)
        elif max_train is not None:
            self._max_ns = duration_ns(max_train, "max_train")
        self.min_train = whole("min_train", min_train, 1)
        self.min_test = whole("min_test", min_test, 1)
        if on_empty not in (RAISE, SKIP):
            raise ValueError(f"on_empty={on_empty!r}: {RAISE!r} or {SKIP!r}")
        self.on_empty = on_empty

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many splits `split` gives; with on_empty="skip" the data decide."""
        del groups
        return self.n_splits if self.on_empty == RAISE else len(self._windows(self.line(X, y)))

    def _windows(self, line: Timeline) -> list[tuple[int, int]]:
        if self.on_empty == RAISE:
            self._require_span(line)
        last_ns = int(line.t_ns[-1]) if line.n else 0
        windows = []
        for k in range(self.n_splits, 0, -1):
            after_ns = last_ns - k * self._test_ns
            start, stop = line.place(after_ns), line.place(after_ns + self._test_ns)
            if stop - start >= self.min_test:
                windows.append((start, stop))
            elif self.on_empty == RAISE:
                raise NotEnoughData(
                    f"split {self.n_splits - k + 1}: "
                    f"{stop - start or 'no'} samples after {line.shown(after_ns)} up to "
                    f"{line.shown(after_ns + self._test_ns)}, at least {self.min_test} needed"
                )
        if not windows:
            raise NotEnoughData(f"no window has {self.min_test} samples; {line.n} samples in all")
        return windows

    def _require_span(self, line: Timeline) -> None:
        needed_ns = self.n_splits * self._test_ns + self._gap_ns
        span_ns = int(line.t_ns[-1]) - int(line.t_ns[0]) if line.n else 0
        if not line.n or span_ns < needed_ns:
            raise NotEnoughData(
                f"{self.n_splits} splits of {shown_length(self._test_ns)} with a gap of "
                f"{shown_length(self._gap_ns)} need more than {shown_length(needed_ns)}; the "
                f"{line.n} samples span {shown_length(span_ns)}"
            )

    def _bounds(self, line: Timeline, start: int) -> tuple[int, int]:
        last_ns, first_ns = int(line.t_ns[-1]), int(line.t_ns[start])
        # t lies in window k when (k - 1) * test <= T - t < k * test.
        k = (last_ns - first_ns) // self._test_ns + 1
        cut_ns = last_ns - k * self._test_ns - self._gap_ns
        cut = line.place(cut_ns)
        if self._max_count is not None:
            return max(0, cut - self._max_count), cut
        return 0 if self._max_ns is None else line.place(cut_ns - self._max_ns), cut
