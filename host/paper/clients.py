"""The connections to the paper venue: who is there, what waits for whom, and who is cut off.

One thread and non-blocking sockets: a client that does not read, or goes away, keeps nobody waiting.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from host.paper.client import Client
from host.paper.record import Record
from host.paper.stamps import WallOffset
from host.venues import events as ev
from host.venues import messages as m

MAX_CLIENTS = 64
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Clients:
    """Everyone who connects to `listener`; `serve(client)` is called when one has sent something."""

    def __init__(
        self,
        listener: socket.socket,
        record: Record,
        offset: WallOffset,
        serve: Callable[[Client], None],
    ) -> None:
        self.dropped_rows = 0  # of those who are gone
        self._listener = listener
        self._record = record
        self._offset = offset
        self._serve_packets = serve
        self._clients: list[Client] = []
        self._selector = selectors.DefaultSelector()
        listener.setblocking(False)
        self.watch(listener, self._accept)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients))

    def watch(self, source: Any, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` in `turn` whenever `source` (a descriptor) can be read."""
        self._selector.register(source, _READ, lambda _mask: on_readable())

    def forget(self, source: Any) -> None:
        """Watch `source` no more."""
        self._selector.unregister(source)

    def turn(self, wait_s: float) -> None:
        """Serve whoever is ready within `wait_s`."""
        for key, mask in self._selector.select(wait_s):
            key.data(mask)

    def tell(self, role: str, events: Sequence[ev.Ev]) -> None:
        """Tell everyone of a role; nobody may miss it."""
        for event in events:
            packet = m.encode(event)
            for client in self._with_role(role):
                self._post_packet(client, packet)

    def post(self, client: Client, event: ev.Ev) -> None:
        """Tell one client."""
        self._post_packet(client, m.encode(event))

    def offer(self, packet: bytes) -> None:
        """Send market data to the feed; whoever does not keep up misses it."""
        for client in self._with_role("feed"):
            self._guarded(client, partial(client.offer, packet))

    def drop(self, client: Client, reason: str) -> None:
        """Cut a client off."""
        if not client.open:
            return
        client.open = False
        self._clients.remove(client)
        self.forget(client.connection)
        client.connection.close()
        self.dropped_rows += client.dropped_rows
        self._record.write(
            "disconnect",
            peer_pid=client.pid,
            reason=reason,
            role=client.role,
            dropped_rows=client.dropped_rows,
            unsent_replies=len(client.outbox),
            mono_ns=time.monotonic_ns(),
        )

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if len(self._clients) >= MAX_CLIENTS:
            connection.close()
            self._record.write("refused_client", reason=f"{MAX_CLIENTS} clients are connected")
            return
        client = Client(connection, self._offset)
        self._clients.append(client)
        self._selector.register(connection, _READ, lambda mask: self._serve(client, mask))
        self._record.write("connect", peer_pid=client.pid, mono_ns=time.monotonic_ns())
        # Reading first ends the doubt about stamps; whoever waits for the welcome is stamped.
        self._serve_packets(client)
        self.post(client, ev.Welcome())

    def _serve(self, client: Client, mask: int) -> None:
        if mask & _WRITE and client.open:
            self._guarded(client, client.flush)
            self._watch_writes(client)
        if mask & _READ and client.open:
            self._serve_packets(client)

    def _guarded(self, client: Client, action: Callable[[], Any]) -> Any:
        """Do something on a connection; a dead one is dropped and gives None."""
        try:
            return action()
        except OSError as exc:
            self.drop(client, exc.strerror or "connection lost")
            return None

    def _post_packet(self, client: Client, packet: bytes) -> None:
        if not client.open:
            return
        try:
            kept = client.post(packet)
        except OSError as exc:
            self.drop(client, exc.strerror or "connection lost")
            return
        if not kept:
            self.drop(client, "does not read its replies")
        elif client.outbox or client.watched:
            self._watch_writes(client)

    def _watch_writes(self, client: Client) -> None:
        waits = bool(client.outbox)
        if client.open and waits != client.watched:
            client.watched = waits
            key = self._selector.get_key(client.connection)
            wanted = _READ | _WRITE if waits else _READ
            self._selector.modify(client.connection, wanted, key.data)

    def _with_role(self, role: str) -> list[Client]:
        return [client for client in self._clients if client.role == role]
