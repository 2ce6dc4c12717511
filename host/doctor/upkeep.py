"""Clock, disk and software."""

import ctypes
import math
import os
import platform
import stat
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from host import moderecord
from host.audit import AuditError, owner
from host.doctor.finding import Check, Found, Place, missing, ok, quoting, warn
from host.modes import Reason

SYNCS, RECORD_BYTES = 60, 350
# ms. A safety record is durable about as late as this; above it a power cut loses more than that.
SLOW_SYNC_MS = 50.0
LEAST_FREE_MB, LOW_FREE_MB = 100, 2_000
MB = 1_000_000
STEADY_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock")
# adjtimex(2): the clock is not synchronised.
TIME_ERROR, STA_UNSYNC = 5, 0x40
# File systems of which every byte is in memory.
IN_MEMORY = ("tmpfs", "ramfs")
PACKAGES = ("bot4", "gpiozero", "gpiod", "msgspec", "pyserial", "typer")
OLDEST_PYTHON = (3, 11)


def clock_source(place: Place) -> Found:
    """The kernel's current_clocksource."""
    source = place.at("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    name = source.read_text().strip()
    return ok(name) if name in STEADY_CLOCKS else warn(f"{name}: slow to read, or not steady")


def clock_synchronised(_place: Place) -> Found:
    """What the kernel says of CLOCK_REALTIME (adjtimex, read only)."""
    words = (ctypes.c_long * 64)()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(words))
    if state < 0:
        raise OSError(f"adjtimex: {os.strerror(ctypes.get_errno())}")
    # struct timex: modes, offset, freq, maxerror (us), esterror (us), status.
    error_ms, status = words[3] / 1e3, ctypes.c_int(words[5]).value
    if state == TIME_ERROR or status & STA_UNSYNC:
        return warn("not synchronised: wall times in the log are only as good as the last setting")
    return ok(f"synchronised, error at most {error_ms:.0f} ms")


def disk(place: Place) -> Found:
    """Writes and fdatasyncs of a record's size in the folder of the log."""
    folder = nearest(place.audit_dir)
    took_ms = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _number in range(SYNCS):
            began_ns = time.monotonic_ns()
            os.write(file.fileno(), bytes(RECORD_BYTES))
            os.fdatasync(file.fileno())
            took_ms.append((time.monotonic_ns() - began_ns) / 1e6)
    took_ms.sort()
    p50, p99 = took_ms[SYNCS // 2], took_ms[math.ceil(0.99 * SYNCS) - 1]
    fact = f"fdatasync p50 {p50:.2f} ms, p99 {p99:.2f} ms in {folder}"
    return ok(fact) if p99 <= SLOW_SYNC_MS else warn(fact)


def space(place: Place) -> Found:
    """statvfs of that folder; a log that cannot be written pauses trading."""
    folder = nearest(place.audit_dir)
    found = os.statvfs(folder)
    free_mb = found.f_bavail * found.f_frsize // MB
    fact = f"{free_mb} MB free in {folder}"
    if free_mb < LEAST_FREE_MB:
        return missing(fact)
    return ok(fact) if free_mb >= LOW_FREE_MB else warn(fact)


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def python(_place: Place) -> Found:
    """The version that runs this."""
    found = platform.python_version()
    short = tuple(int(word) for word in found.split(".")[:2])
    fact = f"{platform.python_implementation()} {found} on {platform.machine()}"
    return ok(fact) if short >= OLDEST_PYTHON else missing(fact)


def packages(_place: Place) -> Found:
    """Bot4 and what it stands on, as installed; nothing is imported."""
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    return missing(f"not installed: {', '.join(absent)}") if absent else ok(", ".join(found))


def compiled_core(_place: Place) -> Found:
    """The gate, loaded; without it there is no trading."""
    try:
        from host.hotpath import gate
    except ImportError as error:
        return missing(str(error))
    return ok(Path(gate.__file__).name)


def run_dir(place: Place) -> Found:
    """The file system of the run directory: a store to the order journal must not wait for a disk."""
    folder = nearest(place.run_dir).resolve()
    kind, mounted = "", Path()
    for line in place.at("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        words = line.split()
        point = Path(words[1].replace("\\040", " "))
        if folder.is_relative_to(point) and len(point.parts) >= len(mounted.parts):
            kind, mounted = words[2], point
    fact = f"{place.run_dir} is on {kind or 'an unknown file system'}"
    return ok(fact) if kind in IN_MEMORY else warn(fact)


def permissions(place: Place) -> Found:
    """Folders of log and run directory are the host's alone; nobody else writes the configuration."""
    for folder in (place.audit_dir, place.run_dir):
        there = nearest(folder)
        if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
            return missing(f"{there}: this user may not write there")
        if there == folder and folder.stat().st_mode & 0o077:
            return warn(f"{folder}: mode {stat.S_IMODE(folder.stat().st_mode):04o}, others get in")
    if place.config is not None and place.config.stat().st_mode & 0o022:
        return missing(f"{place.config}: others may write it")
    return ok("of this user alone")


def state(place: Place) -> Found:
    """Formats of the log, the last mode and the order journals, as a start would find them."""
    from host.execution import journal  # of the compiled core, which may be what is missing

    host_id = platform.node() or "unnamed"
    told = []
    if place.audit_dir.is_dir():
        try:
            owner.require_owner(place.audit_dir, host_id)
        except AuditError as error:
            return missing(str(error))
        told.append("log")
    begins = moderecord.begin(place.audit_dir, host_id, time.time_ns())
    if begins.reason == Reason.MODE_RECORD:
        return warn(f"the next start is EMERGENCY(MODE_RECORD): {begins.detail}")
    told.append(begins.detail)
    for path in sorted(place.run_dir.glob("orders-*.journal")):
        why = journal.unusable(path)
        if why:
            return warn(f"{path.name}: {why}; it will be set aside, and the venue asked")
        told.append(path.name)
    return ok(", ".join(told))


CHECKS = (
    Check("clock source", clock_source, "boot with clocksource=tsc (x86) or arch_sys_counter (Arm)"),
    Check("clock", clock_synchronised, "systemctl enable --now systemd-timesyncd (or chrony)"),
    quoting("disk", disk, "put the log on an SSD or a better card: audit_dir under [host]"),
    quoting("free space", space, "make room, or set keep_days / keep_mb under [audit]"),
    quoting("run directory", run_dir, "bot4 run --run-dir below /run, or below /dev/shm"),
    quoting("permissions", permissions, "chown to the host's user, chmod 700; the configuration 640"),
    quoting("state", state, "docs/operations.md, \"Upgrading\""),
    Check("Python", python, "install Python 3.11 or newer"),
    Check("packages", packages, "pip install bot4"),
    Check("compiled core", compiled_core, "python setup.py build_ext --inplace, or install anew"),
)  # fmt: skip
