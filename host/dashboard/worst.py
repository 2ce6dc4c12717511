"""The worst value of the last minute or so, in two half-minutes that take turns."""

from __future__ import annotations

HALF_NS = 30_000_000_000


class Worst:
    """Largest of each name since 30 to 60 seconds ago."""

    def __init__(self) -> None:
        self._turn = -1
        self._now: dict[str, float] = {}
        self._before: dict[str, float] = {}

    def seen(self, name: str, value: float | None, now_ns: int) -> float | None:
        """Take a value; return the worst of its name, None where there was none."""
        turn = now_ns // HALF_NS
        if turn != self._turn:
            self._before = self._now if turn == self._turn + 1 else {}
            self._now, self._turn = {}, turn
        if value is not None:
            self._now[name] = max(value, self._now.get(name, value))
        return max((kept[name] for kept in (self._now, self._before) if name in kept), default=None)
