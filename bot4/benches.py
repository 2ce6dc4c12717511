"""Commands about the bench itself: lease, doctor, wiring, and the summary of a run of the HIL suite."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Bench = Annotated[str, typer.Option(help="virtual, emulated, or a bench file.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `bot4 bench`."""
    for command in (lease, doctor, wiring, summary):
        app.command()(command)


def lease(as_json: AsJson = False) -> int:
    """Show who holds the bench, and until when."""
    import time

    import msgspec

    from rig import lease as leases
    from rig.processes import BenchError

    try:
        held = leases.read(leases.place())
    except BenchError as error:
        raise BadInput(str(error)) from None
    stale = held is not None and held.stale(time.time())
    if as_json:
        facts = msgspec.structs.asdict(held) if held else {}
        facts.pop("token", None)
        _print_json(
            {"held": held is not None and not stale, "stale": stale, "lease": facts or None}
        )
    elif held is None:
        print("free")
    else:
        print(f"{'stale, may be taken over' if stale else 'held'}: {held.told()}")
    return 0


def doctor(bench: Bench = "virtual", as_json: AsJson = False) -> int:
    """Check each part of a bench and say what is missing; exit 1 when it cannot be used."""
    from rig import doctor as doctors

    findings = doctors.examine(bench, _load(bench))
    if as_json:
        _print_json(doctors.as_json(bench, findings))
    else:
        print(doctors.told(findings))
    return 0 if doctors.holds(findings) else 1


def wiring(
    svg: Annotated[Path | None, typer.Option(help="Write the picture to this file.")] = None,
    bench: Annotated[str | None, typer.Option(help="Bench file with other channels.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show every wire, from the wiring table alone."""
    from rig.wiring import rows
    from rig.wiring.picture import picture

    wires = rows.wires(_load(bench).channels if bench else None)
    if svg is not None:
        try:
            svg.write_text(picture(wires))
        except OSError as error:
            raise BadInput(f"--svg {svg}: {error.strerror}") from None
    if as_json:
        _print_json(rows.as_json(wires))
    elif svg is None:
        print(rows.told(wires))
    return 0


def summary(
    junit: Annotated[Path, typer.Argument(help="JUnit file of `pytest hil --junit-xml`.")],
    title: Annotated[str, typer.Option(help="Heading.")] = "Hardware in the loop",
    as_json: AsJson = False,
) -> int:
    """Turn a JUnit file into a Markdown table with its measurements, for a job page."""
    import msgspec

    from rig.junit import JunitError, markdown, read

    try:
        cases = read(junit)
    except JunitError as error:
        raise BadInput(str(error)) from None
    if as_json:
        _print_json({"cases": [msgspec.to_builtins(case) for case in cases]})
    else:
        print(markdown(cases, title))
    return 1 if any(case.outcome == "failed" for case in cases) else 0


def _load(bench: str) -> Any:
    from rig.benchfile import BenchFileError, load

    try:
        return load(bench)
    except BenchFileError as error:
        raise BadInput(str(error)) from None


def _print_json(facts: dict[str, Any]) -> None:
    import msgspec

    print(msgspec.json.encode(facts).decode())
