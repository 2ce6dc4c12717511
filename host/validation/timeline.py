"""The checked inputs of a split: when each sample was taken, and when its label was known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from host.validation.convert import IntArray, shown, times_ns


class NotEnoughData(ValueError):
    """The data cannot carry the splits asked for; the text names the shortfall in one line."""


@dataclass(frozen=True)
class Timeline:
    """Strictly increasing times and label ends, ns; `kind` says what they were given as."""

    t_ns: IntArray
    end_ns: IntArray
    kind: str

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.t_ns)

    def shown(self, at_ns: int) -> str:
        """Return a time of this line as a person would write it."""
        return shown(at_ns, self.kind)

    def place(self, at_ns: int) -> int:
        """Return how many samples lie at `at_ns` or before it."""
        limits = np.iinfo(np.int64)
        return int(np.searchsorted(self.t_ns, min(max(at_ns, limits.min), limits.max), "right"))


def timeline(times: Any, label_end: Any, X: Any = None) -> Timeline:
    """Check times and label ends; a text names a column (or the index) of the table X.

    Raises NotEnoughData when they are unsorted, double, or a label ends before its sample.
    """
    t_ns, kind = times_ns(_looked_up(times, X, "times"), "times")
    line = Timeline(t_ns, t_ns, kind)
    _require_increasing(line)
    if label_end is None:
        return line
    end_ns, end_kind = times_ns(_looked_up(label_end, X, "label_end"), "label_end")
    if end_kind != kind:
        raise ValueError(f"label_end: {end_kind}, where times are {kind}")
    if len(end_ns) != len(t_ns):
        raise ValueError(f"label_end: {len(end_ns)} of them for {len(t_ns)} times")
    early = end_ns < t_ns
    if early.any():
        at = int(early.argmax())
        raise NotEnoughData(
            f"label_end: the label of sample {at} ends at {line.shown(int(end_ns[at]))}, "
            f"before its time {line.shown(int(t_ns[at]))}"
        )
    return Timeline(t_ns, end_ns, kind)


def _looked_up(values: Any, X: Any, name: str) -> Any:
    if not isinstance(values, str):
        return values
    if values in getattr(X, "columns", ()):
        return X[values]
    index = getattr(X, "index", None)
    if values == getattr(index, "name", None):
        return index
    raise ValueError(f"{name}={values!r}: X has no column of this name")


def _require_increasing(line: Timeline) -> None:
    # Compared, not subtracted: a difference of two int64 times could wrap.
    wrong = line.t_ns[1:] <= line.t_ns[:-1]
    if not wrong.any():
        return
    at = int(wrong.argmax()) + 1
    what = "duplicate" if line.t_ns[at] == line.t_ns[at - 1] else "unsorted"
    raise NotEnoughData(
        f"times: {what}: sample {at} ({line.shown(int(line.t_ns[at]))}) "
        f"is not after sample {at - 1} ({line.shown(int(line.t_ns[at - 1]))})"
    )
