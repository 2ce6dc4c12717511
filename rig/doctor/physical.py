"""A physical bench started once: do host, controller, analyser and auditor's key see the same box?"""

import tempfile
import time
from pathlib import Path

from rig.bench import Bench
from rig.benches import open_bench, setup
from rig.benchfile import BenchFile
from rig.capture.model import Capture, CaptureError
from rig.doctor import Finding
from rig.processes import BenchError

ANSWER_S, WATCH_S, LOOK_S = 10.0, 0.5, 0.2
SEEN_BY_BOTH = ("HALT", "ACK")


def findings(name: str, bench: BenchFile, ready: bool) -> list[Finding]:
    """Return what a trial start shows; without all parts there is none, and that is a finding too."""
    found = [_key(bench.controller.witness_key)]
    if not ready:
        return [*found, Finding("controller", "missing", f"{name} was not started: mend the above")]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bot4-doctor-") as folder,
            open_bench(bench, setup(bench, out=Path(folder))) as up,
        ):
            return [*found, _controller(up), _wires(up)]
    except (BenchError, CaptureError) as error:
        return [*found, Finding("controller", "missing", f"the bench does not start: {error}")]


def _key(named: str) -> Finding:
    if not named:
        advice = "copy it to the rig, never to the Pi, and name it as [controller] witness_key"
        return Finding("auditor", "missing", "no witness key: no run could pass", advice)
    if not Path(named).expanduser().is_file():
        return Finding("auditor", "missing", f"{named}: no such file", "mend [controller]")
    return Finding("auditor", "ok", "the witness key is on the rig")


def _controller(up: Bench) -> Finding:
    state, deadline = "silent", time.monotonic() + ANSWER_S
    while state == "silent" and time.monotonic() < deadline:
        state = (up.status() or {}).get("controller", "silent")
        time.sleep(LOOK_S)
    if state == "silent":
        advice = "power, PICO_TX and PI_TX (crossed?), ground, the profile and key of both ends"
        return Finding("controller", "missing", "does not answer the host", advice)
    if up.name != "physical":
        return Finding("controller", "ok", f"{state}; the bench is {up.name}: no hardware")
    return Finding("controller", "ok", f"answers the host: {state}")


def _wires(up: Bench) -> Finding:
    """The host's pins and the analyser's channels read the same lines."""
    up.wires.mark()
    time.sleep(WATCH_S)
    status, seen = up.status() or {}, up.capture()
    told = {line: status.get(line.lower()) for line in SEEN_BY_BOTH}
    differ = [line for line in SEEN_BY_BOTH if told[line] != _level(seen, line)]
    if not differ:
        return Finding("wiring", "ok", "host and analyser agree on HALT and ACK")
    advice = "swapped probes or a broken wire: `bot4 bench wiring`"
    what = ", ".join(
        f"{line} {told[line]} for the host, {_level(seen, line)} on the analyser" for line in differ
    )
    return Finding("wiring", "missing", what, advice)


def _level(seen: Capture, line: str) -> str:
    return "high" if seen.level_at(line, seen.end_ns) else "low"
