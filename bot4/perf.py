"""`bot4 perf`: what the hot path costs on this machine."""

import os
import platform
import tempfile
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput
from bot4.host import DEFAULT_RUN_DIR, RunDir


def perf(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    baseline: Annotated[
        Path | None, typer.Option(help="An earlier --json: fail where it was better.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="On the disk that the audit log will be on.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure others' engines too, where installed.")
    ] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> int:
    """Measure the hot path on this machine, which should have nothing else to do."""
    import msgspec

    from host.perf import table
    from host.perf.peers import backtests, beside, show

    place = folder or Path(tempfile.gettempdir())
    if not place.is_dir():
        raise BadInput(f"--folder {place}: no such folder")
    before = None if baseline is None else read_baseline(baseline)
    rows, failed = table.measured({"folder": place, "run_dir": run_dir.expanduser()})
    found = table.table(rows, failed) | {"environment": environment()}
    if peers:
        found["peers"] = beside() + backtests.beside()
    worse = [] if before is None else table.regressions(found, before)
    if worse:
        found["verdict"] = "fail"
    if as_json:
        print(msgspec.json.encode(found | {"regressions": worse}).decode())
    else:
        print(table.show(found))
        if peers:
            print(f"\n{show(found['peers'])}\n")
        for line in worse:
            print(f"regression: {line}")
        said = ", ".join(f"{name} {value}" for name, value in found["environment"].items())
        print(textwrap.fill(said, 79))
        print(f"verdict: {found['verdict']} (a row marked ! does not hold)")
    return 0 if found["verdict"] == "pass" else 1


def read_baseline(file: Path) -> dict[str, Any]:
    """Read an earlier table. Raises BadInput when it is none."""
    import msgspec

    from host.perf import table

    try:
        before = msgspec.json.decode(file.read_bytes())
        table.regressions({"rows": []}, before)
    except OSError as error:
        raise BadInput(f"--baseline {file}: {error.strerror}") from None
    except (ValueError, msgspec.DecodeError) as error:
        raise BadInput(f"--baseline {file}: {error}") from None
    return before


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model\t")):
            cpu = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "load_1m": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "malloc": os.environ.get("LD_PRELOAD") or platform.libc_ver()[0] or "unknown",
    }
