"""Two ways to say one thing: the host's MODE on the serial line, and the wires HALT and ACK.

While HALT is high the host must trade, and while it is low it must not. The contradiction is
normal for a moment, since wires are faster than frames. One that lasts means that an end or a
wire lies. (ACK high, which says that the gate is closed, trips an armed box at once, and
while HALT is low a host that says it trades is wrong whatever ACK says.)
"""

from controller import leds
from controller.times import elapsed_ms


class Agreement:
    """Times how long the host's MODE and the wires have contradicted each other."""

    def __init__(self, times):
        self._times = times
        self._since_ms = None

    def broken(self, now_ms, mode, armed):
        """Return True when they have disagreed for longer than allowed."""
        if (mode != leds.EMERGENCY) == armed:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        return elapsed_ms(now_ms, self._since_ms) > self._times.mode_follows_ms
