"""`machine` for MicroPython's Unix port, on the wires of the virtual bench.

Pins travel as 4-byte records (line, level, sequence u16) over one Unix stream socket to the
hub, the serial line as raw bytes over a second one. One thread, `select.poll`.
"""

import os
import select
import socket
import struct

from controller import wiring

RECORD = "<BBH"
RECORD_BYTES = 4
AF_UNIX = 1
# The hub tells all levels at once when the board is plugged in; until then contacts read open.
FIRST_LEVELS_MS = 2000


class BenchLost(Exception):
    """The hub closed the wires: the board has lost its power."""


def _connect(role):
    path = os.getenv("BOT4_BENCH_SOCKET")
    sock = socket.socket(AF_UNIX, socket.SOCK_STREAM)
    sock.connect(struct.pack("<H", AF_UNIX) + path.encode() + b"\0")
    sock.write(role)
    sock.setblocking(False)
    return sock


class _Bench:
    """The two connections and the last level of every line."""

    def __init__(self):
        self.levels = list(wiring.UNDRIVEN)
        self.pins = _connect(b"PICO")
        self.serial = _connect(b"UART")
        self.poll = select.poll()
        self.poll.register(self.pins, select.POLLIN)
        self.poll.register(self.serial, select.POLLIN)
        self.changed = None
        self._rest = b""
        self._sequence = 0
        self.wait(FIRST_LEVELS_MS)

    def wait(self, timeout_ms):
        """Wait for a pin or a byte; take pin records in order, calling `changed` after each."""
        for stream, event in self.poll.ipoll(timeout_ms):
            if event & (select.POLLHUP | select.POLLERR):
                raise BenchLost
            if stream is self.pins:
                self._take(self.pins.recv(256))

    def drive(self, line, level):
        if self.levels[line] == level:
            return
        self.levels[line] = level
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.pins.write(struct.pack(RECORD, line, level, self._sequence))

    def _take(self, data):
        if not data:
            raise BenchLost
        data = self._rest + data
        end = len(data) - len(data) % RECORD_BYTES
        for at in range(0, end, RECORD_BYTES):
            self.levels[data[at]] = data[at + 1]
            if self.changed is not None:
                self.changed()
        self._rest = data[end:]


bench = _Bench()


class Pin:
    """A GPIO of the Pico by its number; only numbers of the wiring table exist."""

    IN, OUT = 0, 1
    PULL_UP, PULL_DOWN = 1, 2

    def __init__(self, number, mode=IN, pull=None, value=None):
        self._line = wiring.INDEX[wiring.by_pico_pin(number)]
        self._out = mode == Pin.OUT
        if self._out and value is not None:
            bench.drive(self._line, value)

    def value(self, level=None):
        """Return the level, or drive it when one is given."""
        if level is None:
            return bench.levels[self._line]
        if not self._out:
            raise ValueError("an input cannot be driven")
        bench.drive(self._line, 1 if level else 0)
        return None


class UART:
    """The serial line of the wiring table."""

    def __init__(self, number, baudrate=wiring.UART_BAUD, **_pins):
        self._stream = bench.serial

    def read(self, most=256):
        """Return what has arrived, at most `most` bytes; None when nothing has."""
        try:
            data = self._stream.recv(most)
        except OSError:
            return None
        if not data:
            raise BenchLost
        return data

    def write(self, data):
        """Send bytes; what a full line cannot take is lost, as on a wire."""
        try:
            return self._stream.write(data)
        except OSError:
            return 0
