"""`bot4 ready`: the go-live gate, with evidence for each line; what the auditor signs for it."""

import platform
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from bot4.audit import read_witness_key
from bot4.errors import BadInput, require

EVIDENCE = "evidence"
WITNESS_KEY = Path("~/.config/bot4/witness.key")

app = typer.Typer(help="The go-live gate: what must be proven before real money is traded.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def need_cryptography() -> None:
    """Say what to install where signatures cannot be checked."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise BadInput("this needs cryptography: pip install 'bot4[live]'") from None


@app.callback(invoke_without_command=True)
def ready(
    context: typer.Context,
    as_json: AsJson = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="The specification's tasks.")] = False,
    config: Annotated[Path | None, typer.Option(help="Configuration of the host.")] = None,
    audit_dir: Annotated[Path | None, typer.Option(help="Folder of the audit log.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="Folder of signed results.")] = None,
    trust_root: Annotated[Path | None, typer.Option(help="Public key, to try the gate.")] = None,
    witness_key: Annotated[Path | None, typer.Option(help="The auditor's, not on a host.")] = None,
    host: Annotated[str | None, typer.Option(help="Name of the host; default: this one.")] = None,
) -> int:
    """Show every line with its evidence; exit 1 while one is open."""
    if context.invoked_subcommand is not None:
        return 0
    need_cryptography()
    import msgspec

    from bot4.ready_shown import show, show_tasks
    from host.golive.gate import decide
    from host.golive.tasks import table
    from host.golive.trust import PRODUCTION

    key = read_witness_key(witness_key) if witness_key else None
    known = gather(config, audit_dir, evidence, trust_root or PRODUCTION, host, key)
    decision = decide(known)
    if tasks:
        told = table(decision)
        print(msgspec.json.encode(told).decode()) if as_json else show_tasks(told)
        return 0 if all(task["reached"] for task in told["tasks"]) else 1
    if as_json:
        told = msgspec.to_builtins(decision) | {
            "open": [line.line for line in decision.open],
            "digest": decision.digest,
        }
        print(msgspec.json.encode(told).decode())
    else:
        show(decision)
    return 0 if decision.ready else 1


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="The result: JSON, or JUnit XML.")],
    kind: Annotated[str, typer.Option("--as", help="What it is; docs/ready.md lists them.")],
    key: Annotated[Path, typer.Option(help="The auditor's private key, PEM.")],
    host: Annotated[str, typer.Option(help="Name of the host that it is for.")],
    out: Annotated[Path | None, typer.Option(help="Folder; default: beside the file.")] = None,
) -> int:
    """Sign a result as evidence for the gate. For the auditor, on the auditor's own machine."""
    need_cryptography()
    from host.golive.signed import KINDS, SUFFIX, EvidenceError, measured_at, read_result
    from host.golive.signed import sign as make
    from rig.fingerprint import sources

    require(kind in KINDS, f"--as {kind}: one of {', '.join(KINDS)}")
    require(0 < len(host) <= 255, "--host: a name")
    try:
        result = read_result(file, kind)
        measured_ns, now_ns = measured_at(file, result), time.time_ns()
        require(measured_ns <= now_ns, f"{file}: measured in the future; look at the clocks")
    except EvidenceError as error:
        raise BadInput(str(error)) from None
    made = make(kind, result, host, sources(), measured_ns, now_ns, read_private_key(key))
    target = (out or file.parent) / f"{kind}-{file.stem}{SUFFIX}"
    try:
        target.write_bytes(made)
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}") from None
    print(f"{target}: {kind}, for host {host}")
    return 0


def read_private_key(file: Path) -> Any:
    """Read an Ed25519 key that nobody but its owner can read. Raises BadInput."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = file.expanduser()
    try:
        content, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    require(not mode & 0o077, f"{file}: others can read it: chmod 600")
    try:
        found = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(f"{file}: not a private Ed25519 key in PEM without a password") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise BadInput(f"{file}: another kind of key than Ed25519")
    return found


def gather(
    config: Path | None,
    audit_dir: Path | None,
    evidence: Path | None,
    trust_root: Path,
    host: str | None,
    witness_key: bytes | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Gather everything that the gate looks at. Raises BadInput for a configuration that is none.

    overrides -- `profile`, `pins` and `link_key` as `bot4 run` was given them
    """
    from host.config import DEFAULT, ConfigError, load
    from host.golive import evidence as gathering

    try:
        wanted = load((config or DEFAULT).expanduser())
    except ConfigError as error:
        raise BadInput(str(error)) from None
    folder = (audit_dir or Path(wanted.host.audit_dir)).expanduser()
    signed = (evidence or folder.with_name(EVIDENCE)).expanduser()
    machine = look(wanted, folder, host or host_name(), dict(overrides))
    return gathering.gather(time.time_ns(), machine, folder, signed, trust_root, witness_key)


def host_name() -> str:
    """Return the name under which this host keeps its log."""
    return platform.node() or "unnamed"


def look(wanted: Any, audit_dir: Path, host: str, overrides: dict[str, Any]) -> Any:
    """Look at this machine, now."""
    from bot4.perf import environment
    from host.doctor.finding import Check, Place, Status, examine
    from host.doctor.upkeep import clock_synchronised
    from host.golive.evidence import Machine
    from rig.fingerprint import sources

    given = {name: value for name, value in overrides.items() if value}
    link_key = Path(given.get("link_key", wanted.host.link_key)).expanduser()
    pins = given.get("pins", wanted.host.pins)
    place = Place(audit_dir, Path(), wanted.host.serial, pins, link_key)
    (clock,) = examine([Check("clock", clock_synchronised, "")], place)
    secrets = [link_key]
    if wanted.enrichment.enabled:
        secrets.append(Path(wanted.enrichment.key_file).expanduser())
    venues = {venue.name: venue for venue in wanted.venue}
    traded = venues.get(wanted.strategy.venue)
    secrets += [Path(venue.keys).expanduser() for venue in wanted.venue if venue.keys]
    where = environment()
    return Machine(
        host=host,
        software=sources(),
        cpu=where["cpu"],
        kernel=where["kernel"],
        profile=given.get("profile", wanted.host.profile),
        pins=pins,
        venue=wanted.strategy.venue,
        exchange="" if traded is None or traded.url else traded.exchange,
        strategy=wanted.strategy.id,
        clock_fault="" if clock.status == Status.OK else clock.found,
        clock=clock.found,
        key_faults=key_faults(secrets),
        keys=[str(path) for path in secrets],
    )


def key_faults(secrets: list[Path]) -> list[str]:
    """Return what is wrong with files that hold secrets."""
    faults = []
    for path in secrets:
        try:
            status = path.lstat()
        except OSError as error:
            faults.append(f"{path}: {error.strerror}")
            continue
        if not stat.S_ISREG(status.st_mode):
            faults.append(f"{path}: not a plain file")
        elif status.st_mode & 0o077:
            faults.append(
                f"{path}: others can read it (mode {status.st_mode & 0o777:o}): chmod 600"
            )
    witness = WITNESS_KEY.expanduser()
    if witness.exists():
        faults.append(f"{witness}: the witness key is the auditor's, and never on the host")
    return faults
