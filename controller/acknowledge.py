"""HALT has fallen: when does ACK come, and does it come at all?"""

from controller.times import elapsed_ms


class AckWatch:
    """Waits for one ACK after each fall of HALT."""

    def __init__(self, times):
        self._times = times
        self._fell_ms = None

    def fell(self, now_ms, uptime_us):
        """HALT has just been dropped."""
        self._fell_ms = now_ms
        self._fell_us = uptime_us

    def forget(self):
        """HALT fell because ACK was high: that one answers nothing, and no other will come."""
        self._fell_ms = None

    def took_us(self, ack_high, uptime_us):
        """Return the microseconds from HALT to ACK once, at the first look that sees it; else None."""
        if self._fell_ms is None or not ack_high:
            return None
        self._fell_ms = None
        return (uptime_us - self._fell_us) & 0xFFFFFFFF

    def missing(self, now_ms):
        """Return True while ACK is overdue."""
        fell_ms = self._fell_ms
        return fell_ms is not None and elapsed_ms(now_ms, fell_ms) > self._times.ack_missing_ms
