"""The serial ends of an emulated Pico: UART0 at the speed of its line, and the USB serial port."""

from collections import deque
from collections.abc import Callable
from typing import Any

from rp2040py.usb.cdc import USBCDC

from rig.emulated.engine import TICKS

BytesCallback = Callable[[bytes, int], None]


class Uart:
    """UART0: bytes in at the line's speed, bytes out with the time of their stop bit.

    chip -- rp2040py's RP2040
    stop -- called when a byte has come, so that the run loop hands it over at once
    """

    def __init__(self, chip: Any, baud: int, stop: Callable[[], None]) -> None:
        self._uart = chip.uart[0]
        self._clock = chip.clock
        self._stop = stop
        self._byte_ticks = round(10 * 1_000_000_000 * TICKS / baud)
        self._outgoing: deque[tuple[int, int]] = deque()
        self._incoming: deque[int] = deque()
        self._due = 0
        self._busy = False
        self.overruns = 0
        self._alarm = chip.clock.create_alarm(self._feed)
        self._uart.on_byte = self._on_byte

    @property
    def baud(self) -> float:
        """Return the speed the firmware has set (0.0 before it has)."""
        return float(self._uart.baud_rate) if self._uart.baud_divider else 0.0

    @property
    def pending(self) -> int:
        """Return the number of bytes written that have not reached the chip yet."""
        return len(self._incoming)

    def write(self, data: bytes) -> None:
        """Put bytes on the chip's RX line, one after the other."""
        self._incoming.extend(data)
        if self._incoming and not self._busy:
            self._busy = True
            now = self._clock.ticks
            self._due = max(self._due, now) + self._byte_ticks
            self._alarm.schedule_ticks(self._due - now)

    def taken(self) -> list[tuple[bytes, int]]:
        """Return and forget the bytes sent by the chip, each with its time in ns."""
        found = [(bytes((byte,)), ticks // TICKS) for byte, ticks in self._outgoing]
        self._outgoing.clear()
        return found

    def _on_byte(self, byte: int) -> None:
        self._outgoing.append((byte, self._clock.ticks))
        self._stop()

    def _feed(self) -> None:
        if self._uart.rx_fifo.full:
            self.overruns += 1
        self._uart.feed_byte(self._incoming.popleft())
        self._busy = bool(self._incoming)
        if self._busy:
            self._due += self._byte_ticks
            self._alarm.schedule_ticks(self._due - self._clock.ticks)


class Usb:
    """The USB serial port: the REPL, when the firmware lets anybody in."""

    def __init__(self, chip: Any, stop: Callable[[], None]) -> None:
        self._clock = chip.clock
        self._stop = stop
        self._outgoing: deque[tuple[bytes, int]] = deque()
        self._incoming: deque[int] = deque()
        self._cdc = USBCDC(chip.usb_ctrl)
        self._cdc.on_serial_data = self._on_data

    def write(self, data: bytes) -> None:
        """Send bytes to the chip, as fast as it takes them."""
        self._incoming.extend(data)
        self.top_up()

    def top_up(self) -> None:
        """Hand over as many waiting bytes as fit."""
        cdc = self._cdc
        while self._incoming and cdc.tx_fifo.item_count < cdc.tx_fifo.size:
            cdc.send_serial_byte(self._incoming.popleft())

    def taken(self) -> list[tuple[bytes, int]]:
        """Return and forget what the chip has sent, with times in ns."""
        found = [(data, ticks // TICKS) for data, ticks in self._outgoing]
        self._outgoing.clear()
        return found

    def _on_data(self, data: bytes | bytearray) -> None:
        self._outgoing.append((bytes(data), self._clock.ticks))
        self._stop()
