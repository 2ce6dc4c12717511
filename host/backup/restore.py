"""Restoring: everything is checked first, in folders of its own; then all of it is put in its place.

What is older than the host knows is not believed for more than it says:

    the mode record  stays out: the next start is EMERGENCY(MODE_RECORD), with an epoch above all before
    the budget       what was spent after the backup is nobody's to know: written off at its worst
    the journals     the engine asks the venue for all that came after their last entry
    the log          the witness knows how far it was: what is missing at its end is found by `verify`
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from host import moderecord
from host.audit import AuditInputError
from host.audit.verify import verify
from host.backup import BackupError
from host.backup.archive import Manifest, read
from host.backup.places import AUDIT, ENRICH, LADDER, MODE, Places
from host.engine.emergency.progress import Progress
from host.enrich.account import Refused
from host.enrich.files import LEDGER
from host.enrich.ledger import roll_back
from host.supervisor import StartFailed, lock_run_dir


class Restored(NamedTuple):
    """What was put back, and where; `unfinished` is the reason of a liquidation that goes on."""

    manifest: Manifest
    paths: list[Path]
    unfinished: str


def restore(archive: Path, places: Places, check_only: bool = False) -> Restored:
    """Put a backup's content in its place. Raises BackupError; then nothing was put anywhere.

    check_only -- look at the archive alone: beside a running host, and where all of it is already
    """
    try:
        with contextlib.ExitStack() as stack:
            if not check_only:
                stack.enter_context(lock_run_dir(places.run_dir))
            return _restore(archive, places, check_only)
    except StartFailed as error:
        raise BackupError(f"{error}: end it first") from None
    except OSError as error:
        raise BackupError(f"{error.filename or archive}: {error.strerror or error}") from None


def _restore(archive: Path, places: Places, check_only: bool) -> Restored:
    if not check_only and places.audit_dir.is_dir() and places.segments():
        raise BackupError(f"{places.audit_dir}: holds a log; restoring overwrites nothing")
    with _staging(places, check_only) as staged:
        staged_places = Places(staged / AUDIT, staged / "run", staged / ENRICH)

        def take(name: str, parts: Iterable[bytes]) -> None:
            real, path = places.of(name), staged_places.of(name)
            if real is None or path is None:
                raise BackupError(f"{archive}: {name[:60]!r} does not belong into a backup")
            if real.exists() and name != MODE and not check_only:
                raise BackupError(f"{real}: is there already; restoring overwrites nothing")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())

        manifest = read(archive, take)
        _check_log(archive, manifest, staged_places.audit_dir)
        try:
            roll_back(staged_places.enrich_dir / LEDGER)
        except Refused as error:
            raise BackupError(f"{archive}: {error}") from None
        moderecord.beside(staged_places.audit_dir).unlink(missing_ok=True)
        names = [member.name for member in manifest.files if member.name != MODE]
        moves = [(staged_places.of(name), places.of(name)) for name in names]
        if not check_only:
            _put([(source, target) for source, target in moves if source and target])
        ladder = places if not check_only else staged_places
        path = ladder.of(LADDER)
        reason = Progress(path).unfinished() if path else None
    paths = [target for _source, target in moves if target]
    return Restored(manifest, paths, reason.name if reason else "")


@contextlib.contextmanager
def _staging(places: Places, check_only: bool) -> Iterator[Path]:
    """A folder on the log's own disk, gone afterwards."""
    parent = places.audit_dir.parent
    if check_only:
        parent = next(path for path in (parent, *parent.absolute().parents) if path.is_dir())
    else:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".bot4-restore-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _check_log(archive: Path, manifest: Manifest, folder: Path) -> None:
    """Refuse a log that is another one than was backed up, or broken where it was whole."""
    if manifest.log is None:
        return
    try:
        report = verify(folder, settle_s=0)
    except AuditInputError as error:
        raise BackupError(f"{archive}: {error}") from None
    if manifest.log.verified and not report.verified:
        raise BackupError(f"{archive}: the log in it does not verify: {report.reason}")
    if report.verified and (report.records, report.head) != (
        manifest.log.records,
        manifest.log.head,
    ):
        raise BackupError(f"{archive}: the log in it ends elsewhere than its manifest says")


def _put(moves: list[tuple[Path, Path]]) -> None:
    """Move all files, or none: what was moved is taken back when one cannot be."""
    done: list[Path] = []
    try:
        for source, target in moves:
            if not target.parent.is_dir():
                target.parent.mkdir(mode=0o700, parents=True)
                _give_to_owner(target.parent)
            done.append(target)
            shutil.move(source, target)
            _give_to_owner(target)
        for folder in {target.parent for _source, target in moves}:
            _sync(folder)
    except OSError:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _give_to_owner(path: Path) -> None:
    """Where root restores, what it makes belongs to whom the folder belongs to."""
    if os.geteuid() == 0:
        status = path.parent.stat()
        os.chown(path, status.st_uid, status.st_gid)
