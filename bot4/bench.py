"""Commands of the bench."""

from pathlib import Path
from typing import Annotated

import typer

from bot4.errors import BadInput


def demo(
    data: Annotated[str, typer.Option(help="Bars or trades: a file, or sp500.")] = "sp500",
    presses: Annotated[int, typer.Option(help="Kill presses in each layout.")] = 20,
    speed: Annotated[float | None, typer.Option(help="Rows a second; default: spread.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    seed: Annotated[int, typer.Option(help="Of the bounce patterns and pauses.")] = 1,
    scheduler: Annotated[str, typer.Option(help="auto (SCHED_FIFO if permitted), other.")] = "auto",
    host: Annotated[str, typer.Option(help="Command line of another host to test.")] = "",
    bench: Annotated[str, typer.Option(help="virtual, emulated.")] = "virtual",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """The main job: bench up, paper trading on real data, kill presses, report."""
    from rig.demo import Demo, run_demo
    from rig.processes import BenchError

    try:
        wanted = Demo(data, presses, speed, out, seed, scheduler, host, bench)
        return run_demo(wanted, as_json)
    except (BenchError, ValueError) as error:
        raise BadInput(str(error)) from None
