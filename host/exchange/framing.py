"""Complete requests out of what a client writes: HTTP/1.1, and WebSocket frames after an upgrade."""

from collections.abc import Iterator
from dataclasses import dataclass

# No request of an order comes near it; what is longer is held back for good.
MOST_BYTES = 1 << 20
_HEAD_END = b"\r\n\r\n"
_TEXT, _BINARY, _FIRST_CONTROL = 1, 2, 8


class Unreadable(ValueError):
    """Bytes of which nobody can say what they do."""


@dataclass(frozen=True)
class Request:
    """One HTTP request (`word`: method and path) or one WebSocket frame, as it goes out in `data`.

    payload -- what the exchange reads: the whole request, or the frame's content unmasked
    control -- a ping, pong or close
    """

    data: bytes
    payload: bytes
    word: tuple[str, str] | None = None
    control: bool = False

    @property
    def shown(self) -> str:
        """What may stand in a log: never a body or query string, which are signed."""
        return " ".join(self.word) if self.word else f"a message of {len(self.payload)} bytes"


class Framing:
    """Collects one connection's bytes, and gives out each request as soon as it is whole."""

    def __init__(self) -> None:
        self._held = b""
        self._frames = False

    def feed(self, data: bytes) -> Iterator[Request]:
        """Yield what `data` completes. Raises Unreadable; the connection is then of no use."""
        self._held += data
        while self._held:
            # After an upgrade that was refused the connection goes on with HTTP. Its methods begin with
            # a capital letter, and no frame that we take does.
            frames = self._frames and not self._held[:1].isupper()
            request = self._frame() if frames else self._http()
            if request is None:
                if len(self._held) > MOST_BYTES:
                    raise Unreadable("it does not end")
                return
            self._held = self._held[len(request.data) :]
            yield request

    def _http(self) -> Request | None:
        end = self._held.find(_HEAD_END)
        if end < 0:
            return None
        lines = self._held[:end].decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3:
            raise Unreadable("not an HTTP request")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if headers.setdefault(name.strip().lower(), value.strip()) != value.strip():
                raise Unreadable(f"two values of {name.strip()[:40]}")
        if "transfer-encoding" in headers or "expect" in headers:
            raise Unreadable("a request in pieces")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Unreadable("no length")
        whole = end + len(_HEAD_END) + int(length)
        if len(self._held) < whole:
            return None
        self._frames = headers.get("upgrade", "").lower() == "websocket"
        data = self._held[:whole]
        return Request(data, data, (parts[0], parts[1].partition("?")[0]))

    def _frame(self) -> Request | None:
        held = self._held
        if len(held) < 2:
            return None
        length, at = held[1] & 0x7F, 2
        if length >= 126:
            wide = 2 if length == 126 else 8
            length, at = int.from_bytes(held[2 : 2 + wide], "big"), 2 + wide
        mask_bytes = 4 if held[1] & 0x80 else 0
        whole = at + mask_bytes + length
        if len(held) < whole:
            return None
        opcode = held[0] & 0x0F
        if held[0] & 0x70:
            raise Unreadable("a compressed message")
        if opcode < _FIRST_CONTROL and (not held[0] & 0x80 or opcode not in (_TEXT, _BINARY)):
            raise Unreadable("a message in pieces")
        payload = held[at + mask_bytes : whole]
        if mask_bytes:
            payload = _unmasked(payload, held[at : at + 4])
        return Request(held[:whole], payload, control=opcode >= _FIRST_CONTROL)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return mixed.to_bytes(len(payload), "big")
