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

    def add(self, value: float, now_ns: int) -> None:
        """Take one value."""
        if self._parts and now_ns - self._parts[-1][0] < self._part_ns:
            self._parts[-1][1] += value
            self._parts[-1][2] += 1
        else:
            self._parts.append([now_ns, value, 1])

    def mean(self, now_ns: int) -> float | None:
        """Return the mean, or None when the window is empty."""
        while self._parts and now_ns - self._parts[0][0] >= self._window_ns:
            self._parts.popleft()
        count = sum(part[2] for part in self._parts)
        return sum(part[1] for part in self._parts) / count if count else None


class Highest:
    """Largest value within the window."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * 1e9)
        self._part_ns = max(1, self._window_ns // BUCKETS)
        self._parts: deque[list[float]] = deque()  # [last time, highest], falling

    def add(self, value: float, now_ns: int) -> float:
        """Take one value; return the largest in the window that ends now."""
        while self._parts and now_ns - self._parts[0][0] >= self._window_ns:
            self._parts.popleft()
        last_ns = now_ns
        while self._parts and self._parts[-1][1] <= value:
            self._parts.pop()
        if self._parts and now_ns - self._parts[-1][0] < self._part_ns:
            self._parts[-1][0] = last_ns  # keeps the higher value a part longer
        else:
            self._parts.append([last_ns, value])
        return self._parts[0][1]

    def clear(self) -> None:
        """Forget everything: the account was reconciled, and what was before cannot be compared."""
        self._parts.clear()
