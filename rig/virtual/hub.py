"""The hub: the wires of the virtual bench, in the middle of a star.

`python -m rig.virtual.hub SOCKET SERIAL_LINK` listens on a Unix stream socket for the Pico (pins
and serial), the host (pins) and the rig, and makes a pty for the host's serial port. One
thread; every edge is stamped inline (CLOCK_MONOTONIC), before it is passed on.
"""

import array
import contextlib
import heapq
import os
import select
import signal
import socket
import sys
import time
import tty
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from controller import wiring
from rig.virtual import wire
from rig.virtual.pins import Pins

PICO_READS = frozenset(row[0] for row in wiring.LINES if row[2].startswith("in"))
PI_READS = frozenset(row[0] for row in wiring.LINES if row[4].startswith("in"))
READS = {b"PICO": PICO_READS, b"HOST": PI_READS}
MAY_DRIVE = {b"PICO": wiring.PICO_DRIVES, b"HOST": wiring.PI_DRIVES}
BOARDS = (b"PICO", b"HOST")


# Bytes that a pty did not take wait so long, ns, for another try, and so many of them at most.
LATE_NS = 1_000_000
MOST_LATE_BYTES = 65536


def mask(names: Iterable[str]) -> int:
    """Return one bit a line."""
    return sum(1 << wiring.INDEX[name] for name in names)


class Peer:
    """One connection: its role decides what it hears and may drive."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.role = b""
        self.text = b""
        self.pid = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4]


class Hub:
    """Levels, edges, connections."""

    def __init__(self, listener: socket.socket, master: int, received: socket.socket) -> None:
        self.initial = list(wiring.UNDRIVEN)
        for name in wiring.PERSON_DRIVES[:2] + ("ENCLOSURE",):
            self.initial[wiring.INDEX[name]] = 0  # contacts closed to ground
        self.sent: list[tuple[int, bytes]] = []
        self._late = b""
        self.level_fd, page = wire.create_level_page()
        boards = [(mask(READS[role]), mask(MAY_DRIVE[role])) for role in BOARDS]
        self.pins = Pins(self.initial, page, mask(READS[b"HOST"]), boards)
        self.started_ns = time.monotonic_ns()
        self.fouls: list[str] = []
        self.cut: set[str] = set()
        self._listener = listener
        self._master = master
        self._received = received
        self._peers: dict[int, Peer] = {}
        self._by_role: dict[bytes, Peer] = {}
        self._due: list[tuple[int, int, int, int]] = []
        self._order = 0
        self._others = [listener.fileno(), received.fileno()]

    def run(self) -> None:
        """Serve until the rig says stop or closes its connection."""
        while not self.cut >= {"POWER"}:
            for fd in self.pins.wait(self._others, self._until_ns()):
                self._serve(fd)
            self._stimulate()
            if self._late:
                self._push_serial()

    def _until_ns(self) -> int:
        """Return when to look again by ourselves, -1 for never."""
        until_ns = self._due[0][0] if self._due else -1
        if not self._late:
            return until_ns
        again_ns = time.monotonic_ns() + LATE_NS
        return min(until_ns, again_ns) if self._due else again_ns

    def _stimulate(self) -> None:
        now_ns = time.monotonic_ns()
        while self._due and self._due[0][0] <= now_ns:
            _at, _order, line, level = heapq.heappop(self._due)
            self.pins.set_line(line, level, time.monotonic_ns())

    def _serve(self, fd: int) -> None:
        if fd == self._listener.fileno():
            sock, _address = self._listener.accept()
            self._peers[sock.fileno()] = Peer(sock)
            self._others.append(sock.fileno())
        elif fd == self._received.fileno():
            self._serial_to_pico()
        elif fd in self._peers:
            self._hear(self._peers[fd])

    def _hear(self, peer: Peer) -> None:
        try:
            data = peer.sock.recv(4096 if peer.role else wire.ROLE_BYTES)
        except OSError:
            data = b""
        now_ns = time.monotonic_ns()
        if not data or peer.role in BOARDS:  # of a board the pins hear everything but its end
            self._leave(peer, now_ns)
        elif not peer.role:
            self._enter(peer, data)
        else:
            HEAR[peer.role](self, peer, data, now_ns)

    def _enter(self, peer: Peer, role: bytes) -> None:
        if role not in wire.ROLES or role in self._by_role:
            self.fouls.append(f"refused a connection as {role!r}")
            self._others.remove(peer.sock.fileno())
            del self._peers[peer.sock.fileno()]
            peer.sock.close()
            return
        peer.role = role
        self._by_role[role] = peer
        if role == b"HOST":
            rights = array.array("i", [self.level_fd])
            peer.sock.sendmsg([b"LEVL"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        if role in BOARDS:
            self._others.remove(peer.sock.fileno())
            self.pins.enter(BOARDS.index(role), peer.sock.fileno())

    def _leave(self, peer: Peer, now_ns: int) -> None:
        """A board without power drives nothing: its lines fall to what the pulls make of them."""
        if peer.role in BOARDS:
            self.pins.leave(BOARDS.index(peer.role))
        else:
            self._others.remove(peer.sock.fileno())
        del self._peers[peer.sock.fileno()]
        peer.sock.close()
        if self._by_role.get(peer.role) is peer:
            del self._by_role[peer.role]
            for name in MAY_DRIVE.get(peer.role, ()):
                line = wiring.INDEX[name]
                self.pins.set_line(line, wiring.UNDRIVEN[line], now_ns)
        if peer.role == b"RIGC":
            self.cut.add("POWER")

    def hear_serial(self, _peer: Peer, data: bytes, now_ns: int) -> None:
        """Pico to Pi: into the pty; bytes that nobody takes are lost, as on a wire.

        The analyser's clip is at the Pico, so it sees them all. Their edges are made at the end
        (`serial_line`): here they would be in the way of the halt.
        """
        self.sent.append((now_ns, data))
        if "SERIAL" in self.cut:
            return
        self._late += data
        self._push_serial()

    def _push_serial(self) -> None:
        """Write what the pty takes; the kernel's worker behind it may come late on a busy machine."""
        if "SERIAL" in self.cut:
            self._late = b""
            return
        with contextlib.suppress(BlockingIOError):
            self._late = self._late[os.write(self._master, self._late) :]
        if len(self._late) > MOST_LATE_BYTES:
            self.fouls.append(f"serial line full: {len(self._late)} bytes lost")
            self._late = b""

    def _serial_to_pico(self) -> None:
        data = self._received.recv(4096)
        peer = self._by_role.get(b"UART")
        if peer is None or "SERIAL" in self.cut:
            return
        try:
            peer.sock.send(data, socket.MSG_DONTWAIT)
        except OSError:
            self.fouls.append(f"serial line full: {len(data)} bytes lost")

    def hear_rig(self, peer: Peer, data: bytes, now_ns: int) -> None:
        """Take commands of the rig, one JSON object a line; each gets one line of answer."""
        *lines, peer.text = (peer.text + data).split(b"\n")
        for line in lines:
            answer = self._command(msgspec.json.decode(line), now_ns)
            peer.sock.sendall(msgspec.json.encode(answer) + b"\n")

    def _command(self, command: dict, now_ns: int) -> object:
        match command["op"]:
            case "stimulus":  # [[offset in us, line name, level], ...]
                for offset_us, name, level in command["pattern"]:
                    self._order += 1
                    at_ns = now_ns + offset_us * 1000
                    item = (at_ns, self._order, wiring.INDEX[name], level)
                    heapq.heappush(self._due, item)
                return {"at_ns": now_ns}
            case "edges":
                return self.pins.edges(command["from"])
            case "sent":
                return [(at_ns, data.hex()) for at_ns, data in self.sent[command["from"] :]]
            case "state":
                return self._state()
            case "cut":
                self._break(command["wire"], now_ns)
                return {"at_ns": now_ns}
            case "short":
                line = wiring.INDEX[command["wire"]]
                self.pins.set_line(line, command["level"], now_ns)
                self._let_through(self.cut | {command["wire"]})
                return {"at_ns": now_ns}
            case "mend":
                self._let_through(self.cut - {command["wire"]})
                return {"at_ns": now_ns}
        return {"error": f"unknown op {command['op']!r}"}

    def _break(self, name: str, now_ns: int) -> None:
        """A cut wire: its reader sees what the pull makes of it, and an edge if that differs."""
        if name in wiring.INDEX:
            line = wiring.INDEX[name]
            self._let_through(self.cut - {name})
            self.pins.set_line(line, wiring.UNDRIVEN[line], now_ns)
        self._let_through(self.cut | {name})

    def _let_through(self, cut: set[str]) -> None:
        self.cut = cut
        self.pins.cut(mask(name for name in cut if name in wiring.INDEX))

    def _state(self) -> dict:
        pids = {r.decode(): int.from_bytes(p.pid, sys.byteorder) for r, p in self._by_role.items()}
        levels = dict(zip(wiring.NAMES, self.pins.levels, strict=True))
        driven = [f"{self.pins.fouls} records for lines that a board may not drive"]
        return {
            "levels": levels,
            "initial": dict(zip(wiring.NAMES, self.initial, strict=True)),
            "edges": self.pins.edge_count,
            "pids": pids,
            "started_ns": self.started_ns,
            "fouls": self.fouls + (driven if self.pins.fouls else []),
        }


