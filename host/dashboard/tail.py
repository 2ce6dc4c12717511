"""Follows the audit log read-only, record by record, and checks each against the one before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from host.audit import AuditRecordError
from host.audit.record import MAX_LINE_BYTES, Record, parse, segment_name
from host.audit.retention import number_of, present

# Segments that are read back at the start: what is older is history.
SEGMENTS = 2
CHUNK_BYTES = 4 << 20
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Tail:
    """One log. `broken` latches the first thing that is not as the format says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broken = ""
        self.followed = 0
        self.last: Record | None = None
        self.behind_bytes = 0
        self._fd = -1
        self._segment = 0
        self._offset = 0

    def read(self) -> Iterator[Record]:
        """Yield what is new, at most CHUNK_BYTES of it. Raises OSError; call again then."""
        if self._fd >= 0 and self._replaced():
            self._break(f"segment {self._segment} is another file than the one that was followed")
            self.close()
        if self._fd < 0 and not self._open_first():
            return
        yield from self._read()
        if not self.behind_bytes and self._rotated():
            yield from self._read()

    def size_bytes(self) -> int:
        """Size of all segments. Raises OSError."""
        return sum(path.stat().st_size for path in present(self.directory))

    def close(self) -> None:
        """Close the segment."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open_first(self) -> bool:
        segments = present(self.directory)
        if not segments:
            return False
        self._open(segments[-SEGMENTS:][0])
        return True

    def _open(self, path: Path) -> None:
        fd = os.open(path, FLAGS)
        self.close()
        self._fd, self._segment, self._offset = fd, number_of(path), 0

    def _replaced(self) -> bool:
        found = self.directory / segment_name(self._segment)
        return not found.exists() or not os.path.samestat(found.stat(), os.fstat(self._fd))

    def _rotated(self) -> bool:
        """Go on to the next segment, once there is one."""
        later = [path for path in present(self.directory) if number_of(path) > self._segment]
        if later:
            self._open(later[0])
        return bool(later)

    def _read(self) -> Iterator[Record]:
        size = os.fstat(self._fd).st_size
        if size < self._offset:
            self._break(f"segment {self._segment} was cut to {size} bytes while it was followed")
            self._offset = 0
        chunk = os.pread(self._fd, CHUNK_BYTES, self._offset)
        whole = chunk.rfind(b"\n") + 1
        if not whole and len(chunk) > MAX_LINE_BYTES:
            self._break("a line is longer than any record")
        self._offset += whole
        self.behind_bytes = size - self._offset if len(chunk) == CHUNK_BYTES else 0
        for line in chunk[:whole].split(b"\n")[:-1]:
            record = self._record(line + b"\n")
            if record is not None:
                yield record

    def _record(self, line: bytes) -> Record | None:
        try:
            record = parse(line)
        except AuditRecordError as error:
            after = self.last.seq if self.last else 0
            self._break(f"after record {after}: {error}")
            return None
        last = self.last
        if last is not None and (record.seq, record.prev) != (last.seq + 1, last.hash):
            self._break(f"record {record.seq} does not continue record {last.seq}")
        self.last = record
        self.followed += 1
        return record

    def _break(self, why: str) -> None:
        self.broken = self.broken or why[:200]
