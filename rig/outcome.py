"""From what a session left behind to the result: latencies, leaks, audit, verdict, artefacts."""

import datetime
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from controller import wiring
from rig import latency
from rig.capture.model import LINES, Capture, CaptureError, from_events
from rig.capture.sr import fitting_rate_hz, write_sr
from rig.capture.vcd import write_vcd
from rig.fingerprint import fingerprint
from rig.judged import Asked, Guard, judge
from rig.leaks import OrderCount, RecordError, count_orders
from rig.presses import Presses
from rig.report import files as run_files
from rig.report.table import print_summary
from rig.session import Ended, Layout
from rig.venue import replayed
from rig.virtual import serial_line
from rig.virtual.bench import VirtualBench

# The hub stamps edges; on D7, the serial line, it notes bytes.
STAMPED = tuple(name for name in LINES if name != "PICO_TX")


def build(
    bench: VirtualBench, asked: int, seed: int, layouts: list[Layout], ended: Ended
) -> dict[str, Any]:
    """Judge a session and write its artefacts into the bench's folder; return JSON types."""
    out = bench.setup.out
    identity = bench.identity()
    capture = capture_of(ended, identity["bench"])
    record = out / "venue.jsonl"
    audit = verify_audit(out / "audit", bench.witness_key)
    orders, complaints = _orders(record, capture)
    complaints += ended.fouls
    presses = Presses(bench, capture)
    complaints += presses.complaints
    complaints += [ended.complaint] if ended.complaint else []
    if ended.host_exit != 0:
        complaints.append(f"the host ended with exit code {ended.host_exit}")
    after_ack = None if orders is None else orders.after_ack
    wanted = Asked(asked, after_ack, audit["verified"], bench.setup.limit_us)
    guard = Guard(capture.bench, out / "audit")
    parts = {layout.name: judge(layout, presses, guard, wanted) for layout in layouts}
    judged = {name: told for name, (told, _run) in parts.items()}
    primary = judged[layouts[0].name]
    if orders is not None and 0 in orders.before_each_press:
        complaints.append("a press came before any order: nothing was shown by it")
    failed = [latency.FAIL] if complaints else []
    reasons = [
        f"{name.replace('_', ' ')}: {reason}"
        for name, layout in judged.items()
        for reason in layout["reasons"]
    ] + complaints
    result = {
        **identity,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "data": replayed(record),
        "presses": primary["presses"],
        "latency_us": primary["latency_us"],
        "layouts": judged,
        "noise_floor_us": primary["noise_floor_us"],
        "orders": _order_figures(orders, ended),
        "audit": audit,
        "limit_us": wanted.limit_us,
        "verdict": latency.worst([layout["verdict"] for layout in judged.values()] + failed),
        "reasons": reasons,
        "seed": seed,
        "load": list(ended.loads),
        "fouls": ended.fouls,
        "host_exit": ended.host_exit,
        "guard_stretches": ended.status["stretches"] if ended.status else None,
        "environment": {**environment(ended), **presses.environment},
    }
    if presses.clocks:
        result["clocks"] = presses.clocks
    result["artifacts"] = _artifacts(out, capture)
    run_files.write(out, result, [run for _told, run in parts.values()])
    return result


def show(result: dict[str, Any]) -> None:
    """Print the table for a person."""
    print_summary(result)


def verify_audit(directory: Path, witness_key: Path) -> dict[str, Any]:
    """Run `bot4 audit verify` as the auditor would; what cannot be read is not verified."""
    command = [sys.executable, "-m", "bot4", "audit", "verify", str(directory), "--json"]
    command += ["--witness-key", str(witness_key)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    try:
        report = msgspec.json.decode(done.stdout)
    except msgspec.DecodeError:
        report = {"records": 0, "verified": False, "reason": done.stderr.decode().strip()}
    verified = report["verified"] is True and done.returncode == 0
    told = ("records", "reason", "receipts", "receipts_to", "unvouched")
    return {"verified": verified, **{name: report.get(name) for name in told}}


def environment(ended: Ended) -> dict[str, str]:
    """Return what a reader needs to compare this run with another."""
    return {
        **fingerprint(),
        "scheduler": "SCHED_FIFO" if ended.fifo else "SCHED_OTHER",
        "cpus": ", ".join(str(cpu) for cpu in ended.cpus),
    }


# Bytes on the serial line above which it is left out of a capture: minutes of it make a gigabyte.
MOST_SERIAL_BYTES = 400_000


def capture_of(ended: Ended, bench: str) -> Capture:
    """Return what an analyser would have seen: stamped edges, and D7 made of the noted bytes.

    Of a long run the capture has no D7: whoever wants the messages presses less often.
    """
    kept = {wiring.INDEX[name]: place for place, name in enumerate(STAMPED)}
    events = [(at, kept[line], level) for at, line, level in ended.edges if line in kept]
    span = {"start_ns": ended.start_ns, "end_ns": ended.end_ns}
    stamped = from_events(
        events,
        bench=bench,
        initial={name: ended.initial[name] for name in STAMPED},
        lines=STAMPED,
        **span,
    )
    if sum(len(data) for _at, data in ended.sent) > MOST_SERIAL_BYTES:
        return stamped
    return replace(
        stamped,
        initial={**stamped.initial, "PICO_TX": serial_line.IDLE},
        edges={**stamped.edges, "PICO_TX": serial_line.edges(ended.sent, **span)},
        lines=LINES,
    )


def _orders(record: Path, capture: Capture) -> tuple[OrderCount | None, list[str]]:
    try:
        return count_orders(record, capture), []
    except (RecordError, CaptureError) as error:
        return None, [str(error)]


def _order_figures(orders: OrderCount | None, ended: Ended) -> dict[str, int | None]:
    names = ("sent", "after_ack", "after_ack_cancel", "after_ack_liquidate", "between_halt_and_ack")
    figures = {name: getattr(orders, name) if orders else None for name in names}
    before = orders.before_each_press if orders else None
    figures["presses_without_order"] = None if before is None else before.count(0)
    figures["refused"] = ended.status["orders_refused"] if ended.status else None
    return figures


def _artifacts(out: Path, capture: Capture) -> dict[str, str]:
    """Write the whole capture; return where each file of the run is, or will be."""
    files = {
        **{name: out / file for name, file in run_files.NAMES.items()},
        "capture_vcd": out / "capture.vcd",
        "capture_sr": out / "capture.sr",
        "audit": out / "audit",
        "venue": out / "venue.jsonl",
    }
    write_vcd(capture, files["capture_vcd"])
    write_sr(capture, files["capture_sr"], rate_hz=fitting_rate_hz(capture))
    return {name: str(path) for name, path in files.items()}
