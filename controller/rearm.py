"""Inputs of the box as the way back sees them: release, readiness and the held button.

Tripping needs no history and is done by the core at once; everything that leads towards
ARMED is debounced here, and a button that was already down when waiting began does not count.
"""

from controller.times import elapsed_ms


class Rearm:
    """Remembers levels and since when they are quiet."""

    def __init__(self, times):
        self._times = times
        self._levels = None  # (a_open, b_open, pressed, enclosure_open, ack_high)
        self._held_ms = None
        self._button_seen_up = False
        self._differ_ms = None
        self._contacts_fault = False
        self._both_opened = False

    def inputs(self, now_ms, a_open, b_open, pressed, enclosure_open, ack_high):
        """Take all levels; any change restarts the quiet time."""
        levels = (a_open, b_open, pressed, enclosure_open, ack_high)
        if levels != self._levels:
            self._levels = levels
            self._quiet_ms = now_ms
        if not pressed:
            self._held_ms = None
            self._button_seen_up = True
        elif self._held_ms is None:
            self._held_ms = now_ms
        self._watch_contacts(now_ms, a_open, b_open)

    def restart(self, now_ms):
        """Begin the quiet time anew: a trip stands for at least the debounce time."""
        self._quiet_ms = now_ms

    def discrepancy(self, now_ms):
        """Return True once the contacts have disagreed for too long; latched.

        It clears only after both contacts were seen open together and then closed together:
        one full actuation shows that both work again.
        """
        differ_ms = self._differ_ms
        if differ_ms is not None and elapsed_ms(now_ms, differ_ms) > self._times.discrepancy_ms:
            self._contacts_fault = True
        return self._contacts_fault

    def released(self, now_ms):
        """Return True when switch, enclosure and button have been at rest for the debounce time."""
        if self._levels is None or self._contacts_fault:
            return False
        a_open, b_open, pressed, enclosure_open, _ack = self._levels
        return not (a_open or b_open or pressed or enclosure_open) and self._quiet(now_ms)

    def ready(self, now_ms):
        """Return True when a re-arm may begin: released, and ACK is low."""
        return self.released(now_ms) and not self._levels[4]

    def begin(self):
        """Start waiting for the button: it must be seen up before a hold counts."""
        self._button_seen_up = False

    def may_hold(self):
        """Return True while nothing but the button has moved since `ready`."""
        a_open, b_open, _pressed, enclosure_open, ack_high = self._levels
        return not (a_open or b_open or enclosure_open or ack_high or self._contacts_fault)

    def held(self, now_ms):
        """Return True when the button went down while waiting and was held long enough."""
        if not self._button_seen_up or self._held_ms is None:
            return False
        return elapsed_ms(now_ms, self._held_ms) >= self._times.rearm_hold_ms

    def bits(self):
        """Return the levels as STATUS.inputs (controller.protocol.INPUT_BITS)."""
        value = 0
        for place, level in enumerate(self._levels or ()):
            value |= (1 if level else 0) << place
        return value

    def _quiet(self, now_ms):
        return elapsed_ms(now_ms, self._quiet_ms) >= self._times.rearm_debounce_ms

    def _watch_contacts(self, now_ms, a_open, b_open):
        if a_open != b_open:
            if self._differ_ms is None:
                self._differ_ms = now_ms
            return
        self._differ_ms = None
        if a_open:
            self._both_opened = True
        else:
            if self._both_opened:
                self._contacts_fault = False
            self._both_opened = False
