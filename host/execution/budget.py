"""How many requests a second repricing may send."""

_SECOND_NS = 1_000_000_000


class Budget:
    """A token bucket; what protects may use all of it, what only improves leaves the reserve."""

    def __init__(self, per_s: int, burst: int, reserve: int) -> None:
        self._cost_ns = _SECOND_NS // per_s
        self._full_ns = burst * self._cost_ns
        self._reserve_ns = reserve * self._cost_ns
        self._has_ns = self._full_ns
        self._at_ns = 0
        self.refused = 0

    def take(self, now_ns: int, urgent: bool) -> bool:
        """Take one request out of it."""
        gained = max(0, now_ns - self._at_ns) if self._at_ns else 0
        self._has_ns = min(self._full_ns, self._has_ns + gained)
        self._at_ns = now_ns
        left = self._has_ns - self._cost_ns
        if left < (0 if urgent else self._reserve_ns):
            self.refused += 1
            return False
        self._has_ns = left
        return True
