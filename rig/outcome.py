"""From what a session left behind to the result: latencies, leaks, audit, verdict, artefacts."""

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from rig import latency
from rig.bench import Bench
from rig.capture.model import Capture, CaptureError
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

CAPTURE_VCD = "capture.vcd"
AUDIT_FACTS = ("records", "reason", "receipts", "receipts_to", "unvouched")


def build(
    bench: Bench, asked: int, seed: int, layouts: list[Layout], ended: Ended
) -> dict[str, Any]:
    """Judge a session and write its artefacts into the bench's folder; return JSON types."""
    out = bench.setup.out
    identity = bench.identity()
    capture = ended.capture
    record = out / "venue.jsonl"
    audit = verify_audit(bench.audit_dir(), bench.witness_key)
    orders, complaints = _orders(record, capture, ended.clocks_differ)
    complaints += ended.fouls
    presses = Presses(bench, capture)
    complaints += presses.complaints
    complaints += [ended.complaint] if ended.complaint else []
    if ended.host_exit != 0:
        complaints.append(f"the host ended with exit code {ended.host_exit}")
    after_ack = None if orders is None else orders.after_ack
    wanted = Asked(asked, after_ack, audit["verified"], bench.setup.limit_us)
    guard = Guard(capture.bench, bench.audit_dir())
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
        "profile": bench.setup.profile,
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


def verify_audit(directory: Path, witness_key: Path | None) -> dict[str, Any]:
    """Run `bot4 audit verify` as the auditor would; what cannot be read is not verified."""
    if witness_key is None:
        reason = "no witness key: name the auditor's as [controller] witness_key of the bench file"
        return {**dict.fromkeys(AUDIT_FACTS), "records": 0, "verified": False, "reason": reason}
    command = [sys.executable, "-m", "bot4", "audit", "verify", str(directory), "--json"]
    command += ["--witness-key", str(witness_key)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    try:
        report = msgspec.json.decode(done.stdout)
    except msgspec.DecodeError:
        report = {"records": 0, "verified": False, "reason": done.stderr.decode().strip()}
    verified = report["verified"] is True and done.returncode == 0
    return {"verified": verified, **{name: report.get(name) for name in AUDIT_FACTS}}


def environment(ended: Ended) -> dict[str, str]:
    """Return what a reader needs to compare this run with another."""
    return {
        **fingerprint(),
        **ended.environment,
    }


def _orders(
    record: Path, capture: Capture, clocks_differ: str
) -> tuple[OrderCount | None, list[str]]:
    if clocks_differ:
        return None, [f"the capture's clock cannot be compared with the host's: {clocks_differ}"]
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
        "capture_vcd": out / CAPTURE_VCD,
        "capture_sr": out / "capture.sr",
        "audit": out / "audit",
        "venue": out / "venue.jsonl",
    }
    write_vcd(capture, files["capture_vcd"])
    write_sr(capture, files["capture_sr"], rate_hz=fitting_rate_hz(capture))
    return {name: str(path) for name, path in files.items()}
