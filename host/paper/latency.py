"""How long a request is on its way to the matching, in the time of the data; the same with each seed.

The answer that a request was taken comes at once; what it does to the book comes later, and in the
order of the requests. A cancel that is on its way may be overtaken by a fill.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

NS_PER_MS = 1_000_000


class Latency:
    """A line of actions, each due at a time of the data.

    base_ms, jitter_ms -- the least that a request takes, and the most on top of it (uniform)
    """

    def __init__(self, base_ms: float = 0.0, jitter_ms: float = 0.0, seed: int = 0) -> None:
        self._base_ns = round(base_ms * NS_PER_MS)
        self._jitter_ns = round(jitter_ms * NS_PER_MS)
        self.none = not (self._base_ns or self._jitter_ns)
        self._random = random.Random(seed)
        self._line: deque[tuple[int, Callable[[], None]]] = deque()

    def carry(self, now_ns: int, action: Callable[[], None]) -> None:
        """Do an action when it is due: now, where there is no latency."""
        if self.none:
            action()
            return
        due_ns = now_ns + self._base_ns + self._random.randint(0, self._jitter_ns)
        if self._line:
            due_ns = max(due_ns, self._line[-1][0])
        self._line.append((due_ns, action))

    def arrive(self, now_ns: int | None = None) -> None:
        """Do what is due; all of it without a time, because none will come."""
        while self._line and (now_ns is None or self._line[0][0] <= now_ns):
            self._line.popleft()[1]()
