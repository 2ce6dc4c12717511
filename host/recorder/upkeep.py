"""What the recorder keeps in order beside the log: the mode on disk, and the log's own size."""

import time
from typing import Any

from host import moderecord
from host.audit import AuditBroken, AuditRecordError, AuditWriteError
from host.audit.record import KIND_RECEIPT
from host.audit.retention import Keep, Retention
from host.audit.writer import AuditWriter
from host.moderecord import ModeRecord

# Kinds of the guard that say what the mode is.
MODE_KINDS = ("mode", "guard_started")


class Upkeep:
    """Sees every record that is appended; acts after the commit."""

    def __init__(self, writer: AuditWriter, host_id: str, keep: Keep) -> None:
        self._writer = writer
        self._host_id = host_id
        self._path = moderecord.beside(writer.directory)
        self._retention = Retention(writer, keep)
        self._vouched = 0
        self._unsaved: dict[str, Any] | None = None

    def recorded(
        self, origin: str, kind: str, data: dict[str, Any], shown: tuple[int, str] | None
    ) -> None:
        """Take note of a record. shown -- the (count, head) that waits for a receipt, or None"""
        if origin != "guard":
            return
        if kind in MODE_KINDS:
            self._unsaved = data
        elif kind == KIND_RECEIPT and shown == (data["count"], data["head"]):
            self._vouched = data["count"]

    def save_mode(self) -> None:
        """Put the last mode that was committed on disk. Raises AuditWriteError; call again then."""
        if self._unsaved is None:
            return
        mode, reason, epoch = (self._unsaved[key] for key in ("mode", "reason", "epoch"))
        try:
            record = ModeRecord(1, self._host_id, mode, reason, epoch, time.time_ns())
            moderecord.save(self._path, record)
        except OSError as error:
            raise AuditWriteError(f"cannot write {self._path}: {error.strerror}") from error
        self._unsaved = None

    def retire(self) -> str | None:
        """Retire the oldest segment when it is due; return an alert's text when that failed."""
        try:
            self._retention.tick(self._vouched, time.time_ns(), time.monotonic_ns())
        except (AuditWriteError, AuditBroken, AuditRecordError) as error:
            return str(error)
        return None
