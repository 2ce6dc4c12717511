"""The venue's record: append-only JSON lines, one `write` a line, numbered from 0 in each run.

The bench judges the host by this file, so a line is on its way to the kernel before the sender
gets its answer, and a line that cannot be written stops the venue.
"""

from __future__ import annotations

import errno
import os
from typing import Any

import msgspec


class RecordError(OSError):
    """The record cannot be opened or written; nothing may be answered any more."""


class Record:
    """One run's lines in the file at `path`; earlier runs in it are kept."""

    def __init__(self, path: str) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._n = 0
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o644)
            self._close_torn_line()
        except OSError as exc:
            raise RecordError(f"record {path!r}: {exc.strerror or exc}") from None

    def write(self, kind: str, **fields: Any) -> None:
        """Append one line. Raises RecordError when the whole line was not taken."""
        line = self._encode({"n": self._n, "kind": kind, **fields}) + b"\n"
        try:
            written = os.write(self._fd, line)
        except OSError as exc:
            raise RecordError(f"record: {exc.strerror}") from None
        if written != len(line):
            raise RecordError(f"record: only {written} of {len(line)} bytes were written")
        self._n += 1

    def close(self) -> None:
        """Flush to the disk and close. Raises RecordError when the disk did not take it."""
        try:
            os.fsync(self._fd)
        except OSError as exc:
            if exc.errno != errno.EINVAL:  # a pipe or device has nothing to flush
                raise RecordError(f"record: {exc.strerror}") from None
        finally:
            os.close(self._fd)

    def _close_torn_line(self) -> None:
        # A run that was cut off may have left half a line; ours must not be glued to it.
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")
