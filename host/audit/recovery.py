"""What the writer does before it continues a log: find the last record, set a torn line aside.

A crash can cut the last write at any byte. Whole lines stay, they are intact records; the rest of
the last line moves to `torn-<segment>-<n>.part.new`, then the segment is cut back. The writer
reports each `.new` part in the log and only then drops the suffix, so a crash in between loses
neither the bytes nor the report; at worst a part is kept or reported twice.
"""

import mmap
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from host.audit import AuditBroken, AuditRecordError
from host.audit.disk import write_at
from host.audit.record import (
    KIND_RETIRED,
    MAX_LINE_BYTES,
    SEGMENT_NAME,
    SEGMENT_PREFIX,
    ZERO_HASH,
    Record,
    parse,
    segment_name,
)

_CHUNK_BYTES = 1 << 16
_NEW = ".part.new"


class Tail(NamedTuple):
    """Where the log ends on disk: segment, its size in bytes, last record of the log."""

    segment: int
    size: int
    seq: int
    hash: str


def recover(directory: Path, directory_fd: int) -> Tail:
    """Find the end of the log and set a torn line aside; AuditBroken when it is not ours."""
    first, count = _segment_numbers(directory)
    if count == 0:
        return Tail(1, 0, 0, ZERO_HASH)
    if first > 1:
        _require_retired(directory, range(first, count + 1))
    path = directory / segment_name(count)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(fd).st_size
        whole = _after_last_newline(fd, size)
        last = last_record(fd, path, whole)
        if last is None and count > first:  # crashed between the rotation and the first commit
            last = end_of_full_segment(directory / segment_name(count - 1))
        if whole < size:
            if last is None:
                _require_first_record(fd, path, size)
            _set_aside(directory, directory_fd, fd, count, (whole, size))
        else:
            os.fsync(fd)  # whole lines that a dead writer left in the page cache
    finally:
        os.close(fd)
    return Tail(count, whole, last.seq, last.hash) if last else Tail(count, whole, 0, ZERO_HASH)


def unreported_parts(directory: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The set-aside parts that no record is known to mention yet, each with the data to report."""
    parts = []
    for path in sorted(directory.glob(f"torn-*{_NEW}")):
        content = path.read_bytes()
        parts.append(
            (
                path,
                {
                    "file": path.name.removesuffix(".new"),
                    "bytes": len(content),
                    "sha256": sha256(content).hexdigest(),
                },
            )
        )
    return parts


def mark_reported(path: Path) -> None:
    """Drop the suffix of a part whose record is on disk."""
    path.rename(path.with_suffix(""))


def _segment_numbers(directory: Path) -> tuple[int, int]:
    """(first, last) number; (0, 0) for none; AuditBroken unless they follow each other."""
    names = {path.name for path in directory.glob(f"{SEGMENT_PREFIX}*")}
    odd = sorted(name for name in names if not SEGMENT_NAME.fullmatch(name))
    if odd:
        raise AuditBroken(f"{directory / odd[0]}: not a segment")
    numbers = sorted(int(name[len(SEGMENT_PREFIX) :].partition(".")[0]) for name in names)
    if not numbers:
        return 0, 0
    first = numbers[0]
    expected = [segment_name(number) for number in range(first, first + len(names))]
    missing = sorted(names - set(expected))
    if missing or first == 0:
        raise AuditBroken(f"{directory / (missing or expected)[0]}: an earlier segment is missing")
    return first, numbers[-1]


def _require_retired(directory: Path, present: range) -> None:
    """AuditBroken unless a record says that the segments before `present` were retired."""
    retired = last_retirement(directory, present)
    if retired is None or retired.get("segments") not in (present[0] - 1, present[0]):
        path = directory / segment_name(present[0])
        raise AuditBroken(f"{path}: an earlier segment is missing, and no record retires it")


def last_retirement(directory: Path, present: range) -> dict[str, Any] | None:
    """Data of the newest "retired" record in the segments `present`, or None."""
    for number in reversed(present):
        found = last_of_kind(directory / segment_name(number), KIND_RETIRED)
        if found is not None:
            return found
    return None


def last_of_kind(path: Path, kind: str) -> dict[str, Any] | None:
    """Data of the last whole record of `kind` in a segment, or None; reads backwards."""
    mark = b',"kind":"%b",' % kind.encode()
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.rfind(mark)
            while at >= 0:
                start, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at) + 1
                # The mark may also stand inside the data of another record, or in a torn line.
                with suppress(AuditRecordError):
                    record = parse(content[start:end])
                    if record.kind == kind:
                        return record.data
                at = content.rfind(mark, 0, start)
    return None


def _after_last_newline(fd: int, end: int) -> int:
    """Offset just behind the last newline before `end`; 0 when there is none."""
    while end > 0:
        start = max(0, end - _CHUNK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def last_record(fd: int, path: Path, end: int) -> Record | None:
    """The record whose line ends at `end`; None when the segment holds no whole line."""
    if end == 0:
        return None
    start = _after_last_newline(fd, end - 1)
    if end - start > MAX_LINE_BYTES:
        raise AuditBroken(f"{path}: the last line is longer than any record")
    try:
        return parse(os.pread(fd, end - start, start))
    except AuditRecordError as error:
        raise AuditBroken(f"{path}: the last record is broken: {error}") from error


def end_of_full_segment(path: Path) -> Record:
    """Last record of a segment that was closed by a rotation, so it must end with a whole line."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(fd).st_size
        last = last_record(fd, path, size) if _after_last_newline(fd, size) == size else None
    finally:
        os.close(fd)
    if last is None:
        raise AuditBroken(f"{path}: the segment is cut, though a later one follows")
    return last


def _require_first_record(fd: int, path: Path, size: int) -> None:
    """Refuse a file without one whole record, unless it is the torn beginning of record 1."""
    opening = b'{"seq":1,'
    # Some file systems leave zeros behind the last bytes that reached the disk.
    head = os.pread(fd, len(opening), 0).rstrip(b"\0")
    if head != opening[: len(head)]:
        raise AuditBroken(f"{path}: {size} bytes that are no audit log")


def _set_aside(
    directory: Path, directory_fd: int, fd: int, segment: int, span: tuple[int, int]
) -> None:
    """Copy the bytes of `span` to a new part, durably, and only then cut the segment back."""
    start, end = span
    part = _next_part(directory, segment)
    part_fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for offset in range(start, end, _CHUNK_BYTES):
            chunk = os.pread(fd, min(_CHUNK_BYTES, end - offset), offset)
            write_at(part_fd, chunk, offset - start)
        os.fsync(part_fd)
    except OSError:
        part.unlink()  # a full disk must not collect a piece at every try
        raise
    finally:
        os.close(part_fd)
    os.fsync(directory_fd)
    os.ftruncate(fd, start)
    os.fsync(fd)


def _next_part(directory: Path, segment: int) -> Path:
    """Path of a new part under the next free number of this segment."""
    number = 1
    while any(directory.glob(f"torn-{segment:06d}-{number}.part*")):
        number += 1
    return directory / f"torn-{segment:06d}-{number}{_NEW}"
