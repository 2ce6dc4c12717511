"""Whatever a local process says to the guard: the guard goes on, and what it was asked is on record."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import frames, mac, protocol
from host import layout, shm
from host.guard import clients as guard_clients
from host.guard.clients import Client, Clients
from host.guard.halting import MOST_TEXT, printable
from host.modes import Reason

# A connection outlives the process that made it, and attaches then.
ORPHAN = """
import os, socket, sys, time
from host import layout, shm
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.connect(sys.argv[1])
if os.fork():
    os._exit(0)
sys.stdin.readline()
page = shm.create(layout.KIND_ENGINE, "engine")
shm.send_fds(sock, b'{"op": "attach", "role": "engine"}', [page.fd])
print(sock.recv(4096).decode(), flush=True)
sys.stdin.readline()
"""


class Desk:
    """The guard's socket, and clients of it in this process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "guard.sock"
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._link = frames.Channel(protocol.HOST, mac.Mac(bytes(32)))
        self.clients = Clients(
            self.path,
            self._register,
            self._unregister,
            lambda _client: ({"ok": True}, []),
            self._answer,
            lambda _client: None,
            lambda _client, _ended: None,
            lambda: None,
        )

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(str(self.path))
        sock.settimeout(5)
        self.pump()
        return sock

    def ask(self, sock: socket.socket, data: bytes) -> dict[str, Any]:
        sock.send(data)
        self.pump()
        return msgspec.json.decode(sock.recv(65536), type=dict)

    def pump(self) -> None:
        while ready := self._poller.poll(20):
            for fd, event in ready:
                self._handlers.get(fd, lambda _event: None)(event)

    def _answer(self, client: Client, request: dict[str, Any]) -> None:
        if request["op"] == "head":  # as the guard passes it on to the controller
            self._link.encode("WITNESS", (int(request["count"]), bytes(32)), 0)
        client.send({"op": request["op"]})

    def _register(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poller.register(fd, select.POLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:
        made = Desk(Path(folder))
        yield made
        made.clients.close()


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":' + b"[" * 60_000,
        b"\xff\x00",
        b"[1]",
        b"{}",
        b'{"op": "attach", "role": ["engine"]}',
        b'{"op": "head", "count": -1}',
        b'{"op": "head", "count": 18446744073709551616}',
        b'{"op": "head", "count": 1e308}',
        b'{"op": "head", "count": null}',
    ],
    ids=lambda data: data[:24].decode(errors="replace"),
)
def test_a_request_that_is_wrong_is_refused_and_the_next_one_answered(
    desk: Desk, data: bytes
) -> None:
    with contextlib.closing(desk.connect()) as sock:
        assert list(desk.ask(sock, data)) == ["error"]
        assert desk.ask(sock, b'{"op": "status"}') == {"op": "status"}


def test_connections_are_bounded_and_the_newest_is_served(desk: Desk) -> None:
    most = guard_clients.MOST_STRANGERS
    held = [desk.connect() for _ in range(most + 20)]
    assert len(desk.clients._by_fd) == most
    assert desk.ask(held[-1], b'{"op": "status"}') == {"op": "status"}
    assert held[0].recv(1) == b""  # the oldest was let go
    for sock in held:
        sock.close()
    desk.pump()
    assert not desk.clients._by_fd


def test_whoever_connected_and_has_ended_is_refused_and_no_descriptor_is_closed_twice(
    desk: Desk,
) -> None:
    command = [sys.executable, "-c", ORPHAN, str(desk.path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.wait()
    desk.pump()
    process.stdin.write("attach\n")
    process.stdin.flush()
    while not select.select([process.stdout], [], [], 0)[0]:
        desk.pump()
    assert "error" in process.stdout.readline()
    assert desk.clients.attached() == []
    ours = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
    process.stdin.close()
    while desk.clients._by_fd:
        desk.pump()
    for fd in ours:
        os.close(fd)  # raises for one that somebody else has closed
    process.stdout.close()


@given(st.text(max_size=2 * MOST_TEXT), st.sampled_from(Reason), st.sampled_from(Reason))
def test_an_event_with_any_text_fits_into_the_ring(text: str, reason: Reason, was: Reason) -> None:
    page = shm.create(layout.KIND_GUARD, "texts")
    for detail in (printable(text), printable("\x01" * 999), printable("\U0001f600" * 999)):
        longest = {"mode": "EMERGENCY", "reason": reason.name, "epoch": 2**32 - 1}
        data = {**longest, "detail": detail, "was": was.name}
        page.ring.push(msgspec.json.encode({"kind": "mode", "mono_ns": 2**63, "data": data}))
    page.close()
