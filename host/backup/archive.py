"""The archive: a gzipped tar of plain files, and last a manifest with the digest of each.

The digests find what time, disks and copying do. Who alters an archive on purpose can alter the
manifest too: against that stand the archive's own digest, kept elsewhere, and the witness's receipts.
"""

import contextlib
import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec

from host.backup import BackupError

FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 64 << 20
PART_BYTES = 1 << 20
# Without name and time, so that no byte of an archive can change unseen.
GZIP_LEVEL, GZIP_HEADER = 6, bytes.fromhex("1f8b08000000000000ff")
# What a damaged archive makes tarfile and zlib raise.
DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError)

Size = Annotated[int, msgspec.Meta(ge=0)]


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the archive."""

    name: str
    bytes: Size
    sha256: str


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log in it: number and hash of its last record, and what `verify` said of it."""

    records: Size
    head: str
    verified: bool
    reason: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last file of the archive."""

    format: int
    version: str
    host: str
    made_ns: int
    log: Log | None
    files: list[Member]


class Writer:
    """Writes an archive that is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_name(f"{path.name}.new")
        fd = os.open(self._fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(fd, "w+b")
        self._gzip = gzip.GzipFile("", "wb", GZIP_LEVEL, self._file, mtime=0)
        self._tar = tarfile.TarFile.open(  # noqa: SIM115  (open for as long as this is)
            fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT
        )
        self.members: list[Member] = []

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """Add `size` bytes of a file. Raises OSError when there are fewer."""
        digest = hashlib.sha256()
        self._tar.addfile(_info(name, size), _Hashed(content, digest.update))
        self.members.append(Member(name, size, digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest and put the archive in its place, durably."""
        content = msgspec.json.format(msgspec.json.encode(manifest))
        self._tar.addfile(_info(MANIFEST, len(content)), io.BytesIO(content))
        self._tar.close()
        self._gzip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._fresh.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def give_up(self) -> None:
        """Leave nothing behind of one that is not finished."""
        with contextlib.suppress(OSError, ValueError, tarfile.TarError):
            self._tar.close()
            self._gzip.close()
        self._file.close()
        self._fresh.unlink(missing_ok=True)


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes], update: Callable[[bytes], None]) -> None:
        self._file, self._update = file, update

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        self._update(part)
        return part


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def read(path: Path, take: Callable[[str, Iterable[bytes]], Any]) -> Manifest:
    """Read an archive to its end; take(name, parts) is given each file before it is known to be good.

    Raises BackupError for anything that is not as it was written.
    """
    found: list[Member] = []
    manifest = None
    try:
        for name, content in _files(path):
            if manifest is not None:
                raise BackupError(f"{path}: {name[:60]!r} stands behind the manifest")
            if name == MANIFEST:
                manifest = _manifest(path, content.read(MOST_MANIFEST_BYTES))
                continue
            digest = hashlib.sha256()
            parts = _Parts(content, digest.update)
            take(name, parts)
            found.append(Member(name, parts.size, digest.hexdigest()))
    except DAMAGED as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BackupError(f"{path}: cannot be read to its end: {why}") from None
    if manifest is None:
        raise BackupError(f"{path}: no manifest: cut short, or no backup")
    _compare(path, manifest.files, found)
    return manifest


def _files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield (name, content) of the files; the checksum of all is compared at the end."""
    with path.open("rb") as file:
        if file.read(len(GZIP_HEADER)) != GZIP_HEADER:
            raise BackupError(f"{path}: no backup")
        file.seek(0)
        with gzip.GzipFile(fileobj=file) as plain:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                for info in tar:
                    content = tar.extractfile(info) if info.isreg() else None
                    if content is None:
                        raise BackupError(f"{path}: {info.name[:60]!r} is no plain file")
                    yield info.name, content
            while plain.read(PART_BYTES):
                pass


class _Parts:
    """The bytes of a file in pieces, hashed and counted on their way."""

    def __init__(self, content: IO[bytes], update: Callable[[bytes], None]) -> None:
        self._content, self._update = content, update
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while part := self._content.read(PART_BYTES):
            self._update(part)
            self.size += len(part)
            yield part


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        form = msgspec.json.decode(content, type=dict).get("format")
        if form != FORMAT:
            raise BackupError(f"{path}: a backup of format {form!r}, this version reads {FORMAT}")
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"{path}: {MANIFEST}: {error}") from None


def _compare(path: Path, wanted: list[Member], found: list[Member]) -> None:
    for expected, real in zip(wanted, found, strict=False):
        if expected != real:
            raise BackupError(f"{path}: {real.name}: not as it was written")
    if len(wanted) != len(found):
        longer = max(wanted, found, key=len)
        name = longer[min(len(wanted), len(found))].name
        raise BackupError(f"{path}: {name}: {'missing' if longer is wanted else 'added'}")
