"""Commands of the bench."""

from pathlib import Path
from typing import Annotated

import typer

from bot4 import benches
from bot4.analyze import analyze
from bot4.errors import BadInput
from bot4.report import report

app = typer.Typer(help="The bench: measure the halt.")
app.command()(analyze)
benches.register(app)
app.command()(report)

Data = Annotated[str, typer.Option(help="Bars or trades: a file, or sp500.")]
Presses = Annotated[int, typer.Option(help="Kill presses in each layout.")]
Speed = Annotated[float | None, typer.Option(help="Rows a second; default: spread.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the results.")]
Seed = Annotated[int, typer.Option(help="Of the bounce patterns and pauses.")]
Scheduler = Annotated[str, typer.Option(help="auto (SCHED_FIFO if permitted), other.")]
Host = Annotated[str, typer.Option(help="Command line of another host to test.")]
Bench = Annotated[str, typer.Option(help="virtual, emulated, or a bench file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def demo(
    data: Data = "sp500",
    presses: Presses = 20,
    speed: Speed = None,
    out: Out = None,
    seed: Seed = 1,
    scheduler: Scheduler = "auto",
    host: Host = "",
    bench: Bench = "virtual",
    as_json: AsJson = False,
) -> int:
    """The main job: bench up, paper trading on real data, kill presses, report."""
    return _run(as_json, data, presses, speed, out, seed, scheduler, host, bench)


@app.callback()
def group() -> None:
    """The bench: measure the halt."""


@app.command()
def measure(
    presses: Presses = 1000,
    load: Annotated[
        str, typer.Option(help="none, full, or of cpu,gil,disk,memory,network.")
    ] = "none",
    layout: Annotated[str, typer.Option(help="one_core, own_core or both.")] = "one_core",
    data: Data = "sp500",
    speed: Speed = 200.0,
    out: Out = None,
    seed: Seed = 1,
    scheduler: Scheduler = "auto",
    host: Host = "",
    bench: Bench = "virtual",
    as_json: AsJson = False,
) -> int:
    """Many presses, as fast as the box can be re-armed, beside a load; the data are repeated."""
    from rig.load import chosen
    from rig.session import ONE_CORE, OWN_CORE

    try:
        loads = chosen(load)
    except ValueError as error:
        raise BadInput(str(error)) from None
    layouts = (ONE_CORE, OWN_CORE) if layout == "both" else (layout,)
    words = (data, presses, speed, out, seed, scheduler, host, bench)
    return _run(as_json, *words, layouts=layouts, loads=loads, dense=True)


def _run(as_json: bool, *words: object, **further: object) -> int:
    from rig.demo import Demo, run_demo
    from rig.processes import BenchError

    try:
        return run_demo(Demo(*words, **further), as_json)  # type: ignore[arg-type]
    except (BenchError, ValueError) as error:
        raise BadInput(str(error)) from None
