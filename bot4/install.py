"""`bot4 install`: what systemd needs to start the host and its dashboard; starts nothing."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

import controller
from bot4.errors import BadInput, require

DEPLOY = Path(controller.__file__).resolve().parent.parent / "deploy"
# What the units name; the program's own place is put in its stead.
PROGRAM = "/opt/bot4/bin/bot4"
# ProtectHome= hides these from the services.
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
STEPS = """\
systemd-sysusers && systemd-tmpfiles --create bot4.conf
udevadm control --reload && udevadm trigger --subsystem-match=gpio --subsystem-match=tty
bot4 firmware provision --port PORT --link-key /etc/bot4/link.key
systemd-tmpfiles --create bot4.conf      # once more: the key becomes the host's
systemctl daemon-reload && systemctl enable --now bot4 bot4-dashboard
bot4 doctor --config /etc/bot4/bot4.toml --run-dir /run/bot4"""


class File(NamedTuple):
    """One file: below deploy/, below the root, and whether the owner's version stays."""

    source: str
    target: str
    keep: bool = False


FILES = (
    File("systemd/bot4.service", "usr/local/lib/systemd/system/bot4.service"),
    File("systemd/bot4-dashboard.service", "usr/local/lib/systemd/system/bot4-dashboard.service"),
    File("sysusers/bot4.conf", "usr/local/lib/sysusers.d/bot4.conf"),
    File("tmpfiles/bot4.conf", "usr/local/lib/tmpfiles.d/bot4.conf"),
    File("udev/60-bot4.rules", "usr/local/lib/udev/rules.d/60-bot4.rules"),
    File("bot4.toml", "etc/bot4/bot4.toml", keep=True),
)


def install(
    root: Annotated[Path, typer.Option(help="Install below this folder.")] = Path("/"),
    program: Annotated[
        Path | None, typer.Option(help="What the units start; else this very command.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> int:
    """Write systemd units, users, folders, device rules and, once, a configuration."""
    started = program or Path(sys.executable).with_name("bot4")
    require(started.is_absolute(), f"--program {started}: an absolute path")
    require(
        re.fullmatch(r"[A-Za-z0-9_./+-]+", str(started)) is not None,
        f"{started}: a unit takes no such characters in a path",
    )
    require(
        not any(started.is_relative_to(place) for place in HIDDEN),
        f"{started}: services may not see it there; install into /opt/bot4, "
        "or give --program (docs/operations.md)",
    )
    root = root.expanduser().absolute()
    require(root != Path("/") or dry_run or os.geteuid() == 0, "as root, or with --root FOLDER")
    try:
        for file in FILES:
            print(f"{_put(file, root, content(file, started), dry_run):9} {root / file.target}")
    except OSError as error:
        raise BadInput(f"{error.filename or root}: {error.strerror}") from None
    print(f"\nNothing was started. Then, as root:\n\n{STEPS}")
    return 0


def content(file: File, program: Path) -> str:
    """Return what a file is to hold."""
    text = (DEPLOY / file.source).read_text(encoding="utf-8").replace(PROGRAM, str(program))
    if file.keep:
        from host.config import DEFAULT

        defaults = DEFAULT.read_text(encoding="utf-8")
        text += defaults[defaults.index("\n[") + 1 :]
    return text


def _put(file: File, root: Path, text: str, dry_run: bool) -> str:
    """Write one file, whole or not at all; return what was done in a word."""
    target = root / file.target
    there = target.read_text(encoding="utf-8") if target.exists() else None
    if there == text:
        return "same"
    if there is not None and file.keep:
        return "kept"
    if not dry_run:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o640 if file.keep else 0o644)
        fresh.replace(target)
    return "new" if there is None else "changed"
