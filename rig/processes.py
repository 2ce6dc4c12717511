"""Starting and ending the bench's processes, so that none is ever left behind."""

import contextlib
import ctypes
import os
import platform
import select
import signal
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The wires take no time in reality, so the hub runs before everybody. The controller is another
# computer, which goes on while the host closes its gate: on one core it must let the guard
# (host.realtime: 50) go first, or the guard waits for the rest of the controller's pass.
# The probe shares the guard's priority.
HUB_PRIORITY, CONTROLLER_PRIORITY, PROBE_PRIORITY = 51, 49, 50
PR_SET_PDEATHSIG = 1
# us. The same order for the fair scheduler, where a shorter slice preempts (host.realtime: 200).
HUB_SLICE_US, CONTROLLER_SLICE_US, PROBE_SLICE_US = 100, 150, 200
SYS_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
# struct sched_attr, first version: size, policy, flags, nice, priority, runtime, deadline, period.
SCHED_ATTR = struct.Struct("<IIQiIQQQ")

_libc = ctypes.CDLL(None, use_errno=True)


class BenchError(RuntimeError):
    """A part of the bench did not come up or broke; its text is one clear line."""


class BenchAbsent(BenchError):
    """Something that this bench is made of is not on this machine; the text says what to install."""


@dataclass(frozen=True)
class Placement:
    """Where and how punctually a process runs; set before it starts.

    fifo -- SCHED_FIFO priority, 0 for the fair scheduler
    slice_us -- time slice asked of the fair scheduler, 0 for its own; shorter ones preempt
    """

    cpus: frozenset[int]
    fifo: int = 0
    slice_us: int = 0

    def apply(self) -> None:
        """Place the calling process. Raises PermissionError; ask `fifo_permitted` first."""
        os.sched_setaffinity(0, self.cpus)
        if self.fifo:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self.fifo))
        elif self.slice_us:
            _ask_for_slice(self.slice_us)


def _ask_for_slice(slice_us: int) -> None:
    """Set the slice where the kernel knows how (Linux 6.12); elsewhere nothing changes."""
    number = SYS_SCHED_SETATTR.get(platform.machine())
    if number is not None:
        size = SCHED_ATTR.size
        attributes = SCHED_ATTR.pack(size, os.SCHED_OTHER, 0, 0, 0, slice_us * 1000, 0, 0)
        _libc.syscall(number, 0, attributes, 0)


def fifo_permitted() -> bool:
    """Return True when this user may use SCHED_FIFO (tried in a child, undone with it)."""
    pid = os.fork()
    if pid == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HUB_PRIORITY))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    placement: Placement | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
    stderr: int | None = None,
) -> subprocess.Popen:
    """Start a process that dies with us, in a session of its own so that Ctrl-C does not reach it.

    What is not given for stdout and stderr goes to `log`.
    """

    def prepare() -> None:
        die_with_parent()
        if placement is not None:
            placement.apply()

    with log.open("ab") as errors:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=errors if stdout is None else stdout,
            stderr=errors if stderr is None else stderr,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=prepare,
        )


def die_with_parent() -> None:
    """Have the kernel end this process with the one that started it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def wait_ready(process: subprocess.Popen, what: str, log: Path, timeout_s: float) -> None:
    """Wait for the line `ready`. Raises BenchError with the last line that the process left."""
    assert process.stdout is not None
    waiting = select.select([process.stdout], [], [], timeout_s)[0]
    if waiting and process.stdout.readline().strip() == b"ready":
        return
    raise BenchError(last_line(log) or f"{what} did not start within {timeout_s:g} s")


def last_line(log: Path) -> str:
    """Return the last line of a log, where a process says why it ended."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else ""


def end(process: subprocess.Popen, timeout_s: float = 3.0) -> int:
    """End a process: SIGCONT and SIGTERM, then SIGKILL; return its exit code."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    return process.returncode
