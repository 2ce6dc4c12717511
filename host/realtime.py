"""Makes a process as punctual as the system permits, and says what it was not permitted."""

import ctypes
import gc
import os
import platform
import signal
import struct

FIFO_PRIORITY = 50
MCL_CURRENT_AND_FUTURE = 3
PR_SET_PDEATHSIG = 1
SLICE_US = 200
SYS_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
# struct sched_attr, first version: size, policy, flags, nice, priority, runtime, deadline, period.
SCHED_ATTR = struct.Struct("<IIQiIQQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(kill_signal: int = signal.SIGKILL) -> None:
    """Have the kernel end this process when its parent dies, so that none is left behind."""
    if _libc.prctl(PR_SET_PDEATHSIG, int(kill_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def pin_to(cpus: set[int]) -> str | None:
    """Run on `cpus` only; return what was refused, or None."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return f"CPU {sorted(cpus)}: {error.strerror}"
    return None


def fifo() -> str | None:
    """Schedule as SCHED_FIFO; return what was refused, or None."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except OSError as error:
        return f"SCHED_FIFO: {error.strerror}"
    return None


def short_slice(slice_us: int = SLICE_US) -> str | None:
    """Ask the fair scheduler for a short time slice, so that a wake-up preempts longer ones.

    The next best thing where SCHED_FIFO is refused; needs Linux 6.12 and no privilege.
    Return what was refused, or None.
    """
    number = SYS_SCHED_SETATTR.get(platform.machine())
    attributes = SCHED_ATTR.pack(SCHED_ATTR.size, os.SCHED_OTHER, 0, 0, 0, slice_us * 1000, 0, 0)
    if number is None or _libc.syscall(number, 0, attributes, 0) != 0:
        return f"short time slice: {os.strerror(ctypes.get_errno())}"
    return None


def lock_memory() -> str | None:
    """Keep all pages in memory; return what was refused, or None."""
    if _libc.mlockall(MCL_CURRENT_AND_FUTURE) != 0:
        return f"mlockall: {os.strerror(ctypes.get_errno())}"
    return None


def freeze_gc() -> None:
    """Take everything built so far out of the collector's sight and stop automatic runs."""
    gc.collect()
    gc.freeze()
    gc.disable()
