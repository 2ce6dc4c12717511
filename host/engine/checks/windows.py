"""Rolling windows: nothing here knows a calendar, because a limit that resets at midnight is a hole.

Entries are kept in at most BUCKETS parts of the window, so that memory and work have a bound; an
entry of a count or of a maximum leaves up to one part late, which errs on the strict side. Times
never run backwards: the checker sees to that.
"""

from collections import deque

from host.engine.checks.limits import nanoseconds

BUCKETS = 64


class _Window:
    """Parts of a window: [first time, last time, value, count]."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = nanoseconds(window_s)
        self._part_ns = -(-self._window_ns // BUCKETS)
        self._parts: deque[list] = deque()

    def _joins(self, now_ns: int) -> bool:
        """Return True when what comes now still belongs to the latest part."""
        return bool(self._parts) and now_ns - self._parts[-1][0] < self._part_ns

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()


class Count(_Window):
    """How many things happened within the window."""

    def add(self, now_ns: int) -> None:
        """Count one."""
        self.within(now_ns)
        if self._joins(now_ns):
            # The part is as old as its last entry, so none of it leaves early.
            self._parts[-1][1] = now_ns
            self._parts[-1][3] += 1
        else:
            self._parts.append([now_ns, now_ns, 0.0, 1])

    def within(self, now_ns: int) -> int:
        """Return the number of things in the window that ends now."""
        while self._parts and now_ns - self._parts[0][1] >= self._window_ns:
            self._parts.popleft()
        return sum(part[3] for part in self._parts)


class Average(_Window):
    """Mean of the values within the window, each counted once."""

    def __init__(self, window_s: float) -> None:
        super().__init__(window_s)
        self._total = 0.0

    def add(self, value: float, now_ns: int) -> None:
        """Take one value."""
        self._forget(now_ns)
        if self._joins(now_ns):
            self._parts[-1][2] += value
            self._parts[-1][3] += 1
        else:
            self._parts.append([now_ns, now_ns, value, 1])
        self._total += value

    def mean(self, now_ns: int) -> float | None:
        """Return the mean, or None when the window is empty."""
        self._forget(now_ns)
        count = sum(part[3] for part in self._parts)
        return self._total / count if count else None

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._total = 0.0

    def _forget(self, now_ns: int) -> None:
        if not self._parts or now_ns - self._parts[0][0] < self._window_ns:
            return
        while self._parts and now_ns - self._parts[0][0] >= self._window_ns:
            self._parts.popleft()
        # Added up anew, at most once a part: subtracting would let rounding errors grow. Not by
        # sum(), which compensates from Python 3.12 on and would differ from the compiled twin.
        self._total = 0.0
        for part in self._parts:
            self._total += part[2]


class Highest(_Window):
    """Largest value within the window; parts hold falling values, so the first is the largest."""

    def add(self, value: float, now_ns: int) -> float:
        """Take one value; return the largest in the window that ends now."""
        while self._parts and now_ns - self._parts[0][1] >= self._window_ns:
            self._parts.popleft()
        while self._parts and self._parts[-1][2] <= value:
            self._parts.pop()
        if self._joins(now_ns):
            self._parts[-1][1] = now_ns  # stands for this lower value too, a part longer at most
        else:
            self._parts.append([now_ns, now_ns, value, 1])
        return self._parts[0][2]
