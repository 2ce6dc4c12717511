"""The machine that the rig runs on: who holds the bench, scheduling, MicroPython, the image."""

import os

from rig import lease
from rig.benchfile import BenchFile
from rig.doctor import Finding
from rig.emulated.errors import EmulatorError
from rig.emulated.needs import require_emulator
from rig.processes import BenchError, fifo_permitted
from rig.virtual.bench import micropython_version


def findings(bench: BenchFile) -> list[Finding]:
    """Return what this machine has for the bench."""
    found = [_lease()]
    if bench.controller.kind != "serial":
        found += [_scheduler(), _cores(), _micropython()]
    if bench.controller.kind == "emulated":
        found.append(_image())
    return found


def _lease() -> Finding:
    try:
        held = lease.read(lease.place())
    except BenchError as error:
        return Finding("lease", "missing", str(error))
    if held is None:
        return Finding("lease", "ok", "nobody holds the bench")
    advice = "wait for it: `bot4 bench lease` shows when it expires"
    return Finding("lease", "missing", f"held by {held.told()}", advice)


def _scheduler() -> Finding:
    if fifo_permitted():
        return Finding("scheduler", "ok", "SCHED_FIFO is permitted")
    advice = "allow it: `@realtime - rtprio 60` in /etc/security/limits.d, and log in again"
    return Finding("scheduler", "slower", "SCHED_FIFO is refused to this user", advice)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    if cores > 1:
        return Finding("cores", "ok", f"{cores} to run on")
    advice = "use --layout one_core; the guard can have no core of its own here"
    return Finding("cores", "slower", "one core", advice)


def _micropython() -> Finding:
    try:
        return Finding("micropython", "ok", f"Unix port {micropython_version()}")
    except BenchError as error:
        return Finding("micropython", "missing", str(error))


def _image() -> Finding:
    try:
        image = require_emulator()
    except EmulatorError as error:
        advice = (
            "put RPI_PICO.uf2 of MicroPython 1.26.1 at ~/.cache/bot4/, or name it by "
            "BOT4_PICO_IMAGE"
        )
        return Finding("image", "missing", str(error), advice)
    return Finding("image", "ok", f"MicroPython {image.version}, sha256 {image.sha256[:16]}")
