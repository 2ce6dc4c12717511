"""Commands of the audit log."""

import contextlib
import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot4.errors import BadInput, require

KEY_BYTES = 32

app = typer.Typer(help="The tamper-evident audit log.")

Directory = Annotated[Path, typer.Argument(help="Folder of the log.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def verify(
    directory: Directory,
    witness_key: Annotated[Path | None, typer.Option(help="The auditor's key, 32 bytes.")] = None,
    as_json: AsJson = False,
) -> int:
    """Check every record; exit 1 and name the first one that is not as it was written."""
    import msgspec

    from host.audit import AuditInputError
    from host.audit.verify import verify as check

    try:
        report = check(
            directory, witness_key=read_witness_key(witness_key) if witness_key else None
        )
    except AuditInputError as error:
        raise BadInput(str(error)) from None
    if as_json:
        print(msgspec.json.encode(report).decode())
    elif report.verified:
        end = "closed in order" if report.clean_end else "not closed: still written, or cut off"
        print(f"verified: {report.records} records, {end}")
        if report.retired:
            print(f"the first {report.retired} of them are gone: retired, on record")
        made = "made by the witness" if report.receipts_checked else "not checked: no witness key"
        print(f"{report.receipts} receipts ({made}), up to record {report.receipts_to}")
        print(f"{report.unvouched} records after it are vouched for by nobody")
    else:
        print(f"NOT verified: {report.reason}")
    return 0 if report.verified else 1


def read_witness_key(file: Path) -> bytes:
    """Read the auditor's key: 32 bytes, or their 64 hexadecimal digits as `provision` shows them."""
    try:
        key = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    if len(key) != KEY_BYTES:
        with contextlib.suppress(ValueError):
            key = bytes.fromhex(key.decode("ascii", "replace"))
    require(
        len(key) == KEY_BYTES, f"{file}: a witness key has {KEY_BYTES} bytes, or as many in hex"
    )
    return key


@app.command()
def tail(
    directory: Directory,
    count: Annotated[int, typer.Option("-n", help="How many records.")] = 20,
    as_json: AsJson = False,
) -> int:
    """Show the last records; nothing is verified."""
    import msgspec

    from host.audit import AuditInputError
    from host.audit.export import tail as last

    require(count > 0, f"-n {count}: a number above 0")
    try:
        found = last(directory, count)
    except AuditInputError as error:
        raise BadInput(str(error)) from None
    for record in found:
        if as_json:
            print(msgspec.json.encode(record).decode())
            continue
        at = datetime.datetime.fromtimestamp(record.wall_ns / 1e9, datetime.UTC)
        data = " ".join(f"{key}={value}" for key, value in record.data.items())
        print(f"{record.seq:>7} {at:%H:%M:%S.%f} {record.origin:9} {record.kind:18} {data}")
    return 0


@app.command()
def export(
    directory: Directory,
    out: Annotated[Path, typer.Argument(help="File to write: .json, .csv or .parquet.")],
) -> int:
    """Write all records in another form; nothing is verified."""
    from host.audit import AuditInputError
    from host.audit.export import export as write

    try:
        count = write(directory, out)
    except AuditInputError as error:
        raise BadInput(str(error)) from None
    print(f"{count} records in {out}")
    return 0
