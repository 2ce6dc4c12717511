"""The venue's own dead man's switch: told in time again and again, or it cancels everything once."""

from __future__ import annotations

NS_PER_MS = 1_000_000


class DeadmanSwitch:
    """A countdown in CLOCK_MONOTONIC; `due_ns` is when it fires, None when it is not armed."""

    def __init__(self) -> None:
        self.due_ns: int | None = None

    def set(self, timeout_ms: int, now_ns: int) -> None:
        """Arm or refresh; 0 disarms."""
        self.due_ns = now_ns + timeout_ms * NS_PER_MS if timeout_ms else None

    def fires(self, now_ns: int) -> bool:
        """Whether it fires now; it does so once."""
        if self.due_ns is None or now_ns < self.due_ns:
            return False
        self.due_ns = None
        return True
