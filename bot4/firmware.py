"""Commands of the firmware."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.audit import read_witness_key
from bot4.errors import BadInput, require
from bot4.host import DEFAULT_RUN_DIR

app = typer.Typer(help="The firmware of the Pico: build, flash, provision, attest.")

Profile = Annotated[str, typer.Option(help="production or bench.")]
Port = Annotated[str, typer.Option(help="Serial port of the Pico, by the service jumper.")]
LINK_KEY = Path("~/.config/bot4/link.key")


@app.callback()
def firmware() -> None:
    """The firmware of the Pico: build, flash, provision, attest."""


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


@app.command()
def attest(
    witness_key: Annotated[Path, typer.Option(help="The auditor's key.")],
    run_dir: Annotated[
        Path, typer.Option(help="Where the guard's socket lives.")
    ] = DEFAULT_RUN_DIR,
    profile: Profile = "production",
    folder: Annotated[Path | None, typer.Option(help="Build that must be on the board.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Ask the controller, through the running host, what it runs; exit 1 when that is not as wanted."""
    import msgspec

    from controller import mac, times, witness
    from host.guard.client import GuardClient, GuardUnreachable

    require(profile in times.PROFILES, f"--profile {profile}: it is production or bench")
    key = mac.Mac(read_witness_key(witness_key))
    wanted = build_digest(folder) if folder else None
    nonce = os.urandom(16)
    try:
        told = GuardClient(run_dir.expanduser()).request(op="attest", nonce=nonce.hex())
    except (GuardUnreachable, ValueError) as error:
        raise BadInput(str(error)) from None
    firmware_digest, configuration = (
        bytes.fromhex(told["firmware"]),
        bytes.fromhex(told["configuration"]),
    )
    signed = witness.attestation_mac(key, nonce, told["epoch"], firmware_digest, configuration)
    checks = {
        "mac": mac.same(signed, bytes.fromhex(told["mac"])),
        "configuration": configuration == witness.configuration(times.Times(profile)),
        "firmware": wanted is None or firmware_digest.hex() == wanted,
    }
    good = all(checks.values())
    facts = {
        "attested": good,
        "checks": checks,
        "compared": wanted is not None,
        "profile": profile,
        "epoch": told["epoch"],
        "firmware": told["firmware"],
    }
    if as_json:
        print(msgspec.json.encode(facts).decode())
    else:
        wrong = ", ".join(name for name, holds in checks.items() if not holds)
        print(f"{'attested' if good else 'NOT attested: ' + wrong}; epoch {told['epoch']}")
        print(f"firmware {told['firmware']}{'' if wanted else ' (not compared: no --folder)'}")
    return 0 if good else 1


def build_digest(folder: Path) -> str:
    """Return the digest of a build, hex. Raises BadInput."""
    from firmware.tools import build as tool

    try:
        return str(tool.read(folder).digest)
    except tool.BuildError as error:
        raise BadInput(str(error)) from None


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
