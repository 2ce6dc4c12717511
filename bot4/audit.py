"""Commands of the audit log."""

from pathlib import Path
from typing import Annotated

import typer

from bot4.errors import BadInput

app = typer.Typer(help="The tamper-evident audit log.")


@app.callback()
def audit() -> None:
    """The tamper-evident audit log."""


@app.command()
def verify(
    directory: Annotated[Path, typer.Argument(help="Folder of the log.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check every record; exit 1 and name the first one that is not as it was written."""
    import msgspec

    from host.audit import AuditInputError
    from host.audit.verify import verify as check

    try:
        report = check(directory)
    except AuditInputError as error:
        raise BadInput(str(error)) from None
    if as_json:
        print(msgspec.json.encode(report).decode())
    elif report.verified:
        end = "closed in order" if report.clean_end else "not closed: still written, or cut off"
        print(f"verified: {report.records} records, {end}")
    else:
        print(f"NOT verified: {report.reason}")
    return 0 if report.verified else 1
