"""Commands of the firmware."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput

app = typer.Typer(help="The firmware of the Pico: build, flash, provision.")

Profile = Annotated[str, typer.Option(help="production or bench.")]
Port = Annotated[str, typer.Option(help="Serial port of the Pico, by the service jumper.")]
LINK_KEY = Path("~/.config/bot4/link.key")


@app.callback()
def firmware() -> None:
    """The firmware of the Pico: build, flash, provision."""


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("build/firmware"),
    profile: Profile = "production",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Compile the firmware to .mpy files with a manifest of their digests."""
    import msgspec

    from firmware.tools import build as tool

    try:
        made = tool.build(profile)
        tool.write(made, out)
    except tool.BuildError as error:
        raise BadInput(str(error)) from None
    facts = {
        "out": str(out),
        "profile": profile,
        "files": len(made.slot) + len(made.loaders),
        "bytes": made.size_bytes,
        "limit_bytes": tool.LIMIT_BYTES,
        "sha256": made.digest,
    }
    if as_json:
        print(msgspec.json.encode(facts).decode())
    else:
        print(f"{facts['files']} files, {made.size_bytes} bytes of {tool.LIMIT_BYTES} in {out}")
        print(f"profile {profile}, sha256 {made.digest}")
    return 0


@app.command()
def flash(
    port: Port,
    folder: Annotated[Path, typer.Option(help="What `build` has made.")] = Path("build/firmware"),
) -> int:
    """Write a build to the Pico; the old firmware stays until the new one verifies."""
    from firmware.tools import build as tool
    from firmware.tools.flash import flash as write

    try:
        made = tool.read(folder)
    except tool.BuildError as error:
        raise BadInput(str(error)) from None
    with _board(port) as board:
        write(board, made, _say)
    return 0


@app.command()
def provision(
    port: Port,
    link_key: Annotated[Path, typer.Option(help="File for the host's key.")] = LINK_KEY,
) -> int:
    """Make new keys: the link key into a file of mode 0600, the witness key shown once."""
    from firmware.tools.provision import provision as give

    path = link_key.expanduser()
    with _board(port) as board:
        witness = give(board, path)
    _say(f"link key: {path}, for the owner alone")
    _say("witness key, for the auditor's own machine; it is not shown again:")
    print(witness)
    return 0


@contextlib.contextmanager
def _board(port: str) -> Iterator[Any]:
    """Connect; whatever goes wrong on the cable is bad input, in one line."""
    if importlib.util.find_spec("mpremote") is None:
        raise BadInput("this needs mpremote: pip install 'bot4[bench]'")
    from firmware.tools.board import BoardError, connect

    try:
        with connect(port) as board:
            yield board
    except BoardError as error:
        raise BadInput(str(error)) from None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
