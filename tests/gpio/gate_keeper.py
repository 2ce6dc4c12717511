"""A process with a gate, and nothing of the line but what it was handed: `gate_keeper FD`.

It takes the guard's page and a descriptor over the socket FD, and then answers each byte (an intent)
with the code of the gate.
"""

import socket
import sys

from host import layout, shm
from host.engine.loop import make_gate


def main(fd: int) -> None:
    """Serve until the other end closes."""
    sock = socket.socket(fileno=fd)
    data, fds = shm.receive_fds(sock)
    assert data == b"gate", data
    guard = shm.attach(fds[0], layout.KIND_GUARD)
    own = shm.create(layout.KIND_ENGINE, "keeper")
    gate = make_gate(guard, own, {"level": "ioctl", "word": 0}, fds[1:])
    while intent := sock.recv(1):
        sock.sendall(bytes([gate.permit(intent[0])]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
