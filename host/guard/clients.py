"""The guard's Unix socket: engines, recorder and command line.

SOCK_SEQPACKET, one JSON object a packet. Requests: attach (with the client's page), status, down, attest;
of an engine ladder (the emergency has been worked off), liquidate (asks for the token), resume (goes
on with a ladder of an earlier run); of the recorder head (to be shown to the witness). None steps up.
"""

import contextlib
import functools
import os
import select
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from host import layout, shm

ENGINE, RECORDER = "engine", "recorder"
KINDS = {ENGINE: layout.KIND_ENGINE, RECORDER: layout.KIND_RECORDER}
# Connections without a role; one more and the oldest goes, so that descriptors never run out.
MOST_STRANGERS = 64
# What a request raises that is wrong in itself: the asker is told, and the guard goes on.
REFUSED = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,  # nested too deep
    struct.error,  # a number that no frame has room for
)


@dataclass
class Client:
    """One connection; `page` and `pidfd` only after an attach."""

    sock: socket.socket
    pid: int
    role: str = ""
    name: str = ""
    page: shm.Page | None = None
    pidfd: int = -1
    ladder_epoch: int = 0
    answered: dict[str, Any] = field(default_factory=dict)

    def send(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """Send without waiting; a client that does not read loses the message."""
        with contextlib.suppress(OSError):
            shm.send_fds(self.sock, msgspec.json.encode(message), fds or [])

    def close(self) -> None:
        """Close connection, page and pidfd."""
        self.sock.close()
        if self.page is not None:
            self.page.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)


class Clients:
    """Accepts, reads, attaches.

    handed_over() -> (reply, descriptors) for a client that attaches
    on_request(client, request) handles everything but attach; on_attach follows an attach
    on_leave(client, ended) -- `ended` is False for an engine that has closed its connection and still
    runs: it keeps its place, and is told of a second time when its process has ended
    look() -- called between the pieces of longer work
    names -- of the engines that must be there, one gate slot for each; nobody else attaches as one

    `engines` has a place for every name, None while nobody is attached there.
    """

    def __init__(
        self,
        path: Path,
        register: Callable[[int, Callable[[int], None]], None],
        unregister: Callable[[int], None],
        handed_over: Callable[[Client], tuple[dict[str, Any], list[int]]],
        on_request: Callable[[Client, dict[str, Any]], None],
        on_attach: Callable[[Client], None],
        on_leave: Callable[[Client, bool], None],
        look: Callable[[], None],
        names: Sequence[str] = (ENGINE,),
    ) -> None:
        self._register = register
        self._unregister = unregister
        self._handed_over = handed_over
        self._on_request = on_request
        self._on_attach = on_attach
        self._on_leave = on_leave
        self._look = look
        self._by_fd: dict[int, Client] = {}
        self.recorder: Client | None = None
        self.engines: dict[str, Client | None] = dict.fromkeys(names)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(16)
        self._listener.setblocking(False)
        register(self._listener.fileno(), self._accept)

    def _accept(self, _events: int) -> None:
        try:
            sock, _address = self._listener.accept()
        except OSError:
            return  # it has gone again
        strangers = [client for client in self._by_fd.values() if not client.role]
        if len(strangers) >= MOST_STRANGERS:
            self.leave(strangers[0])
        sock.setblocking(False)
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        client = Client(sock, struct.unpack("3i", credentials)[0])
        self._by_fd[sock.fileno()] = client
        self._register(sock.fileno(), functools.partial(self._hear, client))

    def _hear(self, client: Client, _events: int) -> None:
        fds: list[int] = []
        try:
            data, fds = shm.receive_fds(client.sock)
            if not data:
                self._hung_up(client)
                return
            self._look()
            request = msgspec.json.decode(data, type=dict)
            self._look()
            if request.get("op") == "attach":
                self._attach(client, request, fds)
            else:
                self._on_request(client, request)
        except BlockingIOError:
            return
        except REFUSED as error:
            client.send({"error": str(error)})
        finally:
            shm.close_all(fds)

    def _attach(self, client: Client, request: dict[str, Any], fds: list[int]) -> None:
        role = request.get("role")
        if role not in KINDS or len(fds) != 1 or client.role:
            raise ValueError(f"attach as {role!r} with {len(fds)} pages refused")
        name = str(request.get("name") or role)
        if role == ENGINE and name not in self.engines:
            raise ValueError(f"no engine of this host is called {name[:40]!r}")
        holder = self._holder(role, name)
        if holder is not None:
            raise ValueError(f"another {name} is attached (pid {holder.pid})")
        page = shm.attach(fds[0], KINDS[role], head_only=True)
        self._look()
        client.pidfd = os.pidfd_open(client.pid)  # raises when whoever connected has ended
        client.role, client.name, client.page = role, name, page
        fds.clear()  # the page owns its descriptor from here on
        self._place(client, client)
        self._register(client.pidfd, functools.partial(self._ended, client))
        reply, handed = self._handed_over(client)
        self._look()
        client.send(reply, handed)
        self._look()
        self._on_attach(client)

    def _hung_up(self, client: Client) -> None:
        """The connection has ended.

        An engine that still runs has its gate, and may be in the middle of a send: until its process
        has ended, its slot counts and nobody takes its place.
        """
        if client.role != ENGINE or ended(client, 0):
            self.leave(client)
            return
        self._unregister(client.sock.fileno())
        client.ladder_epoch = 0
        self._on_leave(client, False)

    def _ended(self, client: Client, _events: int) -> None:
        if ended(client, 0):  # the event may be of a descriptor that had this number before
            self.leave(client)

    def leave(self, client: Client) -> None:
        """Forget a client whose connection or process has ended."""
        if self._by_fd.pop(client.sock.fileno(), None) is None:
            return
        self._unregister(client.sock.fileno())
        if client.pidfd >= 0:
            self._unregister(client.pidfd)
        if client.role and self._holder(client.role, client.name) is client:
            self._place(client, None)
            self._on_leave(client, True)
        client.close()

    def attached(self) -> list[Client]:
        """Return the engines that are there."""
        return [engine for engine in self.engines.values() if engine is not None]

    def _holder(self, role: str, name: str) -> Client | None:
        return self.engines[name] if role == ENGINE else self.recorder

    def _place(self, client: Client, holder: Client | None) -> None:
        if client.role == ENGINE:
            self.engines[client.name] = holder
        else:
            self.recorder = holder

    def close(self) -> None:
        """Close everything."""
        for client in list(self._by_fd.values()):
            client.close()
        self._listener.close()


def ended(client: Client, timeout_ms: int) -> bool:
    """Wait until the client's process has ended; True when it has."""
    poller = select.poll()
    poller.register(client.pidfd, select.POLLIN)
    return bool(poller.poll(timeout_ms))
