"""What the controller tells without being asked: STATUS, and the oldest unconfirmed event."""

from controller import leds
from controller.times import elapsed_ms


class Reporter:
    """Knows what was told last, and when."""

    def __init__(self, times):
        self._times = times
        self._state = None

    def restart(self):
        """A new session: its host has been told nothing yet."""
        self._sent_ms = None

    def tell(self, controller, now_ms, uptime_us):
        """Send STATUS on every change of state and mode and every period; then an event."""
        if not controller.link.established():
            return
        if self._changed(controller) or self._late(now_ms):
            self._sent_ms = now_ms
            controller.link.send("STATUS", status(controller), uptime_us)
        event = controller.events.due(now_ms)
        if event is not None:
            controller.link.send("EVENT", event, uptime_us)

    def _changed(self, controller):
        state, mode = controller.state, controller.mode
        if state == self._state and mode == self._mode:
            return False
        self._state = state
        self._mode = mode
        return True

    def _late(self, now_ms):
        sent_ms = self._sent_ms
        return sent_ms is None or elapsed_ms(now_ms, sent_ms) >= self._times.status_period_ms


def status(controller):
    """Return the values of STATUS, in the order of controller.protocol."""
    lit, blinking = leds.told(controller.pattern())
    return (
        controller.state,
        controller.reason,
        controller.rearm.bits(),
        lit,
        blinking,
        controller.link.bad_in_a_row(),
        min(controller.link.counts["noise"], 0xFFFF),
        controller.faults.bits,
    )
