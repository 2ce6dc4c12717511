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
from collections.abc import Callable
from pathlib import Path

import msgspec

from controller import wiring
from rig.virtual import wire

PICO_READS = frozenset(row[0] for row in wiring.LINES if row[2].startswith("in"))
PI_READS = frozenset(row[0] for row in wiring.LINES if row[4].startswith("in"))
MAY_DRIVE = {b"PICO": wiring.PICO_DRIVES, b"HOST": wiring.PI_DRIVES}


class Peer:
    """One connection: its role decides what it hears and may drive."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.role = b""
        self.records = wire.Records()
        self.text = b""
        self.sequence = 0
        self.pid = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4]


class Hub:
    """Levels, edges, connections."""

    def __init__(self, listener: socket.socket, master: int) -> None:
        self.levels = list(wiring.UNDRIVEN)
        for name in wiring.PERSON_DRIVES[:2] + ("ENCLOSURE",):
            self.levels[wiring.INDEX[name]] = 0  # contacts closed to ground
        self.edges: list[tuple[int, int, int]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.level_fd, self._words = wire.create_level_page()
        for line, level in enumerate(self.levels):
            self._words[line] = level
        self.initial = list(self.levels)
        self.started_ns = time.monotonic_ns()
        self.fouls: list[str] = []
        self.cut: set[str] = set()
        self._listener = listener
        self._master = master
        self._peers: dict[int, Peer] = {}
        self._by_role: dict[bytes, Peer] = {}
        self._due: list[tuple[int, int, int, int]] = []
        self._order = 0
        self._fds = [listener.fileno(), master]

    def run(self) -> None:
        """Serve until the rig says stop or closes its connection."""
        while not self.cut >= {"POWER"}:
            # select, not epoll: its time-out is in microseconds, epoll's in milliseconds.
            for fd in select.select(self._fds, [], [], self._until_due())[0]:
                self._serve(fd)
            self._stimulate()

    def set_line(self, line: int, level: int, now_ns: int) -> None:
        """Stamp an edge and pass it to both boards, unless the wire is cut."""
        if self.levels[line] == level:
            return
        self.levels[line] = level
        self.edges.append((now_ns, line, level))
        name = wiring.NAMES[line]
        if name in self.cut:
            return
        if name in PICO_READS:
            self._tell(b"PICO", line, level)
        if name in PI_READS:
            self._words[line] = level
            self._tell(b"HOST", line, level)

    def _tell(self, role: bytes, line: int, level: int) -> None:
        peer = self._by_role.get(role)
        if peer is None:
            return
        peer.sequence = (peer.sequence + 1) & 0xFFFF
        # A full socket loses the edge; the gap in the sequence tells the reader.
        with contextlib.suppress(OSError):
            peer.sock.send(wire.RECORD.pack(line, level, peer.sequence), socket.MSG_DONTWAIT)

    def _until_due(self) -> float | None:
        if not self._due:
            return None
        return max(0.0, (self._due[0][0] - time.monotonic_ns()) / 1e9)

    def _stimulate(self) -> None:
        now_ns = time.monotonic_ns()
        while self._due and self._due[0][0] <= now_ns:
            _at, _order, line, level = heapq.heappop(self._due)
            self.set_line(line, level, time.monotonic_ns())

    def _serve(self, fd: int) -> None:
        if fd == self._listener.fileno():
            sock, _address = self._listener.accept()
            self._peers[sock.fileno()] = Peer(sock)
            self._fds.append(sock.fileno())
        elif fd == self._master:
            self._serial_to_pico()
        elif fd in self._peers:
            self._hear(self._peers[fd])

    def _hear(self, peer: Peer) -> None:
        try:
            data = peer.sock.recv(4096)
        except OSError:
            data = b""
        now_ns = time.monotonic_ns()
        if not data:
            self._leave(peer, now_ns)
        elif not peer.role:
            self._enter(peer, data[: wire.ROLE_BYTES])
            if peer.role and data[wire.ROLE_BYTES :]:
                HEAR[peer.role](self, peer, data[wire.ROLE_BYTES :], now_ns)
        else:
            HEAR[peer.role](self, peer, data, now_ns)

    def _enter(self, peer: Peer, role: bytes) -> None:
        if role not in wire.ROLES or role in self._by_role:
            self.fouls.append(f"refused a connection as {role!r}")
            self._fds.remove(peer.sock.fileno())
            del self._peers[peer.sock.fileno()]
            peer.sock.close()
            return
        peer.role = role
        self._by_role[role] = peer
        if role == b"HOST":
            rights = array.array("i", [self.level_fd])
            peer.sock.sendmsg([b"LEVL"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        if role in MAY_DRIVE:
            reads = PICO_READS if role == b"PICO" else PI_READS
            for line, name in enumerate(wiring.NAMES):
                if name in reads:
                    self._tell(role, line, self.levels[line])

    def _leave(self, peer: Peer, now_ns: int) -> None:
        """A board without power drives nothing: its lines fall to what the pulls make of them."""
        self._fds.remove(peer.sock.fileno())
        del self._peers[peer.sock.fileno()]
        peer.sock.close()
        if self._by_role.get(peer.role) is peer:
            del self._by_role[peer.role]
            for name in MAY_DRIVE.get(peer.role, ()):
                line = wiring.INDEX[name]
                self.set_line(line, wiring.UNDRIVEN[line], now_ns)
        if peer.role == b"RIGC":
            self.cut.add("POWER")

    def hear_pins(self, peer: Peer, data: bytes, now_ns: int) -> None:
        """Take pin records of a board."""
        for line, level, _sequence in peer.records.feed(data):
            if line < len(wiring.NAMES) and wiring.NAMES[line] in MAY_DRIVE[peer.role]:
                self.set_line(line, level & 1, now_ns)
            else:
                self.fouls.append(f"{peer.role.decode()} drove line {line}")

    def hear_serial(self, _peer: Peer, data: bytes, now_ns: int) -> None:
        """Pico to Pi: into the pty; bytes that nobody takes are lost, as on a wire.

        The analyser's clip is at the Pico, so it sees them all. Their edges are made at the end
        (`serial_line`): here they would be in the way of the halt.
        """
        self.sent.append((now_ns, data))
        if "SERIAL" in self.cut:
            return
        try:
            os.write(self._master, data)
        except BlockingIOError:
            self.fouls.append(f"serial line full: {len(data)} bytes lost")

    def _serial_to_pico(self) -> None:
        data = os.read(self._master, 4096)
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
                return self.edges[command["from"] :]
            case "sent":
                return [(at_ns, data.hex()) for at_ns, data in self.sent[command["from"] :]]
            case "state":
                return self._state()
            case "cut":
                self.cut.add(command["wire"])
                self._break(command["wire"], now_ns)
                return {"at_ns": now_ns}
            case "short":
                line = wiring.INDEX[command["wire"]]
                self.set_line(line, command["level"], now_ns)
                self.cut.add(command["wire"])
                return {"at_ns": now_ns}
            case "mend":
                self.cut.discard(command["wire"])
                return {"at_ns": now_ns}
        return {"error": f"unknown op {command['op']!r}"}

    def _break(self, name: str, now_ns: int) -> None:
        """A cut wire: its reader sees what the pull makes of it, and an edge if that differs."""
        if name not in wiring.INDEX:
            return
        line = wiring.INDEX[name]
        level = wiring.UNDRIVEN[line]
        if self.levels[line] != level:
            self.cut.discard(name)
            self.set_line(line, level, now_ns)
            self.cut.add(name)

    def _state(self) -> dict:
        pids = {r.decode(): int.from_bytes(p.pid, sys.byteorder) for r, p in self._by_role.items()}
        levels = dict(zip(wiring.NAMES, self.levels, strict=True))
        return {
            "levels": levels,
            "initial": dict(zip(wiring.NAMES, self.initial, strict=True)),
            "edges": len(self.edges),
            "pids": pids,
            "started_ns": self.started_ns,
            "fouls": self.fouls,
        }


HEAR: dict[bytes, Callable[[Hub, Peer, bytes, int], None]] = {
    b"PICO": Hub.hear_pins,
    b"HOST": Hub.hear_pins,
    b"UART": Hub.hear_serial,
    b"RIGC": Hub.hear_rig,
}


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
    Hub(listener, master).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
