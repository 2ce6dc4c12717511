"""`bot4 backup` and `bot4 restore`: the record and the state of a host as one file, and back."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot4.errors import BadInput
from bot4.host import DEFAULT_RUN_DIR, AsJson, RunDir

if TYPE_CHECKING:
    from host.backup.places import Places

Config = Annotated[Path | None, typer.Option(help="Configuration of the host.")]
AuditDir = Annotated[Path | None, typer.Option(help="Folder of the audit log.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write (.tar.gz).")],
    config: Config = None,
    audit_dir: AuditDir = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    as_json: AsJson = False,
) -> int:
    """Copy audit log, receipts and state into one file; the host may run. Exit 1: the log is broken."""
    import msgspec

    from host.backup import BackupError
    from host.backup.making import make

    try:
        made = make(places(config, audit_dir, run_dir), file.expanduser(), platform.node())
    except BackupError as error:
        raise BadInput(str(error)) from None
    log = made.manifest.log
    if as_json:
        told = {"file": str(file), "bytes": made.size, "sha256": made.sha256}
        print(msgspec.json.encode(told | {"manifest": made.manifest}).decode())
    else:
        print(f"{len(made.manifest.files)} files, {made.size} bytes in {file}, read back")
        print(f"log: {log.records} records" if log else "log: none")
        print(f"sha256 {made.sha256}")
        print("keep this digest elsewhere: `bot4 restore --sha256` asks for it")
        if log and not log.verified:
            print(f"the log does NOT verify: {log.reason}")
    return 0 if log is None or log.verified else 1


def restore(
    file: Annotated[Path, typer.Argument(help="What `bot4 backup` has written.")],
    config: Config = None,
    audit_dir: AuditDir = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    sha256: Annotated[str, typer.Option(help="Digest that `bot4 backup` has shown.")] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Look at the archive alone, and put nothing anywhere.")
    ] = False,
) -> int:
    """Check a backup and put it back where nothing is yet. Never beside a running host."""
    import hashlib

    from host.backup import BackupError
    from host.backup.restore import restore as put_back

    path = file.expanduser()
    try:
        if sha256:
            with path.open("rb") as archive:
                found = hashlib.file_digest(archive, "sha256").hexdigest()
            if found != sha256.lower():
                raise BadInput(f"{file}: its digest is {found[:16]}..., not the one that was given")
        done = put_back(path, places(config, audit_dir, run_dir), check)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except BackupError as error:
        raise BadInput(str(error)) from None
    log = done.manifest.log
    if check:
        print(
            f"good: {len(done.paths)} files of {done.manifest.host}, {log.records if log else 0} records"
        )
        return 0
    for target in done.paths:
        print(target)
    print(f"restored: {len(done.paths)} files, {log.records if log else 0} records")
    print(
        "the host will begin in EMERGENCY; what the log lacks since the backup, the witness knows"
    )
    if done.unfinished:
        print(
            f"an unfinished liquidation ({done.unfinished}) is in it: the host will go on with it"
        )
    return 0


def places(config: Path | None, audit_dir: Path | None, run_dir: Path) -> "Places":
    """Return where this host's log and state are. Raises BadInput."""
    from host.backup.places import Places
    from host.config import DEFAULT, ConfigError, load
    from host.enrich.files import state_dir

    try:
        wanted = load((config or DEFAULT).expanduser())
    except ConfigError as error:
        raise BadInput(str(error)) from None
    log = (audit_dir or Path(wanted.host.audit_dir)).expanduser()
    return Places(log, run_dir.expanduser(), state_dir(wanted.enrichment))
