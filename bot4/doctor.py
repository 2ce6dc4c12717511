"""`bot4 doctor`: what this machine gives to the halt path."""

import dataclasses
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot4.errors import BadInput
from bot4.firmware import build_digest
from bot4.host import DEFAULT_RUN_DIR, AsJson, RunDir

if TYPE_CHECKING:
    from host.config import Host
    from host.doctor import Place

COLUMNS = 80
MARKS = {"ok": "ok", "warn": "warn", "missing": "MISSING"}
NAME_WIDE, MARK_WIDE = 17, 8


def doctor(
    config: Annotated[Path | None, typer.Option(help="Configuration of the host.")] = None,
    serial: Annotated[str | None, typer.Option(help="Serial port of the controller.")] = None,
    audit_dir: Annotated[Path | None, typer.Option(help="Folder of the audit log.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    firmware: Annotated[
        Path | None, typer.Option(help="Build that must be on the controller.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Say what this machine gives to the halt path; exit 1 when something trading needs is missing."""
    import msgspec

    from host.config import DEFAULT, ConfigError, load
    from host.doctor import TABLE, examine

    try:
        wanted = load((config or DEFAULT).expanduser()).host
    except ConfigError as error:
        raise BadInput(str(error)) from None
    place = place_of(wanted, config, audit_dir, run_dir, serial)
    if firmware:
        place = dataclasses.replace(place, firmware=build_digest(firmware))
    findings = examine(TABLE, place)
    absent = sum(finding.status == "missing" for finding in findings)
    warned = sum(finding.status == "warn" for finding in findings)
    if as_json:
        print(msgspec.json.encode({"findings": findings, "ready": not absent}).decode())
    else:
        for finding in findings:
            print(_shown(finding.name, finding.status, finding.found, finding.todo))
        print(f"\n{len(findings)} findings: {absent} missing, {warned} to improve")
    return 1 if absent else 0


def place_of(
    wanted: "Host",
    config: Path | None,
    audit_dir: Path | None,
    run_dir: Path,
    serial: str | None = None,
) -> "Place":
    """Return where to look, by configuration and options."""
    from host.doctor import Place

    return Place(
        audit_dir=(audit_dir or Path(wanted.audit_dir)).expanduser(),
        run_dir=run_dir.expanduser(),
        serial=serial or wanted.serial,
        pins=wanted.pins,
        link_key=Path(wanted.link_key).expanduser(),
        config=config.expanduser() if config else None,
    )


def _shown(name: str, status: str, found: str, todo: str) -> str:
    """One finding in 80 columns: what was found, and below it what to do."""
    indent = " " * (NAME_WIDE + MARK_WIDE)
    first = f"{name:{NAME_WIDE}}{MARKS[status]:{MARK_WIDE}}"
    text = _filled(found, first, indent)
    if todo:
        text += "\n" + _filled(todo, f"{indent}-> ", f"{indent}   ")
    return text


def _filled(text: str, first: str, others: str) -> str:
    return textwrap.fill(
        text, COLUMNS, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )
