"""Makes a process as punctual as the system permits, and says what it was not permitted."""

import ctypes
import gc
import os
import signal

FIFO_PRIORITY = 50
MCL_CURRENT_AND_FUTURE = 3
PR_SET_PDEATHSIG = 1

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
