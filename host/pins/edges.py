"""Finds out that an edge of a line never arrived."""

SEQUENCE_MASK = 0xFFFFFFFF


class EdgeOrder:
    """Follows the edges of one line and counts those that are missing.

    Two signs, and neither is complete. The kernel numbers the edges of a line from 1, and drops the
    oldest when its buffer is full: a gap in the numbers. Edges closer together than one interrupt
    become one event with one number; when their count was even, it repeats the direction of the
    event before. What shows neither sign is found by the level alone.
    """

    def __init__(self) -> None:
        self._next = 1
        self._level: int | None = None
        self.lost = 0

    def take(self, sequence: int, level: int) -> None:
        """Take the kernel's number of an edge and the level after it."""
        gap = (sequence - self._next) & SEQUENCE_MASK
        self.lost += gap
        if not gap and level == self._level:
            self.lost += 1
        self._next = (sequence + 1) & SEQUENCE_MASK
        self._level = level
