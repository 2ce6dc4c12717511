"""The gate in another process, on a copy of the guard's HALT request: what it sees of the real line."""

import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import gpiod
import pytest

from host import refusals, shm
from host.modes import Intent
from tests.gpio.simulated import HALT, Header, SpareChip, python, until

WAIT_S = 60.0


@dataclass
class Pair:
    """The process that owns HALT, and one with a gate."""

    owner: subprocess.Popen
    owner_socket: socket.socket
    gate_socket: socket.socket

    def permit(self, intent: Intent = Intent.OPEN) -> int:
        """Ask the gate."""
        self.gate_socket.sendall(bytes([intent]))
        return self.gate_socket.recv(1)[0]

    def heard(self) -> bytes:
        """What the owner's callbacks have said."""
        ready = select.select([self.owner_socket], [], [], 0)[0]
        return self.owner_socket.recv(64) if ready else b""


def start(module: str) -> tuple[subprocess.Popen, socket.socket]:
    """Start a process of this folder with one end of a socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(WAIT_S)
    fd = theirs.fileno()
    process = python(f"tests.gpio.{module}", str(fd), pass_fds=[fd])
    theirs.close()
    return process, ours


def gate_on(page_fd: int, level_fd: int) -> tuple[subprocess.Popen, socket.socket]:
    """Start a process whose gate looks at `level_fd`."""
    process, sock = start("gate_keeper")
    shm.send_fds(sock, b"gate", [page_fd, level_fd])
    return process, sock


@pytest.fixture
def owned(header: Header) -> Iterator[tuple[subprocess.Popen, socket.socket, list[int]]]:
    """A process that owns HALT, its socket, and (page, HALT request) as it sent them."""
    owner, sock = start("line_owner")
    data, fds = shm.receive_fds(sock)
    assert data == b"ready"
    yield owner, sock, fds
    shm.close_all(fds)
    sock.close()
    assert owner.wait(WAIT_S) in (0, -signal.SIGKILL)


@pytest.fixture
def pair(owned: tuple[subprocess.Popen, socket.socket, list[int]]) -> Iterator[Pair]:
    owner, owner_socket, fds = owned
    keeper, gate_socket = gate_on(*fds)
    yield Pair(owner, owner_socket, gate_socket)
    owner.send_signal(signal.SIGCONT)
    gate_socket.close()
    assert keeper.wait(WAIT_S) == 0


def test_the_gate_follows_the_line(header: Header, pair: Pair) -> None:
    for _ in range(3):
        assert pair.permit() == refusals.HALT_LOW
        header.pull(HALT, 1)
        assert pair.permit() == refusals.SENT
        assert pair.permit(Intent.REDUCE) == refusals.SENT
        header.pull(HALT, 0)
        assert pair.permit(Intent.REDUCE) == refusals.HALT_LOW
        assert pair.permit(Intent.CANCEL) == refusals.SENT


def test_it_refuses_while_the_guard_is_stopped(header: Header, pair: Pair) -> None:
    header.pull(HALT, 1)
    until(lambda: pair.heard() == b"rose", "the owner's callback")
    pair.owner.send_signal(signal.SIGSTOP)
    assert pair.permit() == refusals.SENT
    header.pull(HALT, 0)
    assert pair.permit() == refusals.HALT_LOW
    assert pair.heard() == b""
    pair.owner.send_signal(signal.SIGCONT)
    until(lambda: pair.heard() == b"fell", "the owner's callback")


def test_it_reads_the_line_also_after_the_guard_was_killed(header: Header, pair: Pair) -> None:
    header.pull(HALT, 1)
    assert pair.permit() == refusals.SENT
    pair.owner.kill()
    pair.owner.wait(WAIT_S)
    assert pair.permit() == refusals.SENT  # the lease still holds: only the line is looked at
    header.pull(HALT, 0)
    assert pair.permit() == refusals.HALT_LOW


@pytest.mark.parametrize("what", ["null", "pipe", "chip", "socket"])
def test_a_descriptor_that_is_no_line_is_unreadable(
    header: Header, owned: tuple[subprocess.Popen, socket.socket, list[int]], what: str
) -> None:
    header.pull(HALT, 1)
    reader, writer = os.pipe()
    paths = {"null": os.devnull, "chip": os.environ["VM_GPIO_CHIP"]}
    if what in paths:
        fd = os.open(paths[what], os.O_RDWR)
    else:
        fd = os.dup(reader if what == "pipe" else owned[1].fileno())
    keeper, sock = gate_on(owned[2][0], fd)
    sock.sendall(bytes([Intent.OPEN]))
    assert sock.recv(1)[0] == refusals.LEVEL_UNREADABLE
    sock.close()
    assert keeper.wait(WAIT_S) == 0
    for each in (fd, reader, writer):
        os.close(each)


def test_a_line_whose_chip_is_gone_is_unreadable(
    spare: SpareChip, owned: tuple[subprocess.Popen, socket.socket, list[int]]
) -> None:
    with gpiod.request_lines(spare.path, {HALT: None}) as request:
        keeper, sock = gate_on(owned[2][0], request.fd)
        spare.header.pull(HALT, 1)
        sock.sendall(bytes([Intent.OPEN]))
        assert sock.recv(1)[0] == refusals.SENT
        spare.take_away()
        sock.sendall(bytes([Intent.OPEN]))
        assert sock.recv(1)[0] == refusals.LEVEL_UNREADABLE
    sock.close()
    assert keeper.wait(WAIT_S) == 0
