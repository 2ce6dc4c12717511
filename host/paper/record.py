"""The venue's record: append-only JSON lines, numbered from 0 in each run.

The bench judges the host by this file, so a line is on its way to the kernel before the sender
gets its answer, and a line that cannot be written stops the venue. Lines of packets that are read
in one go are written in one go.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any

import msgspec

from host.paper.client import MAX_PACKET_BYTES
from host.venues import messages as m

# Of a packet that is no message; the beginning says what it was.
RAW_SHOWN_BYTES = 512


class RecordError(OSError):
    """The record cannot be opened or written; nothing may be answered any more."""


class Packet(msgspec.Struct, omit_defaults=True, tag_field="kind", tag="packet"):
    """The line of one packet to the venue."""

    n: int
    sent_ns: int | None
    read_ns: int
    peer_pid: int
    msg: Any
    outcome: str
    no_stamp: str | None = None
    detail: str | None = None


class Record:
    """One run's lines in the file at `path`; earlier runs in it are kept."""

    def __init__(self, path: str) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._n = 0
        self._held: list[bytes] = []
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o644)
            self._close_torn_line()
        except OSError as exc:
            raise RecordError(f"record {path!r}: {exc.strerror or exc}") from None

    def write(self, kind: str, **fields: Any) -> None:
        """Append one line, and what was held before it. Raises RecordError as `flush` does."""
        self._held.append(self._encode({"n": self._n, "kind": kind, **fields}))
        self._n += 1
        self.flush()

    def hold(self, **fields: Any) -> None:
        """Number the line of one packet; it must be flushed before anybody gets an answer."""
        self._held.append(self._encode(Packet(self._n, **fields)))
        self._n += 1

    def flush(self) -> None:
        """Append what is held. Raises RecordError when the whole of it was not taken."""
        if not self._held:
            return
        self._held.append(b"")
        lines = b"\n".join(self._held)
        self._held.clear()
        try:
            written = os.write(self._fd, lines)
        except OSError as exc:
            raise RecordError(f"record: {exc.strerror}") from None
        if written != len(lines):
            raise RecordError(f"record: only {written} of {len(lines)} bytes were written")

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


def shown(data: bytes) -> Any:
    """A packet as the record keeps it: its own JSON, or the beginning of what is none."""
    if len(data) <= MAX_PACKET_BYTES:
        with contextlib.suppress(m.BadMessage):
            return m.parse(data)
    return {"raw": data[:RAW_SHOWN_BYTES].decode("latin-1"), "bytes": len(data)}
