"""Commands of the host: run, halt, status."""

import contextlib
import os
import platform
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot4 import asking, exchanges
from bot4.asking import default_run_dir
from bot4.errors import BadInput, require

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


DEFAULT_RUN_DIR = default_run_dir()
# Not looked at by typer: the dashboard begins as a root that may not read it (docs/operations.md).
RunDir = Annotated[Path, typer.Option(help="Where the guard's socket lives.", readable=False)]


def run(
    venue: Annotated[
        Path | None, typer.Option(help="Socket of the paper venue that is traded at.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Configuration; options here go before it.")
    ] = None,
    serial: Annotated[str | None, typer.Option(help="Serial port of the controller.")] = None,
    pins: Annotated[str | None, typer.Option(help="gpiozero pin factory, by name.")] = None,
    link_key: Annotated[Path | None, typer.Option(help="Key shared with the controller.")] = None,
    profile: Annotated[str | None, typer.Option(help="Times: production or bench.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    audit_dir: Annotated[Path | None, typer.Option(help="Folder of the audit log.")] = None,
    guard_cpu: Annotated[int | None, typer.Option(help="Core of the guard alone.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Of the guard: fifo or other.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Real money, if `bot4 ready`.")] = False,
) -> int:
    """Trade until told to stop. Nothing is traded before the controller is armed by hand.

    On paper, at the test servers of exchanges, and with --live at one exchange for real money.
    """
    from bot4.enrich import need_packages
    from controller.times import PROFILES
    from host.config import DEFAULT, ConfigError, load
    from host.supervisor import Plan, StartFailed, Supervisor

    file = (config or DEFAULT).expanduser().absolute()
    try:
        wanted = load(file)
    except ConfigError as error:
        raise BadInput(str(error)) from None
    require(
        not (live and venue), "--venue: a paper venue's socket; --live trades where --config says"
    )
    run_dir = run_dir.expanduser()
    try:
        wanted.venues(str(venue or ""))
    except ConfigError as error:
        also = "" if venue else ", and no --venue is given"
        # A host that is not ready is told so first, whatever else is wrong.
        require(live, f"{file}: {error}{also}")
    connectors = exchanges.connected(wanted, live)
    if wanted.enrichment.enabled:
        need_packages()
    profile = profile or wanted.host.profile
    scheduler = scheduler or wanted.host.scheduler
    require(profile in PROFILES, f"--profile {profile}: it is production or bench")
    require(scheduler in ("fifo", "other"), f"--scheduler {scheduler}: it is fifo or other")
    require(venue is None or venue.is_socket(), f"--venue {venue}: no venue listens there")
    if wanted.model.file:
        check_model(Path(wanted.model.file).expanduser())
    cpus = os.sched_getaffinity(0)
    require(
        guard_cpu is None or guard_cpu in cpus,
        f"--guard-cpu {guard_cpu}: this host may run on {sorted(cpus)}",
    )
    plan = Plan(
        run_dir=run_dir,
        audit_dir=(audit_dir or Path(wanted.host.audit_dir)).expanduser(),
        venue=str(venue or ""),
        serial=serial or wanted.host.serial,
        pins=pins or wanted.host.pins,
        link_key=(link_key or Path(wanted.host.link_key)).expanduser(),
        profile=profile,
        host_id=platform.node() or "unnamed",
        config=file,
        on_kill=wanted.emergency.on_kill,
        second_failure_s=wanted.supervisor.second_failure_s,
        guard_cpu=guard_cpu,
        fifo=scheduler == "fifo",
        enrich=wanted.enrichment.enabled,
        connectors=connectors,
        strategy=wanted.strategy.id,
        instrument=wanted.strategy.instrument,
        enrich_secrets=(wanted.enrichment.key_env,),
    )
    if live:
        permit = exchanges.permit(plan, wanted)
        if permit is None:
            return 1
        plan = replace(plan, permit=permit)
    try:
        supervisor = Supervisor(plan, _say)
    except (StartFailed, OSError) as error:
        raise BadInput(str(error)) from None
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    return supervisor.run()


def check_model(file: Path) -> None:
    """Refuse a model that is not what its card says, before anything is started."""
    from host.engine.strategy import MODEL_FEATURES
    from host.inference.card import ModelRefused, check

    try:
        check(file, MODEL_FEATURES)
    except ModelRefused as error:
        raise BadInput(str(error)) from None


def _say(line: str) -> None:
    """Tell whoever started the host; a full disk behind stderr must not end what it runs."""
    with contextlib.suppress(OSError):
        print(f"bot4: {line}", file=sys.stderr, flush=True)


def halt(
    reason: Annotated[str, typer.Argument(help="Why; kept in the audit log.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> int:
    """Step down to EMERGENCY at once. There is no command for going up."""
    return asking.halt(reason, run_dir)


def status(run_dir: RunDir = DEFAULT_RUN_DIR, as_json: AsJson = False) -> int:
    """Show mode, lines, controller and orders as the guard sees them."""
    return asking.status(run_dir, as_json)
