"""Rolling windows: nothing here knows a calendar, because a limit that resets at midnight is a hole.

Entries are kept in at most BUCKETS parts of the window, so that memory has a bound; an entry
leaves up to one part late, which errs on the strict side.
"""

from collections import deque

BUCKETS = 256


class Count:
    """How many things happened within the window."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * 1e9)
        self._part_ns = max(1, self._window_ns // BUCKETS)
        self._parts: deque[list[int]] = deque()
        self._total = 0

    def add(self, now_ns: int) -> None:
        """Count one."""
        if self._parts and now_ns - self._parts[-1][0] < self._part_ns:
            # The part is as old as its last entry, so none of it leaves early.
            self._parts[-1][1] = max(now_ns, self._parts[-1][1])
            self._parts[-1][2] += 1
        else:
            self._parts.append([now_ns, now_ns, 1])
        self._total += 1

    def within(self, now_ns: int) -> int:
        """Return the number of things in the window that ends now."""
        while self._parts and now_ns - self._parts[0][1] >= self._window_ns:
            self._total -= self._parts.popleft()[2]
        return self._total

    def clear(self) -> None:
        """Forget everything: a person has re-enabled."""
        self._parts.clear()
        self._total = 0


class Average:
    """Mean of the values within the window, each counted once."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * 1e9)
        self._part_ns = max(1, self._window_ns // BUCKETS)
        self._parts: deque[list[float]] = deque()
        self._total = 0.0
        self._count = 0.0

    def add(self, value: float, now_ns: int) -> None:
        """Take one value."""
        if self._parts and now_ns - self._parts[-1][0] < self._part_ns:
            self._parts[-1][1] += value
            self._parts[-1][2] += 1
        else:
            self._parts.append([now_ns, value, 1])
        self._total += value
        self._count += 1

    def mean(self, now_ns: int) -> float | None:
        """Return the mean, or None when the window is empty."""
        if self._parts and now_ns - self._parts[0][0] >= self._window_ns:
            while self._parts and now_ns - self._parts[0][0] >= self._window_ns:
                self._parts.popleft()
            # Added up anew, at most once a part: subtracting would let rounding errors grow.
            self._total = sum(part[1] for part in self._parts)
            self._count = sum(part[2] for part in self._parts)
        return self._total / self._count if self._count else None


class Highest:
    """Largest value within the window."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * 1e9)
        self._part_ns = max(1, self._window_ns // BUCKETS)
        # [first time, last time, highest]: falling values, so the first one is the highest.
        self._parts: deque[list[float]] = deque()

    def add(self, value: float, now_ns: int) -> float:
        """Take one value; return the largest in the window that ends now."""
        while self._parts and now_ns - self._parts[0][1] >= self._window_ns:
            self._parts.popleft()
        while self._parts and self._parts[-1][2] <= value:
            self._parts.pop()
        if self._parts and now_ns - self._parts[-1][0] < self._part_ns:
            self._parts[-1][1] = now_ns  # stands for this lower value too, a part longer at most
        else:
            self._parts.append([now_ns, now_ns, value])
        return self._parts[0][2]

    def clear(self) -> None:
        """Forget everything: the account was reconciled, and what was before cannot be compared."""
        self._parts.clear()
