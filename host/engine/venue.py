"""Connections to the venue: one for market data, one for orders. SEQPACKET, one JSON object a packet."""

import errno
import socket
from pathlib import Path
from typing import Any

import msgspec

# The longest packet is the list of open orders.
PACKET_BYTES = 256 * 1024
WELCOME_S = 1.0


class VenueLost(OSError):
    """The venue closed a connection or cannot be reached."""


class VenueConnection:
    """One connection in one role (`feed` or `trade`)."""

    def __init__(self, path: Path, role: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(WELCOME_S)
        try:
            self.sock.connect(str(path))
            # Anything sent before the welcome would not be stamped by the venue's record.
            if msgspec.json.decode(self.sock.recv(PACKET_BYTES) or b"{}").get("ev") != "welcome":
                raise OSError(errno.EPROTO, "no welcome")
            self.sock.send(msgspec.json.encode({"op": "hello", "role": role}))
        except (OSError, msgspec.DecodeError) as error:
            self.sock.close()
            raise VenueLost(f"venue {path}: {error}") from None
        self.sock.setblocking(False)

    def fileno(self) -> int:
        """Descriptor to poll, and for the gate to send on."""
        return self.sock.fileno()

    def receive(self) -> list[dict[str, Any]]:
        """Return all events that have arrived. Raises VenueLost when the venue is gone."""
        events: list[dict[str, Any]] = []
        while True:
            try:
                data = self.sock.recv(PACKET_BYTES)
            except BlockingIOError:
                return events
            except OSError as error:
                raise VenueLost(f"venue: {error.strerror}") from None
            if not data:
                raise VenueLost("the venue closed the connection")
            events.append(msgspec.json.decode(data))

    def ask(self, **query: Any) -> None:
        """Send a query, which changes nothing at the venue and so does not pass the gate."""
        try:
            self.sock.send(msgspec.json.encode(query))
        except OSError as error:
            raise VenueLost(f"venue: {error.strerror}") from None

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
