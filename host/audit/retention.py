"""Retention: the oldest segments go when they are too old or too much, and never in silence.

One segment at a time: a "retired" record is written while the segment is still there, the witness
must have vouched for the segment's last record before, and must vouch for the "retired" record
itself before the file goes. A host whose controller gives no receipts deletes nothing. The newest
segment always stays.
"""

from pathlib import Path
from typing import Any, NamedTuple

from host.audit.disk import disk_errors
from host.audit.record import KIND_RECEIPT, SEGMENT_NAME, Record, parse
from host.audit.recovery import end_of_full_segment, last_of_kind, last_retirement
from host.audit.writer import AuditWriter

DAY_NS = 86_400 * 1_000_000_000
# ns. Between two looks at the folder; one segment goes per look at most.
PERIOD_NS = 10 * 1_000_000_000


class Keep(NamedTuple):
    """How much to keep; zero means without this limit."""

    days: float = 0.0
    size_bytes: int = 0


class Retention:
    """Retires segments of the log that `writer` has open."""

    def __init__(self, writer: AuditWriter, keep: Keep) -> None:
        self._writer = writer
        self._keep = keep
        self._looked_ns = 0
        self._waiting: tuple[Path, int] | None = None  # segment, number of its "retired" record

    def tick(self, vouched: int, wall_ns: int, mono_ns: int) -> bool:
        """Go on; True when a record was appended, which the caller commits.

        vouched -- number of the last record that a receipt of this session vouches for
        Raises AuditWriteError when the disk refuses; the next call tries again.
        """
        if self._waiting is not None:
            self._delete(vouched)
            return False
        if not any(self._keep) or mono_ns - self._looked_ns < PERIOD_NS:
            return False
        self._looked_ns = mono_ns
        with disk_errors(f"look for segments to retire in {self._writer.directory}"):
            due = self._due(vouched, wall_ns)
            if due is None:
                return False
            path, last = due
            self._waiting = path, self._writer.retire(self._account(path, last))
        return True

    def _delete(self, vouched: int) -> None:
        assert self._waiting is not None
        path, seq = self._waiting
        if vouched < seq:
            return
        with disk_errors(f"delete {path}"):
            path.unlink(missing_ok=True)
            self._writer.sync_directory()
        self._waiting = None

    def _due(self, vouched: int, wall_ns: int) -> tuple[Path, Record] | None:
        """The oldest segment and its last record, if it has to go and may."""
        segments = present(self._writer.directory)
        if len(segments) < 2:
            return None
        oldest, following = segments[0], segments[1]
        size = sum(path.stat().st_size for path in segments)
        too_much = self._keep.size_bytes and size > self._keep.size_bytes
        if not too_much and not self._is_old(following, wall_ns):
            return None
        last = end_of_full_segment(oldest)
        return (oldest, last) if last.seq <= vouched else None

    def _is_old(self, following: Path, wall_ns: int) -> bool:
        """True when what begins after a segment is too old already, which a verifier can see too."""
        if not self._keep.days:
            return False
        with following.open("rb") as lines:
            line = lines.readline()
        # A segment that a rotation has just begun holds nothing yet.
        return bool(line) and wall_ns - parse(line).wall_ns > self._keep.days * DAY_NS

    def _account(self, path: Path, last: Record) -> dict[str, Any]:
        """Data of the "retired" record (host.audit.record)."""
        receipt = last_of_kind(path, KIND_RECEIPT)
        if receipt is None:
            numbers = [number_of(segment) for segment in present(self._writer.directory)]
            before = last_retirement(path.parent, range(numbers[0], numbers[-1] + 1))
            receipt = before["receipt"] if before else None
        return {
            "segments": number_of(path),
            "records": last.seq,
            "head": last.hash,
            "receipt": receipt,
            "keep_days": self._keep.days,
            "keep_bytes": self._keep.size_bytes,
        }


def present(directory: Path) -> list[Path]:
    """The segments in the folder, oldest first."""
    found = (path for path in directory.iterdir() if SEGMENT_NAME.fullmatch(path.name))
    return sorted(found, key=number_of)


def number_of(path: Path) -> int:
    """Number of a segment from its name."""
    match = SEGMENT_NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])
