"""The controller: inputs and bytes in, HALT, LEDs and bytes out.

One pass of the firmware calls `advance`, `inputs`, `receive` and `poll`, in this order, and
after each of them lets the HALT pin follow `halt_high`. Nothing here reads a clock.

What the firmware supplies besides: to `start` the reset cause, the resets since power-up and
the failed self-tests; to the constructor what the witness needs (controller.witness). Each
has a default, under which that check or service is simply not there. A board that can measure
HALT -> ACK itself sets `measured_ack_us` to a callable that returns microseconds, or None.
"""

from controller import events, faults, leds, reasons, report, states, witness
from controller.acknowledge import AckWatch
from controller.agreement import Agreement
from controller.link import Link
from controller.rearm import Rearm
from controller.times import elapsed_ms


class Controller:
    """The trip and arm logic of the box.

    times -- controller.times.Times
    link_key -- 32 bytes shared with the host
    entropy -- callable: entropy(n) returns n unpredictable bytes
    build -- u32 digest of firmware and configuration, told in HELLO
    witness_key, store, stored, firmware -- see controller.witness.Witness
    """

    def __init__(
        self, times, link_key, entropy, build=0,
        witness_key=None, store=None, stored=None, firmware=witness.NO_DIGEST,
    ):  # fmt: skip
        self._times = times
        self.link = Link(times, link_key, entropy, build)
        self.state = states.BOOT
        self.reason = reasons.NONE
        self.mode = leds.EMERGENCY
        self.counts = {"refused_events": 0, "trips": 0}
        self.faults = faults.Faults()
        boot = int.from_bytes(entropy(4), "little") >> 2
        self.events = events.Events(times, boot)
        self.witness = witness.Witness(times, witness_key, store, stored, firmware)
        self.rearm = Rearm(times)
        self._now_ms = 0
        self._uptime_us = 0
        self._epoch = None  # of the host's mode; None while it has told none in this session
        self._linked = False
        self._ack = AckWatch(times)
        self.measured_ack_us = None
        self._agreement = Agreement(times)
        self._reporter = report.Reporter(times)

    @property
    def halt_high(self):
        """Level of the HALT line: follows from the state alone."""
        return states.halt_high(self.state)

    def advance(self, now_ms, uptime_us):
        """Set the time: wrapping milliseconds (controller.times) and microseconds since power-up."""
        self._now_ms = now_ms
        self._uptime_us = uptime_us

    def start(self, cause=0, resets=0, failed=0):
        """Begin the self-test; call once after `advance`.

        cause -- index into events.RESET_CAUSES
        resets -- resets since power-up; the firmware counts them where a reset leaves them alone
        failed -- bits of the firmware's own checks that failed; 0 means that all passed
        """
        if not self._event(states.START):
            return  # a second start opens no epoch: it might be called while armed
        self._begun_ms = self._now_ms
        self._note(events.STARTED, cause, resets)
        if failed:
            self._fault(reasons.SELF_TEST, states.FAILED)
        if resets >= self._times.resets_trip:
            self._fault(reasons.RESETS)
        if not self.witness.open(self._now_ms):
            self._fault(reasons.STORE)
        if self.faults.blocked:
            self._trip(reasons.FAULT)  # by a fault in BOOT, where nothing trips

    def inputs(self, a_open, b_open, pressed, enclosure_open, ack_high):
        """Take the levels of all inputs; an open contact trips before anything else is looked at."""
        if a_open:
            self._trip(reasons.SWITCH_A)
        if b_open:
            self._trip(reasons.SWITCH_B)
        self._lasting(reasons.ENCLOSURE, enclosure_open)
        if ack_high and self.state == states.ARMED:
            self._fault(reasons.ACK_WHILE_RUN)
            self._ack.forget()  # this one answers nothing
        self._watch_ack(ack_high)
        self.rearm.inputs(self._now_ms, a_open, b_open, pressed, enclosure_open, ack_high)
        self._lasting(reasons.DISCREPANCY, self.rearm.discrepancy(self._now_ms))

    def receive(self, data):
        """Take bytes from the serial line, in any chunking."""
        for reason, name, values in self.link.receive(data, self._now_ms):
            if reason is not None:
                self._fault(reason)
            elif name == "MODE":
                self._take_mode(values)
            elif name == "EVENT_SEEN":
                self.events.seen(values[0], values[1])
            else:
                self._take_request(name, values)

    def poll(self):
        """Do what is due: self-test, watchdog, re-arm, report, and the store while disarmed."""
        if self.state == states.SELF_TEST:
            self._self_test()
        reason = self.link.poll(self._now_ms, self._uptime_us)
        if reason is not None and self.state == states.ARMED:
            self._trip(reason)
        self._follow_link()
        self._check_agreement()
        self._follow_rearm()
        if self.faults.began(reasons.ACK_MISSING, self._ack.missing(self._now_ms)):
            self._fault(reasons.ACK_MISSING)
        self._reporter.tell(self, self._now_ms, self._uptime_us)
        if self.state != states.ARMED and self.witness.due(self._now_ms):
            self._keep()

    def fault(self):
        """Trip because the firmware caught an error of its own; nothing arms before a power-up."""
        self._fault(reasons.FAULT)

    def lamps(self):
        """Return the (red, yellow, green) levels to show now."""
        if self.state == states.SELF_TEST:
            return leds.lamp_test(elapsed_ms(self._now_ms, self._begun_ms)) or (0, 0, 0)
        return leds.levels(self.pattern(), self._now_ms)

    def pattern(self):
        """Return the LED pattern of the state (controller.leds)."""
        return leds.pattern(self.state, self.mode, self.faults.blocked)

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

    def _note(self, kind, detail, value):
        self.events.note(kind, detail, value, self._uptime_us)

    def _trip(self, reason, event=states.TRIP):
        was_armed = self.state == states.ARMED
        if self.state == states.TRIPPED or not self._event(event):
            return
        self.reason = reason
        self.counts["trips"] += 1
        self.rearm.restart(self._now_ms)
        if was_armed:
            self._ack.fell(self._now_ms, self._uptime_us)
            self.witness.tripped(self._now_ms)
        self.link.send("TRIP", (reason, self._uptime_us), self._uptime_us)
        self._note(events.TRIP, reason, self.counts["trips"])

    def _lasting(self, reason, present):
        """A fault that is a level: counted when it begins, and trips as long as it lasts."""
        if self.faults.began(reason, present):
            self._fault(reason)
        elif present:
            self._trip(reason)

    def _fault(self, reason, event=states.TRIP):
        """Trip if this fault trips now, then count and tell it: in this order."""
        if self.faults.trips(reason, self.state == states.ARMED):
            self._trip(reason, event)
        if self.faults.report(reason):
            count = self.faults.counts[reason]
            trips = faults.BY_REASON[reason][faults.TRIPS]
            kind = events.ALARM if trips == faults.NEVER else events.FAULT
            self.link.send("TAMPER", (reason, count), self._uptime_us)
            self._note(kind, reason, count)

    def _take_mode(self, values):
        mode, _reason, epoch = values
        if mode > leds.EMERGENCY:
            self._fault(reasons.UNKNOWN_MESSAGE)
            return
        self.mode = mode
        self._epoch = epoch
        # The host was in EMERGENCY when it was armed; only a newer EMERGENCY trips.
        armed = self.state == states.ARMED
        if armed and mode == leds.EMERGENCY and epoch != self._armed_epoch:
            self._trip(reasons.HOST_EMERGENCY)

    def _take_request(self, name, values):
        """WITNESS or ATTEST. A receipt is of what stands: the head shown, or the one it contradicts."""
        if not self.witness.provisioned():
            self.link.counts["refused"] += 1
        elif name == "ATTEST":
            self.link.send("ATTESTATION", self.witness.attestation(values[0]), self._uptime_us)
        else:
            if not self.witness.take(values[0], values[1]):
                self._fault(reasons.WITNESS_BACK)
            self.link.send("RECEIPT", self.witness.receipt(), self._uptime_us)

    def _keep(self):
        if not self.witness.keep(self._now_ms):
            self._fault(reasons.STORE)

    def _self_test(self):
        if leds.lamp_test(elapsed_ms(self._now_ms, self._begun_ms)) is None:
            self._event(states.PASSED)
            self._note(events.SELF_TEST_PASSED, 0, 0)

    def _follow_link(self):
        linked = self.link.established()
        if linked == self._linked:
            return
        self._linked = linked
        if linked:
            self.events.resend()
            self._reporter.restart()
            self._note(events.SESSION, 0, self.link.counts["sessions"])
        else:
            self.mode = leds.EMERGENCY  # unknown is as bad
            self._epoch = None
            self._note(events.LINK_LOST, 0, self.link.counts["noise"])

    def _check_agreement(self):
        broken = self._agreement.broken(self._now_ms, self.mode, self.halt_high)
        self._lasting(reasons.HOST_DISAGREES, broken)

    def _follow_rearm(self):
        rearm = self.rearm
        free = not self.faults.blocked
        if self.state == states.TRIPPED and free and rearm.released(self._now_ms):
            self._event(states.RELEASED)
            self._note(events.RELEASED, self.reason, 0)
        # A host that says it trades while HALT is low, or says nothing, must not be armed either.
        known = self._epoch is not None and self.mode == leds.EMERGENCY
        live = known and self.link.host_is_live()
        if self.state == states.SAFE and live and rearm.ready(self._now_ms):
            if self.witness.dirty:
                self._keep()
            rearm.begin()
            self._event(states.READY)
        elif self.state == states.WAITING:
            if not (live and rearm.may_hold()):
                self._event(states.NOT_READY)
            elif rearm.held(self._now_ms):
                self._arm()

    def _arm(self):
        self._armed_epoch = self._epoch
        self.reason = reasons.NONE
        self.faults.settle()
        self._event(states.HELD)
        self._note(events.ARMED, 0, self._epoch)

    def _watch_ack(self, ack_high):
        took_us = self._ack.took_us(ack_high, self._uptime_us)
        if took_us is not None:
            if self.measured_ack_us is not None:
                measured_us = self.measured_ack_us()
                took_us = took_us if measured_us is None else measured_us
            self.link.send("ACK_SEEN", (self._uptime_us, took_us), self._uptime_us)
            self._note(events.ACK_SEEN, 0, took_us)
