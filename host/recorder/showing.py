"""When the recorder shows the log's head to the witness.

Every second while there is news, and at once after what the guard said. One head at a time: the
next is shown only when the receipt of the one before is itself on record, so that no number is ever
missing from a log that nobody changed; without an answer the same head is shown again. The first
question of a session is for the receipt that stands (count 0): a recorder that died between a
receipt and its record would leave a gap.
"""

PERIOD_NS = 1_000_000_000
# ns. No receipt for so long: the frame or its answer was lost, or nobody is there.
PATIENCE_NS = 1_000_000_000
RECEIPT = "receipt"
STANDING = (0, bytes(32).hex())


class Showing:
    """Decides; sends nothing."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new connection to the guard: ask for what stands first."""
        self._open: tuple[int, str] | None = None
        self._opened_ns = 0
        self._asked_standing = False
        self._news = True
        self._urgent = True

    @property
    def shown(self) -> tuple[int, str] | None:
        """The (count, head) that waits for its receipt, or None."""
        return self._open

    def recorded(self, origin: str, kind: str) -> None:
        """Learn that an event of this origin and kind is in the log."""
        if kind == RECEIPT and origin == "guard":
            self._open = None
            self._asked_standing = True
            return
        self._news = True
        self._urgent = self._urgent or origin == "guard"

    def due(self, now_ns: int, count: int, head: str) -> tuple[int, str] | None:
        """Return the (count, head) to show now, or None. `count` and `head` are durable."""
        waited_ns = now_ns - self._opened_ns
        if self._open is not None:
            return self._again(now_ns) if waited_ns >= PATIENCE_NS else None
        if not self._asked_standing:
            self._open = STANDING
        elif count and self._news and (self._urgent or waited_ns >= PERIOD_NS):
            self._open = (count, head)
            self._news = self._urgent = False
        else:
            return None
        self._opened_ns = now_ns
        return self._open

    def _again(self, now_ns: int) -> tuple[int, str] | None:
        self._opened_ns = now_ns
        return self._open
