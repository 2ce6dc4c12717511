"""Clock, disk and software."""

import ctypes
import math
import os
import platform
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from host.doctor.finding import Check, Found, Place, missing, ok, warn

SYNCS, RECORD_BYTES = 60, 350
# ms. A safety record is durable about as late as this; above it a power cut loses more than that.
SLOW_SYNC_MS = 50.0
LEAST_FREE_MB, LOW_FREE_MB = 100, 2_000
MB = 1_000_000
STEADY_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock")
# adjtimex(2): the clock is not synchronised.
TIME_ERROR, STA_UNSYNC = 5, 0x40
PACKAGES = ("gpiozero", "gpiod", "msgspec", "pyserial", "typer")
OLDEST_PYTHON = (3, 11)


def clock_source(_place: Place) -> Found:
    """The kernel's current_clocksource."""
    source = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
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
    """What is installed; nothing is imported."""
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


CHECKS = (
    Check("clock source", clock_source, "boot with clocksource=tsc (x86) or arch_sys_counter (Arm)"),
    Check("clock", clock_synchronised, "systemctl enable --now systemd-timesyncd (or chrony)"),
    Check("disk", disk, "put the log on an SSD or a better card: audit_dir under [host]"),
    Check("free space", space, "make room, or set keep_days / keep_mb under [audit]"),
    Check("Python", python, "install Python 3.11 or newer"),
    Check("packages", packages, "pip install bot4"),
    Check("compiled core", compiled_core, "python setup.py build_ext --inplace, or install anew"),
)  # fmt: skip
