"""`bot4 support-bundle`: what somebody who helps needs to see, without secrets."""

import os
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from bot4.backup import AuditDir, Config, places
from bot4.errors import BadInput, require
from bot4.host import DEFAULT_RUN_DIR, RunDir

README = """\
Made by `bot4 support-bundle`. In it: versions, kernel, the doctor's findings, numbers and choices of the
configuration, codes of the running host's status, kinds and codes of the log's last records, sizes of
files. Not in it: keys, addresses, names and other text of the configuration; orders, prices, positions;
text from the log, the journal and the environment.
"""


def support_bundle(
    file: Annotated[Path, typer.Argument(help="The zip file to write.")],
    config: Config = None,
    audit_dir: AuditDir = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> int:
    """Collect what helps to find a fault; only what is on a list gets in, so no key does."""
    import msgspec

    from bot4.doctor import place_of
    from host import support
    from host.config import DEFAULT, ConfigError, load
    from host.doctor import TABLE, examine
    from host.guard.client import GuardClient, GuardUnreachable

    out = file.expanduser()
    require(not out.exists(), f"{file}: is there already")
    try:
        wanted = load((config or DEFAULT).expanduser())
    except ConfigError as error:
        raise BadInput(str(error)) from None
    status = None
    try:
        client = GuardClient(run_dir.expanduser())
        status = client.request(op="status")
        client.close()
    except (GuardUnreachable, ValueError):
        pass  # said in the bundle
    where = places(config, audit_dir, run_dir)
    findings = examine(TABLE, place_of(wanted.host, config, audit_dir, run_dir))
    try:
        found = support.bundle(wanted, findings, status, where, os.environ)
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with (
            os.fdopen(fd, "wb") as target,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made,
        ):
            made.writestr("README.txt", README)
            for name, content in found.items():
                made.writestr(name, msgspec.json.format(msgspec.json.encode(content)))
    except OSError as error:
        raise BadInput(f"{error.filename or file}: {error.strerror}") from None
    print(f"{file}: {', '.join(found)}")
    print("look into it before you send it; every file is plain JSON")
    return 0
