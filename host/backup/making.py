"""Making a backup. The host may run: the log only grows, and everything else is copied at one moment."""

import hashlib
import io
import os
import sqlite3
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote

from host.audit import AuditInputError, AuditRecordError
from host.audit.record import MAX_LINE_BYTES, parse
from host.audit.verify import verify
from host.backup import BackupError
from host.backup.archive import FORMAT, Log, Manifest, Writer, read
from host.backup.places import AUDIT, ENRICH, JOURNALS, Places
from host.execution import journal

# A journal that is being written is read again until it is seen whole.
TRIES, AGAIN_S = 50, 0.01
CHUNK_BYTES = 1 << 16


class Made(NamedTuple):
    """A backup that was read back: its manifest, bytes, and the digest to keep elsewhere."""

    manifest: Manifest
    size: int
    sha256: str


def make(places: Places, path: Path, host: str) -> Made:
    """Write a backup to `path`, and read it back. Raises BackupError."""
    if path.exists():
        raise BackupError(f"{path}: is there already")
    try:
        writer = Writer(path)
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from None
    try:
        log = _log(places, writer)
        for name, file in places.others():
            content = _content(name, file)
            writer.add(name, io.BytesIO(content), len(content))
        if not writer.members:
            raise BackupError(f"{places.audit_dir}: no log, and no state beside it")
        writer.finish(Manifest(FORMAT, _version(), host, time.time_ns(), log, writer.members))
    except OSError as error:
        raise BackupError(f"{error.filename or path}: {error.strerror or error}") from None
    finally:
        writer.give_up()
    manifest = read(path, _skip)
    with path.open("rb") as made:
        return Made(manifest, path.stat().st_size, hashlib.file_digest(made, "sha256").hexdigest())


def _skip(_name: str, parts: Iterable[bytes]) -> None:
    for _part in parts:
        pass


def _log(places: Places, writer: Writer) -> Log | None:
    """Add the segments up to their last whole record, and say what is true of them."""
    if not places.audit_dir.is_dir():
        return None
    segments = places.segments()
    if not segments:
        return None
    try:
        report = verify(places.audit_dir)
    except AuditInputError as error:
        raise BackupError(str(error)) from None
    end = (0, "")
    for path in segments:
        try:
            with path.open("rb") as file:
                size = _whole(file) if path == segments[-1] else os.fstat(file.fileno()).st_size
                end = _last(file, size) or end
                file.seek(0)
                writer.add(f"{AUDIT}/{path.name}", file, size)
        except FileNotFoundError:
            raise BackupError(f"{path}: was retired meanwhile: try again") from None
    return Log(*end, report.verified, report.reason)


def _whole(file: IO[bytes]) -> int:
    """Return where the last whole line ends: behind it a record may be in the middle of a write."""
    at = file.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - CHUNK_BYTES)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def _last(file: IO[bytes], size: int) -> tuple[int, str] | None:
    """Return (number, hash) of the record that ends at `size`; None where there is none."""
    start = max(0, size - MAX_LINE_BYTES - 1)
    file.seek(start)
    lines = file.read(size - start).splitlines(keepends=True)
    try:
        record = parse(lines[-1])
    except (IndexError, AuditRecordError):
        return None
    return record.seq, record.hash


def _content(name: str, path: Path) -> bytes:
    folder = name.partition("/")[0]
    if folder == JOURNALS:
        return _journal(path)
    return _database(path) if folder == ENRICH else path.read_bytes()


def _journal(path: Path) -> bytes:
    """Return a journal in which nothing is half written; as it is when it stays so."""
    content = b""
    for _try in range(TRIES):
        content = path.read_bytes()
        if not journal.read(content).faults:
            break
        time.sleep(AGAIN_S)
    return content


def _database(path: Path) -> bytes:
    """Return a copy of an SQLite file as of one moment."""
    copy = sqlite3.connect(":memory:")
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        source = sqlite3.connect(uri, uri=True, timeout=5)
        try:
            source.backup(copy)
        finally:
            source.close()
        return copy.serialize()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path}: {error}") from None
    finally:
        copy.close()


def _version() -> str:
    try:
        return version("bot4")
    except PackageNotFoundError:
        return "unknown"
