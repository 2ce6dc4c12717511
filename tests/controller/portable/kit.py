"""A controller with a host of straw: real frames both ways, time turned by hand."""

from hashlib import sha256

from controller import frames, leds, mac, protocol, states
from controller.core import Controller
from controller.times import TICK_MASK, Times

KEY = bytes(range(32))
WITNESS_KEY = bytes(range(100, 132))
HOST_NONCE = b"host....".replace(b".", b"\x07")


class Entropy:
    """Unpredictable enough for a test, and the same in every run."""

    def __init__(self, seed=0):
        self.count = seed

    def __call__(self, size):
        self.count += 1
        return sha256(b"entropy" + bytes([self.count & 255, self.count >> 8])).digest()[:size]


class Host:
    """The other end of the wire; every flag is one way to be a bad host."""

    def __init__(self, times, key=KEY):
        self.times = times
        self.link = mac.Mac(key)
        self.reader = frames.FrameReader()
        self.nonce = HOST_NONCE
        self.peer_nonce = None
        self.session = None
        self.channel = None
        self.answering = True
        self.greeting = True
        self.confirming = True
        self.telling = True
        self.obedient = True
        self.mode = (leds.EMERGENCY, 1, 1)
        self.heard = []  # (name, values) of every message but CHALLENGE
        self.challenges = []

    def take(self, data):
        """Return the reply to what the controller sent."""
        reply = b""
        for body in self.reader.feed(data):
            if frames.kind_of(body) == 0x01:
                reply += self.hello(body)
                continue
            code, name, values, _uptime = self.channel.decode(body)
            assert code == frames.OK, frames.CODE_NAMES[code]
            if name == "CHALLENGE":
                self.challenges.append(values[0])
                if self.answering:
                    reply += self.answer(values[0])
                continue
            self.heard.append((name, values))
            if name == "EVENT" and self.confirming:
                reply += self.say("EVENT_SEEN", values[0], values[1])
            if name == "STATUS" and self.obedient and values[0] != states.ARMED:
                reply += self.step_down()
        return reply

    def step_down(self):
        """A host that sees the box disarmed is in EMERGENCY."""
        if self.mode[0] == leds.EMERGENCY:
            return b""
        self.mode = (leds.EMERGENCY, 1, self.mode[2] + 1)
        return self.say("MODE", *self.mode)

    def hello(self, body):
        code, _name, values, _uptime = frames.Channel(protocol.HOST, self.link).decode(body)
        assert code == frames.OK
        if not self.greeting:
            return b""
        if values[0] != self.peer_nonce:
            self.open(values[0])
        return self.hello_frame() + (self.say("MODE", *self.mode) if self.telling else b"")

    def open(self, peer_nonce):
        self.peer_nonce = peer_nonce
        self.session = mac.Mac(mac.session_key(self.link, peer_nonce, self.nonce))
        self.channel = frames.Channel(protocol.HOST, self.session)

    def hello_frame(self, nonce=None, peer_nonce=None, schema=protocol.SCHEMA, times=None):
        values = (
            nonce or self.nonce,
            peer_nonce or self.peer_nonce,
            schema,
            self.times.digest() if times is None else times,
            0,
        )
        return frames.Channel(protocol.HOST, self.link).encode("HELLO", values, 0)

    def say(self, name, *values):
        return self.channel.encode(name, values, 0)

    def answer(self, challenge):
        return self.say("ANSWER", challenge, mac.answer(self.session, challenge))

    def last(self, name):
        """Return the values of the last message called `name`, or None."""
        found = self.all(name)
        return found[-1] if found else None

    def all(self, name):
        return [values for known, values in self.heard if known == name]

    def field(self, name, field):
        """Return one field of the last message called `name`."""
        return self.last(name)[protocol.BY_NAME[name][protocol.FIELDS].index(field)]


class Box:
    """Controller, host and levels; `run` turns the time in steps of 1 ms."""

    def __init__(self, profile="production", start_ms=0, started=True, start=(), **options):
        self.times = Times(profile)
        self.ms = start_ms
        self.us = 0
        self.levels = {"a": 0, "b": 0, "pressed": 0, "enclosure": 0, "ack": 0}
        self.host = Host(self.times)
        self.to_controller = b""
        self.stored = []
        self.store_fails = False
        self.written_in = []
        options.setdefault("witness_key", WITNESS_KEY)
        options.setdefault("store", self._store)
        self.controller = Controller(self.times, KEY, Entropy(), 7, **options)
        self.controller.advance(self.ms & TICK_MASK, self.us)
        if started:
            self.controller.start(*start)

    def _store(self, record):
        self.written_in.append(self.controller.state)
        if self.store_fails:
            raise OSError(28)
        self.stored.append(record)

    @property
    def state(self):
        return states.STATE_NAMES[self.controller.state]

    def set(self, **levels):
        for name in levels:
            assert name in self.levels, name
            self.levels[name] = levels[name]

    def look(self):
        """What the firmware does on a pin change."""
        lv = self.levels
        self.controller.advance(self.ms & TICK_MASK, self.us)
        self.controller.inputs(lv["a"], lv["b"], lv["pressed"], lv["enclosure"], lv["ack"])

    def step(self):
        """One pass of the firmware, then 1 ms."""
        controller = self.controller
        self.look()
        if self.to_controller:
            data, self.to_controller = self.to_controller, b""
            controller.receive(data)
        controller.poll()
        controller.lamps()
        self.to_controller += self.host.take(controller.take_tx())
        self.ms += 1
        self.us += 1000

    def run(self, ms, **levels):
        self.set(**levels)
        for _ in range(ms):
            self.step()

    def until(self, state, limit_ms=5000):
        """Run until `state`; return the milliseconds that took."""
        for took_ms in range(limit_ms):
            if self.state == state:
                return took_ms
            self.step()
        raise AssertionError("%s, not %s, after %d ms" % (self.state, state, limit_ms))

    def say(self, name, *values):
        """Let the host say something; the controller gets it in the next pass."""
        self.to_controller += self.host.say(name, *values)

    def mode(self, mode, epoch):
        self.host.mode = (mode, 1, epoch)
        self.say("MODE", mode, 1, epoch)

    def arm(self):
        """The way of a person: released, live host, button held; then the host trades."""
        self.until("WAITING")
        self.run(1)  # the button must be seen up
        self.set(pressed=1)
        self.until("ARMED")
        self.run(1, pressed=0)
        self.mode(leds.PAUSED, self.host.mode[2] + 1)
        self.run(2)
        assert self.state == "ARMED"
        return self

    def reason(self):
        return self.controller.reason


def armed(**options):
    """Return a box that is armed, with a live host in PAUSED."""
    return Box(**options).arm()


def waiting(**options):
    """Return a box that waits for the button."""
    box = Box(**options)
    box.until("WAITING")
    return box
