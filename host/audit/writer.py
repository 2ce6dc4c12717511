"""The audit writer: buffered appends, group commit, rotation. One process, one thread, one log.

A record counts as written when `commit` has returned, not when `append` has. A commit that fails
leaves everything buffered; the next one writes the same bytes to the same place, so nothing is
doubled.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from host.audit import AuditBroken, AuditRecordError, AuditWriteError
from host.audit.disk import OPEN_FLAGS, disk_errors, lock, open_directory, write_at
from host.audit.owner import require_owner
from host.audit.record import (
    FORMAT_VERSION,
    KIND_CLOSE,
    KIND_OPEN,
    KIND_RETIRED,
    KIND_TORN,
    LOCK_NAME,
    RESERVED_KINDS,
    encode_data,
    seal,
    segment_name,
)
from host.audit.recovery import mark_reported, recover, unreported_parts

SEGMENT_BYTES = 64 << 20  # a size that copies and opens in seconds on a Pi's card
_ORIGIN = "recorder"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class AuditWriter:
    """Appends to the log in `directory`, which it creates (0700) or continues.

    Opening takes the lock (AuditBusy), sets a torn last line aside, refuses a tail that is not
    intact (AuditBroken) and commits an "open" record. Only the last record is checked here:
    `verify` does the rest. As a context manager, an exception leaves the log without a "close"
    record: no clean end.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, host_id: str, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._directory = Path(directory).absolute()
        self._segment_bytes = segment_bytes
        self._pending: dict[int, bytes] = {}  # line of each record that is not on disk yet
        self._dirty = False
        self._fd = self._lock_fd = self._directory_fd = -1
        try:
            with disk_errors(f"open the audit log in {self._directory}"):
                self._directory_fd = open_directory(self._directory)
                self._lock_fd = lock(self._directory / LOCK_NAME)
                require_owner(self._directory, host_id)
                self._tail = recover(self._directory, self._directory_fd)
                self._tip = (self._tail.seq, self._tail.hash)
                self._fd = self._open_segment(self._tail.segment)
            self._begin_session(host_id)
        except BaseException:
            self._release()
            raise

    @property
    def head(self) -> tuple[int, str]:
        """(count, hash) of the last record on disk: what a witness may vouch for."""
        return self._tail.seq, self._tail.hash

    @property
    def directory(self) -> Path:
        """Folder of the log."""
        return self._directory

    def sync_directory(self) -> None:
        """Make what was deleted in the folder durable."""
        os.fsync(self._directory_fd)

    @property
    def pending(self) -> int:
        """Number of records that are appended but not committed."""
        return self._tip[0] - self._tail.seq

    def append(
        self,
        kind: str,
        origin: str,
        data: dict[str, Any],
        *,
        mono_ns: int | None = None,
        wall_ns: int | None = None,
    ) -> int:
        """Buffer one record and return its number; AuditRecordError when it does not fit."""
        if kind in RESERVED_KINDS:
            raise AuditRecordError(f"kind {kind!r} belongs to the log itself")
        return self._append(kind, origin, data, mono_ns, wall_ns)

    def retire(self, account: dict[str, Any]) -> int:
        """Buffer the record that a segment is retired and return its number (host.audit.retention)."""
        return self._append(KIND_RETIRED, _ORIGIN, account)

    def commit(self) -> None:
        """Write everything buffered with one write and one fdatasync, or raise AuditWriteError.

        AuditBroken when somebody else changed, moved or removed the open segment meanwhile.
        """
        self._require_open()
        if not self.pending:
            return
        # By number, not the whole dict: after an interrupt (a signal handler that raised) it may
        # still hold lines that are already committed, or one of an append that never returned.
        batch = b"".join(self._pending[seq] for seq in range(self._tail.seq + 1, self._tip[0] + 1))
        with disk_errors(f"write {self._path()}"):
            self._check_segment()
            if self._tail.size and self._tail.size + len(batch) > self._segment_bytes:
                self._rotate()
            self._dirty = True
            try:
                write_at(self._fd, batch, self._tail.size)
                os.fdatasync(self._fd)
            except OSError:
                with suppress(OSError):  # for readers only: the next commit cuts back, or fails
                    os.ftruncate(self._fd, self._tail.size)
                raise
        seq, digest = self._tip
        # One assignment moves the end: whatever interrupts, all of the batch counts or none.
        self._tail = self._tail._replace(size=self._tail.size + len(batch), seq=seq, hash=digest)
        self._dirty = False
        self._pending.clear()

    def close(self) -> None:
        """Commit what is buffered and a "close" record, then let go of the log, also on failure.

        Records that could not be committed are lost: call `commit` until it succeeds to avoid that.
        """
        if self._fd < 0:
            return
        try:
            self._append(KIND_CLOSE, _ORIGIN, {})
            self.commit()
        finally:
            self._release()

    def __enter__(self) -> "AuditWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.commit()
        finally:
            self._release()

    def _append(
        self,
        kind: str,
        origin: str,
        data: dict[str, Any],
        mono_ns: int | None = None,
        wall_ns: int | None = None,
    ) -> int:
        self._require_open()
        seq, prev = self._tip
        seq += 1
        line, digest = seal(
            seq,
            time.time_ns() if wall_ns is None else wall_ns,
            time.monotonic_ns() if mono_ns is None else mono_ns,
            kind,
            origin,
            encode_data(data),
            prev,
        )
        self._pending[seq] = line
        self._tip = (seq, digest)  # after the line, in one assignment: see commit
        return seq

    def _begin_session(self, host_id: str) -> None:
        boot_id = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "unknown"
        self._append(
            KIND_OPEN,
            _ORIGIN,
            {"host_id": host_id, "boot_id": boot_id, "format": FORMAT_VERSION},
        )
        with disk_errors(f"open the audit log in {self._directory}"):
            parts = unreported_parts(self._directory)
        for _, data in parts:
            self._append(KIND_TORN, _ORIGIN, data)
        self.commit()
        with disk_errors(f"rename torn parts in {self._directory}"):
            for path, _ in parts:
                mark_reported(path)
            os.fsync(self._directory_fd)

    def _path(self) -> Path:
        return self._directory / segment_name(self._tail.segment)

    def _open_segment(self, number: int) -> int:
        fd = os.open(self._directory / segment_name(number), OPEN_FLAGS, 0o600)
        try:
            os.fsync(self._directory_fd)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _check_segment(self) -> None:
        """Cut off what a failed commit left; AuditBroken when anybody else touched the file."""
        if self._dirty:
            os.ftruncate(self._fd, self._tail.size)
            os.fsync(self._fd)
            self._dirty = False
        ours = os.fstat(self._fd)
        try:
            named = self._path().lstat()
        except FileNotFoundError as error:
            raise AuditBroken(f"{self._path()}: removed while it was open") from error
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            raise AuditBroken(f"{self._path()}: replaced while it was open")
        if ours.st_size != self._tail.size:
            raise AuditBroken(
                f"{self._path()}: {ours.st_size} bytes where {self._tail.size} were written"
            )

    def _rotate(self) -> None:
        """Go on in the next segment; the old one is whole and synced, as after every commit."""
        number = self._tail.segment + 1
        fd = self._open_segment(number)
        if os.fstat(fd).st_size:
            os.close(fd)
            raise AuditBroken(f"{self._directory / segment_name(number)}: not ours, and not empty")
        old, self._fd = self._fd, fd
        self._tail = self._tail._replace(segment=number, size=0)
        os.close(old)

    def _require_open(self) -> None:
        if self._fd < 0:
            raise AuditWriteError(f"{self._directory}: the audit log is closed")

    def _release(self) -> None:
        fds = (self._fd, self._directory_fd, self._lock_fd)  # the lock goes last
        self._fd = self._directory_fd = self._lock_fd = -1
        for fd in fds:
            if fd >= 0:
                with suppress(OSError):  # everything that counts was synced by commit
                    os.close(fd)
