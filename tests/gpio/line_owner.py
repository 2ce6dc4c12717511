"""A process that owns HALT as the guard does: `line_owner FD`.

It writes a guard's page (NORMAL, with the longest lease), sends the page and its HALT request over the
socket FD, and then takes edges until the socket closes, saying each on it.
"""

import select
import socket
import sys
import time

from host import layout, modes, shm
from host.guard.lines import Lines, open_factory

RENEW_MS = 50


def renew(page: shm.Page) -> None:
    """Give the gate a lease that outlasts a test that stops or kills this process."""
    page.words.store(layout.GUARD_LEASE_NS, time.monotonic_ns() + layout.MOST_LEASE_NS)


def main(fd: int) -> None:
    """Serve until the other end closes."""
    sock = socket.socket(fileno=fd)
    page = shm.create(layout.KIND_GUARD, "owner")
    word = modes.pack(modes.TradingMode.NORMAL, modes.Reason.REARMED, 1)
    page.words.store(layout.GUARD_MODE, word)
    renew(page)
    factory = open_factory("bot4gpiod")
    level_fd = factory.level_source("HALT")[1]
    lines = Lines(factory, lambda: sock.sendall(b"fell"), lambda: sock.sendall(b"rose"))
    shm.send_fds(sock, b"ready", [page.fd, level_fd])
    poller = select.poll()
    poller.register(factory.fileno(), select.POLLIN)
    poller.register(sock, select.POLLIN)
    while True:
        ready = [fd for fd, _event in poller.poll(RENEW_MS)]
        renew(page)
        if sock.fileno() in ready:
            break
        factory.dispatch(time.monotonic_ns())
    lines.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
