"""The controller: inputs and bytes in, HALT, LEDs and bytes out.

One pass of the firmware calls `advance`, `inputs`, `receive` and `poll`, in this order, and
after each of them lets the HALT pin follow `halt_high`. Nothing here reads a clock.
"""

from controller import leds, reasons, states
from controller.link import Link
from controller.rearm import Rearm
from controller.times import elapsed_ms


class Controller:
    """The trip and arm logic of the box.

    times -- controller.times.Times
    link_key -- 32 bytes shared with the host
    entropy -- callable: entropy(n) returns n unpredictable bytes
    build -- u32 digest of firmware and configuration, told in HELLO
    """

    def __init__(self, times, link_key, entropy, build=0):
        self._times = times
        self.link = Link(times, link_key, entropy, build)
        self.state = states.BOOT
        self.reason = reasons.NONE
        self.mode = leds.EMERGENCY
        self.counts = {"refused_events": 0, "trips": 0, "tamper": 0, "ack_missing": 0}
        self._now_ms = 0
        self._uptime_us = 0
        self._begun_ms = 0
        self._status_ms = None
        self._told = None
        self._epoch = 0
        self._armed_epoch = 0
        self._halt_fell_ms = None
        self._halt_fell_us = 0
        self._ack_alarmed = False
        self._lamps = (0, 0, 0)
        self._rearm = Rearm(times)

    @property
    def halt_high(self):
        """Level of the HALT line: follows from the state alone."""
        return states.halt_high(self.state)

    def advance(self, now_ms, uptime_us):
        """Set the time: wrapping milliseconds (controller.times) and microseconds since power-up."""
        self._now_ms = now_ms
        self._uptime_us = uptime_us

    def start(self):
        """Begin the self-test; call once after `advance`."""
        self._begun_ms = self._now_ms
        self._event(states.START)

    def inputs(self, a_open, b_open, pressed, enclosure_open, ack_high):
        """Take the levels of all inputs; an open contact trips before anything else is looked at."""
        if a_open:
            self._trip(reasons.SWITCH_A)
        if b_open:
            self._trip(reasons.SWITCH_B)
        if enclosure_open:
            self._trip(reasons.ENCLOSURE)
        if ack_high and self.state == states.ARMED:
            self._trip(reasons.ACK_WHILE_RUN)
        self._watch_ack(ack_high)
        self._rearm.inputs(self._now_ms, a_open, b_open, pressed, enclosure_open, ack_high)
        if self._rearm.discrepancy(self._now_ms):
            self._trip(reasons.DISCREPANCY)

    def receive(self, data):
        """Take bytes from the serial line, in any chunking."""
        for reason, mode in self.link.receive(data, self._now_ms):
            if reason is not None:
                self._tamper(reason)
            else:
                self._take_mode(mode)

    def poll(self):
        """Do what is due: self-test, watchdog, re-arm, status."""
        if self.state == states.SELF_TEST:
            self._self_test()
        reason = self.link.poll(self._now_ms, self._uptime_us)
        if reason is not None and self.state == states.ARMED:
            self._trip(reason)
        self._follow_rearm()
        self._alarm_missing_ack()
        self._tell()

    def fault(self):
        """Trip because the firmware caught an error of its own."""
        self._trip(reasons.FAULT)

    def lamps(self):
        """Return the (red, yellow, green) levels to show now."""
        if self.state == states.SELF_TEST:
            shown = leds.lamp_test(elapsed_ms(self._now_ms, self._begun_ms)) or (0, 0, 0)
        else:
            shown = leds.levels(leds.pattern(self.state, self.mode), self._now_ms)
        self._lamps = shown
        return shown

    def take_tx(self):
        """Return the bytes to send and forget them."""
        self.link.flush()
        data = bytes(self.link.tx)
        if data:
            self.link.tx = bytearray()
        return data

    def _event(self, event):
        after = states.next_state(self.state, event)
        if after is None:
            self.counts["refused_events"] += 1
            return False
        self.state = after
        return True

    def _trip(self, reason):
        was_armed = self.state == states.ARMED
        if self.state == states.TRIPPED or not self._event(states.TRIP):
            return
        self.reason = reason
        self.counts["trips"] += 1
        if was_armed:
            self._halt_fell_ms = self._now_ms
            self._halt_fell_us = self._uptime_us
            self._ack_alarmed = False
        self.link.send("TRIP", (reason, self._uptime_us), self._uptime_us)

    def _tamper(self, reason):
        self.counts["tamper"] += 1
        self.link.send("TAMPER", (reason, self.counts["tamper"]), self._uptime_us)
        if self.state == states.ARMED:
            self._trip(reason)

    def _take_mode(self, values):
        mode, _reason, epoch = values
        if mode > leds.EMERGENCY:
            self._tamper(reasons.UNKNOWN_MESSAGE)
            return
        self.mode = mode
        self._epoch = epoch
        # The host was in EMERGENCY when it was armed; only a newer EMERGENCY trips.
        if mode == leds.EMERGENCY and epoch != self._armed_epoch and self.state == states.ARMED:
            self._trip(reasons.HOST_EMERGENCY)

    def _self_test(self):
        if leds.lamp_test(elapsed_ms(self._now_ms, self._begun_ms)) is None:
            self._event(states.PASSED)

    def _follow_rearm(self):
        rearm = self._rearm
        if self.state == states.TRIPPED and rearm.released(self._now_ms):
            self._event(states.RELEASED)
        live = self.link.host_is_live()
        if self.state == states.SAFE and live and rearm.ready(self._now_ms):
            rearm.begin()
            self._event(states.READY)
        elif self.state == states.WAITING:
            if not (live and rearm.may_hold()):
                self._event(states.NOT_READY)
            elif rearm.held(self._now_ms):
                self._armed_epoch = self._epoch
                self.reason = reasons.NONE
                self._event(states.HELD)

    def _watch_ack(self, ack_high):
        if self._halt_fell_ms is not None and ack_high:
            took_us = (self._uptime_us - self._halt_fell_us) & 0xFFFFFFFF
            self._halt_fell_ms = None
            self.link.send("ACK_SEEN", (self._uptime_us, took_us), self._uptime_us)

    def _alarm_missing_ack(self):
        if self._halt_fell_ms is None or self._ack_alarmed:
            return
        if elapsed_ms(self._now_ms, self._halt_fell_ms) > self._times.ack_missing_ms:
            self._ack_alarmed = True
            self.counts["ack_missing"] += 1

    def _tell(self):
        """Send STATUS on every change of state and mode, and every status period."""
        now = (self.state, self.reason, self.mode)
        late = (
            self._status_ms is None
            or elapsed_ms(self._now_ms, self._status_ms) >= self._times.status_period_ms
        )
        if now == self._told and not late:
            return
        if not self.link.established():
            self._told = None
            return
        self._told = now
        self._status_ms = self._now_ms
        red, yellow, green = self._lamps
        shown = red | yellow << 1 | green << 2
        noise = min(self.link.counts["noise"], 0xFFFF)
        values = (
            self.state,
            self.reason,
            self._rearm.bits(),
            shown,
            self.link.bad_in_a_row(),
            noise,
        )
        self.link.send("STATUS", values, self._uptime_us)
