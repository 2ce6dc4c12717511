"""`bot4 bench analyze`: one capture, whatever wrote it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput, require

File = Annotated[Path, typer.Argument(help="Capture: .sr, .vcd, CSV of sigrok or Saleae.")]
Audit = Annotated[Path | None, typer.Option(help="Folder of the host's audit log.")]
Limit = Annotated[float, typer.Option(help="Switch to ACK, us.")]
Lines = Annotated[str, typer.Option(help="Lines on the channels, in order, by comma.")]
Rate = Annotated[str, typer.Option(help="Sample rate the file does not name: 24 MHz.")]
Edges = Annotated[bool, typer.Option("--edges", help="With --json: every edge, ns.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def analyze(
    file: File,
    audit: Audit = None,
    limit_us: Limit = 1000.0,
    lines: Lines = "",
    rate: Rate = "",
    edges: Edges = False,
    as_json: AsJson = False,
) -> int:
    """Edges, presses, bounces, messages of one capture; exit 1 when it is no proof of the limit."""
    import msgspec

    from rig.capture import CaptureError, read_capture
    from rig.capture.grid import parse_rate
    from rig.decode.analysis import analyse
    from rig.latency import PASS

    require(as_json or not edges, "--edges goes with --json")
    named = tuple(name.strip() for name in lines.split(",")) if lines else None
    try:
        rate_hz = parse_rate(rate) if rate else None
        capture = read_capture(file, lines=named, rate_hz=rate_hz)
    except CaptureError as error:
        raise BadInput(str(error)) from None
    try:
        found = analyse(capture, limit_us=limit_us, audit_dir=audit)
    except CaptureError as error:
        raise BadInput(f"{file}: {error}") from None
    found = {"file": str(file), **found}
    if edges:
        found["edges_ns"] = {line: times.tolist() for line, times in capture.edges.items()}
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found)
    return 0 if found["verdict"] == PASS else 1


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    out = Console(highlight=False)
    span_s = (found["end_ns"] - found["start_ns"]) / 1e9
    rate = f"{found['rate_hz']:,} Hz" if found["rate_hz"] else "each edge stamped by itself"
    out.print(f"{found['bench']}, {span_s:.3f} s, {rate}")
    table = Table("line", "starts", "edges", "shortest us", "rejected", box=None)
    for line, told in found["lines"].items():
        cells = (told["initial"], told["edges"], _number(told["shortest_us"]), told["rejected"])
        table.add_row(line, *(str(cell) for cell in cells))
    out.print(table)
    for line in (_reference(found["reference"]), *_contacts(found), *_serial(found)):
        out.print(line)
    if found["latency_us"]["switch_to_ack"]["n"]:
        table = Table("us", "p50", "p99", "p99.9", "max", "n", box=None)
        for stage, figures in found["latency_us"].items():
            row = (_number(figures[name]) for name in ("p50", "p99", "p999", "max"))
            table.add_row(stage.replace("_", " "), *row, str(figures["n"]))
        out.print(table)
    halts = len(found["halts_without_press"])
    out.print(f"{len(found['presses'])} presses; HALT fell {halts} times without one")
    for reason in found["reasons"]:
        out.print(f"- {reason}", markup=False)
    out.print(f"verdict: {found['verdict']}")


def _reference(reference: dict[str, Any] | None) -> str:
    if reference is None:
        return "lamp test: not in this capture, so nothing bounds the analyser's clock error"
    widths = ", ".join(f"{width / 1000:.3f}" for width in reference["widths_us"].values())
    return f"lamp test: {widths} ms; clock error below {reference['clock_error_ppm']:.0f} ppm"


def _contacts(found: dict[str, Any]) -> list[str]:
    return [
        f"{line}: {told['moves']} moves, {told['glitches']} glitches, at most {told['most_edges']} "
        f"edges in {_number(told['longest_us'])} us"
        for line, told in found["contacts"].items()
    ]


def _serial(found: dict[str, Any]) -> list[str]:
    serial, audit = found["serial"], found["audit"]
    if not serial["decoded"]:
        return [f"serial: not decoded: {serial['why']}"]
    counts = ", ".join(f"{count} {name}" for name, count in serial["messages"].items())
    bad = f"{serial['framing_errors']} framing errors, {serial['noise']} frames of noise"
    told = [
        f"serial: {serial['bytes']} bytes, {bad}, {serial['lost']} messages lost; MAC "
        f"{serial['mac']}",
        f"messages: {counts or 'none'}",
    ]
    if audit is not None:
        odd = len(audit["unrecorded"]) + len(audit["unsent"])
        told.append(f"audit log: {audit['matched']} messages found in it, {odd} that differ")
    return told


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"
