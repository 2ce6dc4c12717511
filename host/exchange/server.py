"""The connector's Unix socket: SEQPACKET, one JSON object a packet, as every venue has it."""

from __future__ import annotations

import asyncio
import select
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from host.exchange.looking import ERRORS
from host.venues import events as ev
from host.venues import messages as m

MOST_CLIENTS = 16
MOST_PACKET_BYTES = 16_384
# A client that does not read so many answers is cut off: it must come back and ask.
MOST_QUEUED = 10_000

Handle = Callable[[m.Message, Callable[[ev.Ev], None]], Awaitable[None]]


class Client:
    """One connection and what it has not read yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.role: str | None = None
        self.queued: deque[bytes] = deque()


class Server:
    """Gives every request to `handle` in a task of its own; answers go out in the order they come.

    fed() -- somebody wants market data
    alarm(text) -- of requests that could not be answered
    """

    def __init__(
        self,
        listener: socket.socket,
        handle: Handle,
        fed: Callable[[], None],
        alarm: Callable[[str], None],
    ) -> None:
        self._listener, self._handle = listener, handle
        self._fed, self._alarm = fed, alarm
        self._clients: list[Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def tell(self, event: ev.Ev) -> None:
        """Send an event to every client that trades."""
        for client in self._of("trade"):
            self._post(client, event)

    def tell_feed(self, row: dict[str, Any]) -> None:
        """Send a row of market data to every client of the feed that keeps up."""
        for client in self._of("feed"):
            if not client.queued:
                client.queued.append(m.encode(row))
                self._flush(client)

    def _of(self, role: str) -> list[Client]:
        return [client for client in self._clients if client.role == role]

    async def close(self) -> None:
        """Serve nobody any more; what is on its way to the exchange is waited for."""
        self._loop.remove_reader(self._listener)
        for client in list(self._clients):
            self._drop(client)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        if len(self._clients) >= MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        client = Client(connection)
        self._clients.append(client)
        self._loop.add_reader(connection, self._read, client)
        self._post(client, ev.Welcome())

    def _read(self, client: Client) -> None:
        try:
            data = client.connection.recv(MOST_PACKET_BYTES + 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data and _hung_up(client.connection):
            self._drop(client)
            return
        try:
            if len(data) > MOST_PACKET_BYTES:
                raise m.BadMessage(m.BAD_MESSAGE, f"longer than {MOST_PACKET_BYTES} bytes")
            self._take(client, m.understand(data))
        except m.BadMessage as error:
            self._post(client, ev.Reject(error.order_id, error.code))

    def _take(self, client: Client, message: m.Message) -> None:
        if isinstance(message, m.Hello):
            if client.role is not None:
                raise m.BadMessage(m.BAD_MESSAGE, "a second hello")
            client.role = message.role
            if message.role == "feed":
                self._fed()
            return
        if client.role != "trade":
            name = getattr(message, "id", None)
            raise m.BadMessage(m.BAD_MESSAGE, "only a client that trades may ask this", name)
        task = self._loop.create_task(self._answer(client, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, client: Client, message: m.Message) -> None:
        try:
            await self._handle(message, lambda event: self._post(client, event))
        except (*ERRORS, OSError) as error:
            # A question without an answer: whoever asked knows nothing new, and asks again.
            self._alarm(f"{type(message).__name__}: {type(error).__name__}: {error}")

    def _post(self, client: Client, event: ev.Ev) -> None:
        if client not in self._clients:
            return
        client.queued.append(m.encode(event))
        self._flush(client)

    def _flush(self, client: Client) -> None:
        try:
            while client.queued:
                client.connection.send(client.queued[0], socket.MSG_NOSIGNAL)
                client.queued.popleft()
        except (BlockingIOError, InterruptedError):
            if len(client.queued) > MOST_QUEUED:
                self._drop(client)
            else:
                self._loop.add_writer(client.connection, self._flush, client)
            return
        except OSError:
            self._drop(client)
            return
        self._loop.remove_writer(client.connection)

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._loop.remove_reader(client.connection)
            self._loop.remove_writer(client.connection)
            client.connection.close()


def _hung_up(connection: socket.socket) -> bool:
    """An empty packet reads like the end of the connection, and is none."""
    poller = select.poll()
    poller.register(connection, select.POLLRDHUP)
    return any(events & ~select.POLLIN for _fd, events in poller.poll(0))


def listen(path: str) -> socket.socket:
    """Return a socket that listens at `path`; one that a dead process left there is replaced.

    Raises OSError, also when another process is listening there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if _left_over(path):
            Path(path).unlink()
        listener.bind(path)
        listener.listen(MOST_CLIENTS)
    except OSError:
        listener.close()
        raise
    return listener


def _left_over(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return Path(path).is_socket()
        except OSError:
            return False
    return False
