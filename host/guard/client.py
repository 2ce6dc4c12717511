"""The other end of the guard's socket: how engine, recorder and command line reach it."""

import socket
from pathlib import Path
from typing import Any

import msgspec

from host import layout, shm


class GuardUnreachable(OSError):
    """No guard answers at this socket."""


class GuardClient:
    """One connection to the guard."""

    def __init__(self, run_dir: Path, timeout_s: float = 2.0) -> None:
        path = run_dir / "guard.sock"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout_s)
        try:
            self.sock.connect(str(path))
        except OSError as error:
            self.sock.close()
            raise GuardUnreachable(f"no guard at {path}: {error.strerror}") from None

    def request(self, **fields: Any) -> dict[str, Any]:
        """Send one request and return the answer. Raises GuardUnreachable, or ValueError on refusal."""
        self.tell(**fields)
        reply, fds = self.receive()
        shm.close_all(fds)
        return reply

    def tell(self, **fields: Any) -> None:
        """Send a request that has no answer."""
        try:
            shm.send_fds(self.sock, msgspec.json.encode(fields), [])
        except OSError as error:
            raise GuardUnreachable(f"the guard is gone: {error.strerror}") from None

    def attach(
        self, role: str, page: shm.Page, name: str = ""
    ) -> tuple[dict[str, Any], shm.Page, list[int]]:
        """Hand over our page; return (reply, the guard's page, further descriptors).

        `name` says which engine of several we are.
        """
        request = msgspec.json.encode({"op": "attach", "role": role, "name": name or role})
        shm.send_fds(self.sock, request, [page.fd])
        reply, fds = self.receive()
        if not fds:
            raise ValueError("the guard handed over no page")
        return reply, shm.attach(fds[0], layout.KIND_GUARD), fds[1:]

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Return the next message with its descriptors."""
        try:
            data, fds = shm.receive_fds(self.sock)
        except TimeoutError:
            raise GuardUnreachable("the guard does not answer") from None
        if not data:
            raise GuardUnreachable("the guard closed the connection")
        reply = msgspec.json.decode(data, type=dict)
        if "error" in reply:
            shm.close_all(fds)
            raise ValueError(f"the guard refused: {reply['error']}")
        return reply, fds

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
