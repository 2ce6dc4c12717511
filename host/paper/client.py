"""One connection to the paper venue, and what happens when its reader is slow."""

from __future__ import annotations

import socket
import struct
from collections import deque

from host.paper import stamps

# Replies waiting for a client that does not read. Beyond it the client is cut off: a trader that
# has missed a fill must reconnect and ask, not go on with a wrong position.
MAX_QUEUED_REPLIES = 10_000
# bytes. An order is about 150; a longer packet is refused as malformed.
MAX_PACKET_BYTES = 16_384
_UCRED = struct.Struct("3i")


class Client:
    """A connected socket, its role, its unsent replies and its counters."""

    def __init__(self, connection: socket.socket, offset: stamps.WallOffset) -> None:
        connection.setblocking(False)
        stamps.switch_on(connection)
        self.connection = connection
        self.trust = stamps.Trust(offset)
        self.role: str | None = None
        self.open = True
        self.watched = False  # the selector says when it can be written to
        self.dropped_rows = 0
        self.outbox: deque[bytes] = deque()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        # Who connected; a descriptor handed on to another process keeps this number.
        self.pid: int = _UCRED.unpack(credentials)[0]

    def receive(self) -> tuple[bytes, int | None] | None:
        """One packet and its CLOCK_REALTIME stamp in ns; None at the end of the connection.

        A packet that is too long comes back cut, one byte above MAX_PACKET_BYTES. Raises
        BlockingIOError when nothing is waiting.
        """
        data, ancillary, _, _ = self.connection.recvmsg(
            MAX_PACKET_BYTES + 1, stamps.ANCILLARY_BYTES
        )
        wall_ns = stamps.wall_ns(ancillary)
        # An empty packet also reads as b"", but it is a packet, and carries a stamp.
        return None if not data and wall_ns is None else (data, wall_ns)

    def offer(self, packet: bytes) -> None:
        """Send market data, or drop and count it when the client does not keep up."""
        if self.outbox or not self._send(packet):
            self.dropped_rows += 1

    def post(self, packet: bytes) -> bool:
        """Send a reply, or queue it; False when the queue is full."""
        if not self.outbox and self._send(packet):
            return True
        self.outbox.append(packet)
        return len(self.outbox) <= MAX_QUEUED_REPLIES

    def flush(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        while self.outbox and self._send(self.outbox[0]):
            self.outbox.popleft()

    def _send(self, packet: bytes) -> bool:
        """False when the socket is full. Raises OSError when the connection is gone."""
        try:
            self.connection.send(packet, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        return True