HEAR: dict[bytes, Callable[[Hub, Peer, bytes, int], None]] = {
    b"UART": Hub.hear_serial,
    b"RIGC": Hub.hear_rig,
}


def relay(master: int) -> socket.socket:
    """Fork a process that waits for the pty; return the end on which its bytes arrive.

    Polling a tty waits for a kernel worker of ordinary priority, and every edge would wait with it
    (host.guard.relay). The process ends with the hub, whose end of the socket closes.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        try:
            ours.close()
            poller = select.poll()
            poller.register(master, select.POLLIN)
            poller.register(theirs, 0)  # hang-ups alone
            while not any(fd == theirs.fileno() for fd, _event in poller.poll()):
                theirs.sendall(os.read(master, 4096))
        finally:
            os._exit(0)  # never back into the hub's code
    theirs.close()
    return ours


def main(socket_path: str, serial_link: str) -> None:
    """Open socket and pty, say `ready`, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rig ends the hub, after everybody else
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(socket_path)
    Path(socket_path).chmod(0o600)
    listener.listen()
    master, slave = os.openpty()
    tty.setraw(slave)  # kept open: a master whose last slave closed reports errors for ever
    os.set_blocking(master, False)
    Path(serial_link).symlink_to(os.ttyname(slave))
    print("ready", flush=True)
    Hub(listener, master, relay(master)).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
