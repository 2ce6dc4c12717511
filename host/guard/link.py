"""The host's end of the serial link: greets, answers challenges, tells the mode, reports."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller import frames, mac, protocol
from controller.times import Times

NONCE_BYTES = 8


@dataclass
class Seen:
    """What the controller has said, for the checks of the guard's loop and for `status`."""

    challenge_ns: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    noise: int = 0
    refused: int = 0
    sessions: int = 0
    unanswered: int = 0


class HostLink:
    """Frames in, frames out; every finding goes to one of the callbacks.

    send -- writes bytes to the serial port
    may_answer() -- True while the host is healthy: a sick host stays silent and is tripped
    on_message(name, values) -- every other message, authentic and in order; each EVENT once
    on_restart() -- the controller opened a new session while one stood
    on_tamper(what) -- a frame with a good CRC that the controller never sent now
    look() -- called between the pieces of longer work
    """

    def __init__(
        self,
        times: Times,
        link_key: bytes,
        send: Callable[[bytes], None],
        may_answer: Callable[[], bool],
        on_message: Callable[[str, dict[str, Any]], None],
        on_restart: Callable[[], None],
        on_tamper: Callable[[str], None],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._times = times
        self._link = mac.Mac(link_key)
        self._send = send
        self._may_answer = may_answer
        self._on_message = on_message
        self._on_restart = on_restart
        self._on_tamper = on_tamper
        self._look = look
        self._reader = frames.FrameReader()
        self._channel: frames.Channel | None = None
        self._session: mac.Mac | None = None
        self._controller_nonce = b""
        self._nonce = b""
        self._uptime_us = 0
        self._event = (0, 0)
        self.seen = Seen()
        self.mismatch = ""

    @property
    def established(self) -> bool:
        """True while a session stands."""
        return self._channel is not None

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes from the wire, in any chunking."""
        for body in self._reader.feed(data):
            self._look()
            if frames.check_crc(body) != frames.OK:
                self.seen.noise += 1
            elif frames.kind_of(body) == protocol.BY_NAME["HELLO"][0]:
                self._take_hello(body)
            else:
                self._take(body, now_ns)
        self.seen.noise += self._reader.noise
        self._reader.noise = 0

    def tell_mode(self, mode: int, reason: int, epoch: int) -> None:
        """Send MODE; without a session there is nobody to tell, and the next one begins with it."""
        if self._channel is not None:
            self._say("MODE", (mode, reason, epoch))

    def ask(self, name: str, values: tuple) -> bool:
        """Send WITNESS or ATTEST; return False when there is no session to send it in."""
        if self._channel is None:
            return False
        self._say(name, values)
        return True

    def drop(self) -> None:
        """Forget the session: the port was lost."""
        self._channel = self._session = None
        self._controller_nonce = b""

    def _take(self, body: bytes, now_ns: int) -> None:
        if self._channel is None or self._session is None:
            self.seen.refused += 1
            return
        code, name, values, uptime_us = self._channel.decode(body)
        self._look()
        if code != frames.OK:
            self.seen.refused += 1
            self._on_tamper(frames.CODE_NAMES[code])
            return
        self._uptime_us = uptime_us
        if name == "CHALLENGE":
            self._take_challenge(values[0], now_ns)
            return
        fields = dict(zip(protocol.BY_NAME[name][protocol.FIELDS], values, strict=True))
        if name == "STATUS":
            self.seen.status = fields
        if name == "EVENT" and not self._is_new(fields["boot"], fields["number"]):
            return
        self._on_message(name, fields)

    def _say(self, name: str, values: tuple) -> None:
        assert self._channel is not None
        data = self._channel.encode(name, values, self._uptime_us)
        self._look()
        self._send(data)
        self._look()

    def _is_new(self, boot: int, number: int) -> bool:
        """Confirm an event; False when it was taken before and its confirmation was lost."""
        self._say("EVENT_SEEN", (boot, number))
        last_boot, last = self._event
        if boot == last_boot and number <= last:
            return False
        self._event = (boot, number)
        return True

    def _take_challenge(self, challenge: bytes, now_ns: int) -> None:
        self.seen.challenge_ns = now_ns
        if not self._may_answer():
            self.seen.unanswered += 1
            return
        assert self._session is not None
        values = (challenge, mac.answer(self._session, challenge))
        self._look()
        self._say("ANSWER", values)

    def _take_hello(self, body: bytes) -> None:
        channel = frames.Channel(protocol.HOST, self._link)
        code, _name, values, uptime_us = channel.decode(body)
        if code != frames.OK:
            self.seen.refused += 1
            self._on_tamper(f"HELLO: {frames.CODE_NAMES[code]}")
            return
        nonce, _peer, schema, times, _build = values
        self._uptime_us = uptime_us
        self.mismatch = self._compare(schema, times)
        if self.mismatch:
            return
        if nonce != self._controller_nonce:
            if self._channel is not None:
                self._on_restart()
            self._open(nonce)
        hello = (self._nonce, nonce, protocol.SCHEMA, self._times.digest(), 0)
        self._send(channel.encode("HELLO", hello, uptime_us))

    def _compare(self, schema: int, times: int) -> str:
        if schema != protocol.SCHEMA:
            return "the controller speaks another protocol: flash the firmware of this version"
        if times != self._times.digest():
            return f"the controller does not run the times of profile {self._times.profile!r}"
        return ""

    def _open(self, controller_nonce: bytes) -> None:
        self._controller_nonce = controller_nonce
        self._nonce = os.urandom(NONCE_BYTES)
        self._session = mac.Mac(mac.session_key(self._link, controller_nonce, self._nonce))
        self._channel = frames.Channel(protocol.HOST, self._session)
        self.seen.status = {}
        self.seen.sessions += 1


def read_key(path: str) -> bytes:
    """Read the link key. Raises ValueError with one line when it is not one, or is not private."""
    with Path(path).open("rb") as file:
        key = file.read(mac.KEY_BYTES + 1)
        shared = os.fstat(file.fileno()).st_mode & 0o077
    if len(key) != mac.KEY_BYTES:
        raise ValueError(f"{path}: a link key has {mac.KEY_BYTES} bytes")
    if shared:
        raise ValueError(f"{path}: a link key is for its owner alone (chmod 600)")
    return key
