"""The controller's end of the serial link: handshake, session, watchdog.

The controller says HELLO under the link key until the host answers with its own nonce; from
then on every frame is under the session key of both nonces. A session ends when the
watchdog is exhausted; the next one needs fresh nonces, so old frames are worth nothing.
"""

from controller import frames, mac, protocol, watchdog
from controller.reasons import (
    BAD_MAC,
    HOST_RESTART,
    OLD_SEQUENCE,
    UNKNOWN_MESSAGE,
    WATCHDOG_MISSED,
    WATCHDOG_REPLAY,
)
from controller.times import elapsed_ms

NONCE_BYTES = 8
NO_NONCE = bytes(NONCE_BYTES)

REFUSALS = {
    frames.BAD_MAC: BAD_MAC,
    frames.OLD_SEQUENCE: OLD_SEQUENCE,
    frames.UNKNOWN_MESSAGE: UNKNOWN_MESSAGE,
}


class Link:
    """Bytes in, findings out.

    times -- controller.times.Times
    link_key -- 32 bytes shared with the host
    entropy -- callable: entropy(n) returns n unpredictable bytes
    build -- u32 digest of firmware and configuration
    """

    def __init__(self, times, link_key, entropy, build):
        self._times = times
        self._link = mac.Mac(link_key)
        self._entropy = entropy
        self._build = build
        self._reader = frames.FrameReader()
        self._hello_sent_ms = None
        self.tx = bytearray()
        self.counts = {
            "noise": 0,
            "refused": 0,
            "sessions": 0,
            "mismatched": 0,
            "repeated": 0,
            "late": 0,
            "wrong": 0,
        }
        self._drop()

    def established(self):
        """Return True while a session with a host stands."""
        return self._session is not None

    def host_is_live(self):
        """Return True while a session stands and its answers are good."""
        return self._watchdog.host_is_live()

    def bad_in_a_row(self):
        """Return the number of missing or bad answers in a row."""
        return self._watchdog.bad_in_a_row

    def send(self, name, values, uptime_us):
        """Queue one message; dropped without a session (STATUS repeats what matters).

        It is signed and encoded in `flush`: that takes longer than a trip may wait.
        """
        if self._session is not None:
            self._outbox.append((name, values, uptime_us))

    def flush(self):
        """Encode what is queued into `tx`."""
        for name, values, uptime_us in self._outbox:
            self.tx.extend(self._channel.encode(name, values, uptime_us))
        if self._outbox:
            self._outbox = []

    def poll(self, now_ms, uptime_us):
        """Ask, expire, greet; return a reason that trips an armed controller, or None."""
        if self._session is None:
            self._greet(now_ms, uptime_us)
            return None
        self._watchdog.expire(now_ms)
        if self._watchdog.exhausted():
            self._drop()
            return WATCHDOG_MISSED
        if self._watchdog.due(now_ms) and not self._watchdog.waiting():
            challenge = self._entropy(NONCE_BYTES)
            self._watchdog.ask(now_ms, challenge)
            self.send("CHALLENGE", (challenge,), uptime_us)
        return None

    def receive(self, data, now_ms):
        """Take bytes from the wire; return a list of (reason, None, None) or (None, name, values)."""
        findings = []
        for body in self._reader.feed(data):
            finding = self._take(body, now_ms)
            if finding is not None:
                findings.append(finding)
        self.counts["noise"] += self._reader.noise
        self._reader.noise = 0
        return findings

    def _take(self, body, now_ms):
        if frames.check_crc(body) != frames.OK:
            self.counts["noise"] += 1
            return None
        if frames.kind_of(body) == protocol.BY_NAME["HELLO"][0]:
            return self._take_hello(body)
        if self._session is None:
            self.counts["refused"] += 1
            return None
        code, name, values, _uptime = self._channel.decode(body)
        if code != frames.OK:
            return self._refuse(REFUSALS[code])
        if name == "ANSWER":
            return self._take_answer(values, now_ms)
        return (None, name, values)

    def _take_answer(self, values, now_ms):
        verdict = self._watchdog.judge(now_ms, self._session, values[0], values[1])
        if verdict == watchdog.REPLAY:
            return self._refuse(WATCHDOG_REPLAY)
        if verdict == watchdog.LATE:
            self.counts["late"] += 1
        elif verdict == watchdog.WRONG:
            self.counts["wrong"] += 1
        return None

    def _take_hello(self, body):
        # A channel of its own each time: the nonces, not the sequence, make a HELLO fresh.
        code, _name, values, _uptime = frames.Channel(protocol.CONTROLLER, self._link).decode(body)
        if code != frames.OK:
            return self._refuse(REFUSALS[code])
        nonce, peer_nonce, schema, times, _build = values
        if self._session is not None:
            if nonce == self._host_nonce and peer_nonce == self._nonce:
                self.counts["repeated"] += 1  # it answered a repeated HELLO: the two crossed
                return None
            return self._refuse(HOST_RESTART)
        if peer_nonce != self._nonce:
            return self._refuse(OLD_SEQUENCE)
        if schema != protocol.SCHEMA or times != self._times.digest():
            self.counts["mismatched"] += 1
            return None
        self._open(nonce)
        return None

    def _open(self, host_nonce):
        self._host_nonce = host_nonce
        self._session = mac.Mac(mac.session_key(self._link, self._nonce, host_nonce))
        self._channel = frames.Channel(protocol.CONTROLLER, self._session)
        self.counts["sessions"] += 1

    def _drop(self):
        self._outbox = []
        self._session = None  # and with it channel and host nonce, which `_open` makes
        self._nonce = self._entropy(NONCE_BYTES)
        self._watchdog = watchdog.Watchdog(self._times)

    def _greet(self, now_ms, uptime_us):
        last = self._hello_sent_ms
        if last is not None and elapsed_ms(now_ms, last) < self._times.hello_period_ms:
            return
        self._hello_sent_ms = now_ms
        values = (self._nonce, NO_NONCE, protocol.SCHEMA, self._times.digest(), self._build)
        channel = frames.Channel(protocol.CONTROLLER, self._link)
        self.tx.extend(channel.encode("HELLO", values, uptime_us))

    def _refuse(self, reason):
        self.counts["refused"] += 1
        return (reason, None, None)
