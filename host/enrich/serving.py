"""The enricher's socket: gives its page to whoever connects, and takes what the engine says.

Sequenced packets: first from here one with the page's descriptor, then from there one `Part` now and
then. Whoever sends anything else is disconnected.
"""

import asyncio
import contextlib
import math
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from host import shm
from host.enrich.link import MOST_PART_BYTES, Part, socket_path

MOST_CLIENTS = 8


class Server:
    """Listens in the run directory, which is its user's alone."""

    def __init__(self, run_dir: Path, page: shm.Page, take: Callable[[Part], None]) -> None:
        path = socket_path(run_dir)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(MOST_CLIENTS)
        self._page = page
        self._take = take
        self._clients: set[socket.socket] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Leave everybody."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for client in list(self._clients):
            self._leave(client)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _address = self._listener.accept()
            client.setblocking(False)
            if len(self._clients) >= MOST_CLIENTS:
                client.close()
                return
            self._clients.add(client)
            self._loop.add_reader(client, self._hear, client)
            try:
                shm.send_fds(client, b"page", [self._page.fd])
            except OSError:
                self._leave(client)

    def _hear(self, client: socket.socket) -> None:
        try:
            part = msgspec.json.decode(client.recv(MOST_PART_BYTES), type=Part)
        except BlockingIOError:
            return
        except (OSError, msgspec.DecodeError):
            self._leave(client)
            return
        if math.isfinite(part.gain):
            self._take(part)

    def _leave(self, client: socket.socket) -> None:
        self._clients.discard(client)
        self._loop.remove_reader(client)
        client.close()
