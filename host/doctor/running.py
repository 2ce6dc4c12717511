"""The host that runs here: what its guard was granted, by its own word and by the kernel's."""

import os
import socket
import struct
from pathlib import Path
from typing import Any

from host.doctor.finding import Check, Found, Place, missing, ok, warn
from host.guard.client import GuardClient, GuardUnreachable

GRANTED = {"fifo": "granted", "memory": "locked", "gc": "frozen"}
NOT_RUNNING = "no host runs here"
NONCE = bytes(16).hex()
SCHEDULERS = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}


def told(place: Place) -> tuple[int, dict[str, Any]] | None:
    """Return (process id, status) of the running guard, or None. Raises when it does not answer."""
    try:
        client = GuardClient(place.run_dir)
    except GuardUnreachable:
        return None
    try:
        credentials = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return struct.unpack("3i", credentials)[0], client.request(op="status")
    finally:
        client.close()


def granted(place: Place) -> Found:
    """By the word of the running guard: SCHED_FIFO, locked memory, CPU, frozen collector."""
    found = told(place)
    if found is None:
        return ok(NOT_RUNNING)
    said = found[1]["realtime"]
    fact = ", ".join(f"{name} {said[name]}" for name in ("fifo", "memory", "cpu", "gc"))
    refused = [name for name, wanted in GRANTED.items() if said[name] != wanted]
    pinned = said["cpu"].startswith(("pinned", "not asked"))
    return warn(fact) if refused or not pinned else ok(fact)


def observed(place: Place) -> Found:
    """The same from outside: scheduler, locked memory and CPUs of the guard's process."""
    found = told(place)
    if found is None:
        return ok(NOT_RUNNING)
    pid, status = found
    scheduler = os.sched_getscheduler(pid)
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    locked_kb = int(fields["VmLck"].split()[0])
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(pid))))
    fact = f"pid {pid}: {SCHEDULERS.get(scheduler, scheduler)}, {locked_kb} KiB locked, CPU {cpus}"
    said = status["realtime"]
    fifo_is_so = (said["fifo"] == "granted") == (scheduler == os.SCHED_FIFO)
    if not fifo_is_so or (said["memory"] == "locked") != (locked_kb > 0):
        return warn(f"{fact}; the guard says otherwise")
    return ok(fact)


def controller(place: Place) -> Found:
    """State, and the firmware's digest by its own word (`attest` checks it under a key)."""
    found = told(place)
    if found is None:
        return ok(NOT_RUNNING)
    status = found[1]
    fact = f"{status['controller']}, mode {status['mode']} ({status['reason']})"
    if status["link"].get("mismatch"):
        return warn(f"{fact}; it speaks another protocol: {status['link']['mismatch']}")
    if status["controller"] == "silent":
        return warn(fact)
    return ok(f"{fact}, firmware {firmware(place)[:16]}")


def build(place: Place) -> Found:
    """The controller's word beside the build that it should run (`--firmware FOLDER`)."""
    if not place.firmware:
        return ok("not compared: no --firmware FOLDER")
    if told(place) is None:
        return ok(NOT_RUNNING)
    found = firmware(place)
    if found != place.firmware:
        return missing(f"{found[:16]} runs there, the build is {place.firmware[:16]}")
    return ok(found[:16])


def firmware(place: Place) -> str:
    """Return the digest that the controller tells. Raises GuardUnreachable, ValueError."""
    client = GuardClient(place.run_dir)
    try:
        return str(client.request(op="attest", nonce=NONCE)["firmware"])
    finally:
        client.close()


CHECKS = (
    Check("guard granted", granted, "see the lines above for what was refused, then restart"),
    Check("guard observed", observed, "restart the host; if it stays so, report it"),
    Check("controller", controller, "check power and serial cable; bot4 firmware attest"),
    Check("firmware", build, "bot4 firmware flash, in service mode, then bot4 firmware attest"),
)  # fmt: skip
