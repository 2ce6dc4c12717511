"""The emulated Pico as a process: `python -m rig.emulated.pico SOCKET FIRMWARE FLASH STAMPS`.

It connects to the hub as the virtual controller does (pins and serial line) and keeps to the wall
clock. The folder FIRMWARE holds what was built, FLASH the keys and what the firmware keeps besides;
that is written back. Every edge of its own pins is stamped by the emulation; on SIGUSR1, and on SIGTERM
or when the bench is gone, it writes them to STAMPS, for the stages that the hub's clock cannot see
through the pacing.
"""

import contextlib
import functools
import os
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path

import msgspec

from controller import wiring
from rig.emulated.chip import RELEASED, EmulatedPico
from rig.emulated.image import find_image
from rig.emulated.pacer import Pacer
from rig.processes import BenchError
from rig.virtual import wire

# ns. The hub's edges may arrive several at once; on the chip's pins they keep this much apart, the
# shortest step of the bench's bounce patterns.
SPACING_NS = 10_000

# Before the host's ordinary processes, where that is permitted: the Pico is another computer.
NICE = -15


class Bridge:
    """The hub's wires on one side, the chip's pins on the other."""

    def __init__(self, path: str, pacer: Pacer) -> None:
        self._pico = pacer.pico
        self._pins = _connect(path, b"PICO")
        self._serial = _connect(path, b"UART")
        self._records = wire.Records()
        self._sequence = 0
        self._next_ns = 0
        self._levels = list(wiring.UNDRIVEN)
        self.edges: list[tuple[int, int, int]] = []
        self.gone = False
        self._pico.on_edge(self._driven)
        self._pico.on_uart(lambda data, _t_ns: self._send(self._serial, data))
        pacer.serve(self._pins.fileno(), self._take_pins)
        pacer.serve(self._serial.fileno(), self._take_bytes)

    def leave(self) -> None:
        """The bench has ended or asks for the end."""
        self.gone = True

    def _driven(self, pin: int, level: int, t_ns: int) -> None:
        """An output of the Pico has moved; one that is let go of falls to what the pulls make of it."""
        line = wiring.INDEX[wiring.by_pico_pin(pin)]
        level = wiring.UNDRIVEN[line] if level == RELEASED else level
        if level == self._levels[line]:
            return
        self._levels[line] = level
        self.edges.append((t_ns, line, level))
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._send(self._pins, wire.RECORD.pack(line, level, self._sequence))

    def _take_pins(self) -> None:
        for line, level, _sequence in self._records.feed(self._receive(self._pins)):
            at_ns = max(self._pico.now_ns, self._next_ns)
            self._next_ns = at_ns + SPACING_NS
            self._pico.at(at_ns, functools.partial(self._apply, line, level))

    def _apply(self, line: int, level: int) -> None:
        t_ns = self._pico.set_pin(wiring.LINES[line][1], level)
        if level != self._levels[line]:
            self._levels[line] = level
            self.edges.append((t_ns, line, level))

    def _take_bytes(self) -> None:
        self._pico.uart.write(self._receive(self._serial))

    def _receive(self, sock: socket.socket) -> bytes:
        try:
            data = sock.recv(4096)
        except OSError:
            data = b""
        self.gone = self.gone or not data
        return data

    def _send(self, sock: socket.socket, data: bytes) -> None:
        try:
            sock.sendall(data)
        except OSError:
            self.gone = True


def _connect(path: str, role: bytes) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(path)
    sock.sendall(role)
    return sock


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def main(path: str, firmware: str, flash: str, stamps: str) -> None:
    """Run until the bench ends."""
    built = read_folder(Path(firmware))
    files = {**built, **read_folder(Path(flash))}
    try:
        pico = EmulatedPico(find_image().path, files)
    except BenchError as error:
        sys.exit(str(error))
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    pacer = Pacer(pico)
    bridge = Bridge(path, pacer)
    keep = functools.partial(_write_record, Path(stamps), pico, pacer, bridge)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_signal: bridge.leave())
    signal.signal(signal.SIGUSR1, lambda number, _frame: asked.append(number))

    def ended() -> bool:
        if asked:
            asked.clear()
            keep()
        return bridge.gone

    print("ready", flush=True)
    pacer.run(ended)
    for name, content in pico.files().items():
        if name not in files or (name not in built and content != files[name]):
            (Path(flash) / name).write_bytes(content)
    keep()


def _write_record(path: Path, pico: EmulatedPico, pacer: Pacer, bridge: Bridge) -> None:
    """Write what is known now; whoever reads the file meanwhile sees the old one or the new one."""
    known = {
        "now_ns": pico.now_ns,
        "edges": bridge.edges,
        "pace": asdict(pacer.report),
        "resets": pico.resets,
        "uart_overruns": pico.uart.overruns,
        "edges_lost": pico.counts()["edges_lost"],
    }
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(known))
    part.replace(path)


if __name__ == "__main__":
    main(*sys.argv[1:5])
