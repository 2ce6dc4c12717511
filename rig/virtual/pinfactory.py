"""gpiozero's pins on the virtual wires: the factory `bot4bench`.

It has no thread. Whoever owns the factory polls `fileno()` and calls `dispatch()`, so edges are
handled in that loop and nowhere else. BOT4_BENCH_SOCKET names the hub's socket.
"""

import os
import socket
from collections.abc import Callable

from gpiozero.exc import PinInvalidFunction, PinInvalidPull, PinInvalidState
from gpiozero.pins.local import LocalPiFactory, LocalPiPin

from controller import wiring
from rig.virtual import wire

REVISION = 0xC03112  # gpiozero wants a board: a Pi 4B, whose header has every BCM number we use


class BenchPin(LocalPiPin):
    """One BCM pin; only numbers of the wiring table are connected."""

    def __init__(self, factory: "BenchFactory", info: object) -> None:
        super().__init__(factory, info)
        self._line = wiring.INDEX[wiring.by_bcm(self._number)]
        factory.wired[self._line] = self
        self._function = "input"
        self._pulled = "floating"
        self._edge = "both"
        self._detecting = False

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f"invalid function {value!r} for {self!r}")
        self._function = value

    def _get_state(self) -> int:
        return self.factory.levels[self._line]

    def _set_state(self, value: int) -> None:
        if self._function != "output":
            raise PinInvalidState(f"{self!r} is an input")
        self.factory.drive(self._line, int(bool(value)))

    def _get_pull(self) -> str:
        return self._pulled

    def _set_pull(self, value: str) -> None:
        if value not in ("up", "down", "floating"):
            raise PinInvalidPull(f"invalid pull {value!r} for {self!r}")
        self._pulled = value

    def _get_bounce(self) -> None:
        return None

    def _set_bounce(self, value: float | None) -> None:
        if value is not None:
            raise ValueError("no debounce on this bench: it would delay the first edge")

    def _get_edges(self) -> str:
        return self._edge

    def _set_edges(self, value: str) -> None:
        self._edge = value

    def _enable_event_detect(self) -> None:
        self._detecting = True

    def _disable_event_detect(self) -> None:
        self._detecting = False

    def changed(self, level: int, now_ns: int) -> None:
        """Hand one edge to gpiozero."""
        if self._detecting and self._edge in ("both", "rising" if level else "falling"):
            self._call_when_changed(now_ns / 1e9, level)


class BenchFactory(LocalPiFactory):
    """The host's end of the virtual wires."""

    def __init__(self) -> None:
        super().__init__()
        self.pin_class = BenchPin
        self.levels = list(wiring.UNDRIVEN)
        self.wired: dict[int, BenchPin] = {}
        self.lost_edges = 0
        self.after_edge: Callable[[], None] = lambda: None
        self._records = wire.Records()
        self._expected: int | None = None
        self._sequence = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.connect(os.environ["BOT4_BENCH_SOCKET"])
        self._sock.sendall(b"HOST")
        self.level_fd = self._receive_level_page()
        self._sock.setblocking(False)

    def fileno(self) -> int:
        """Descriptor to poll for reading."""
        return self._sock.fileno()

    def level_source(self, name: str) -> tuple[str, int, int]:
        """Return ("page", descriptor, word) for reading the level of line `name` at any time."""
        return "page", self.level_fd, wiring.INDEX[name]

    def drive_source(self, name: str) -> tuple[int, bytes]:
        """Return (descriptor, record): sending the record drives output `name` high."""
        line = wiring.INDEX[name]
        return self._sock.fileno(), wire.RECORD.pack(line, 1, (self._sequence + 1) & 0xFFFF)

    def driven(self, name: str) -> None:
        """Output `name` was driven high with what `drive_source` gave."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.levels[wiring.INDEX[name]] = 1

    def dispatch(self, now_ns: int) -> None:
        """Take all edges that have arrived. Raises ConnectionError when the bench is gone."""
        try:
            data = self._sock.recv(4096)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError("the bench closed the wires")
        for line, level, sequence in self._records.feed(data):
            if self._expected is not None and sequence != self._expected:
                self.lost_edges += 1
            self._expected = (sequence + 1) & 0xFFFF
            self.levels[line] = level
            pin = self.wired.get(line)
            if pin is not None:
                pin.changed(level, now_ns)
                self.after_edge()

    def drive(self, line: int, level: int) -> None:
        """Drive an output of the Pi."""
        self.levels[line] = level
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._sock.send(wire.RECORD.pack(line, level, self._sequence))

    def close(self) -> None:
        """Close all pins and the wires."""
        super().close()
        self._sock.close()

    def _get_revision(self) -> int:
        return REVISION

    def _receive_level_page(self) -> int:
        data, fds, _flags, _address = socket.recv_fds(self._sock, wire.ROLE_BYTES, 1)
        if data != b"LEVL" or len(fds) != 1:
            raise ConnectionError("the bench did not hand over its level page")
        os.set_inheritable(fds[0], False)
        return fds[0]
