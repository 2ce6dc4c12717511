"""What travels over the virtual wires, and the page that shows their levels.

A pin record is 4 bytes: line (place in controller.wiring.LINES), level, sequence u16. A gap in
the sequence is a lost edge. The level page is a sealed memory file of 64-bit words, one a
line, written by the hub alone: the gate reads HALT there as it would read the device.
"""

import fcntl
import mmap
import os
import struct

from controller import wiring

RECORD = struct.Struct("<BBH")
ROLES = (b"PICO", b"UART", b"HOST", b"RIGC")
ROLE_BYTES = 4

LEVEL_PAGE_BYTES = 4096
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL | 0x0010  # FUTURE_WRITE


class Records:
    """Cuts a byte stream into pin records."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the (line, level, sequence) records that `data` completes."""
        data = self._rest + data
        end = len(data) - len(data) % RECORD.size
        self._rest = data[end:]
        return list(RECORD.iter_unpack(data[:end]))


def create_level_page() -> tuple[int, memoryview]:
    """Return (descriptor, writable words) of a new level page."""
    fd = os.memfd_create("bot4-levels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, LEVEL_PAGE_BYTES)
    words = memoryview(mmap.mmap(fd, LEVEL_PAGE_BYTES)).cast("Q")
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    for line, level in enumerate(wiring.UNDRIVEN):
        words[line] = level
    return fd, words
