"""Connections to the venue: one for market data, one for orders. SEQPACKET, one JSON object a packet.

Nothing here waits: a venue that is stopped must not keep the others from being worked off.
"""

import socket
from pathlib import Path
from typing import Any

import msgspec

# The longest packet is the list of open orders.
PACKET_BYTES = 256 * 1024
WELCOME_NS = 1_000_000_000


class VenueLost(OSError):
    """The venue closed a connection or cannot be reached."""


class VenueConnection:
    """One connection in one role (`feed` or `trade`); `welcomed` once the venue has answered."""

    def __init__(self, path: str, role: str, now_ns: int) -> None:
        self.role = role
        self.welcomed = False
        self._begun_ns = now_ns
        self._path = Path(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            self.sock.connect(path)
        except OSError as error:
            self.sock.close()
            raise VenueLost(f"venue {path}: {error.strerror or error}") from None

    def fileno(self) -> int:
        """Descriptor to poll, and for the gate to send on."""
        return self.sock.fileno()

    def overdue(self, now_ns: int) -> bool:
        """Return True when the venue has let the welcome wait for too long."""
        return not self.welcomed and now_ns - self._begun_ns > WELCOME_NS

    def receive(self) -> list[dict[str, Any]]:
        """Return all events that have arrived. Raises VenueLost when the venue is gone."""
        events: list[dict[str, Any]] = []
        while True:
            try:
                data = self.sock.recv(PACKET_BYTES)
            except BlockingIOError:
                return events
            except OSError as error:
                raise VenueLost(f"venue {self._path}: {error.strerror}") from None
            if not data:
                raise VenueLost(f"venue {self._path}: it closed the connection")
            try:
                event = msgspec.json.decode(data, type=dict)
            except msgspec.MsgspecError as error:
                raise VenueLost(f"venue {self._path}: {error}") from None
            if not self.welcomed:
                self._introduce(event)
            events.append(event)

    def _introduce(self, event: dict[str, Any]) -> None:
        # Anything sent before the welcome would not be stamped by the venue's record.
        if event.get("ev") != "welcome":
            raise VenueLost(f"venue {self._path}: no welcome")
        self.ask(op="hello", role=self.role)
        self.welcomed = True
        event["role"] = self.role

    def ask(self, **query: Any) -> None:
        """Send a query, which changes nothing at the venue and so does not pass the gate."""
        try:
            self.sock.send(msgspec.json.encode(query))
        except OSError as error:
            raise VenueLost(f"venue {self._path}: {error.strerror}") from None

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
