"""One run at a time on a bench: a lease that expires, in a file that anybody may read.

Two runs would measure each other, or pull at the same switch. The lease says who holds the bench and
until when; a process of its own renews it while the run is alive and not stopped. A lease that has
expired, or whose holder is dead, is taken over; a run that was taken over from is interrupted.

Every change is made under a kernel lock and lands by rename, so a reader sees a whole lease or none.
"""

import contextlib
import fcntl
import getpass
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from rig.processes import BenchError, end, spawn

# s. A run that was stopped or lost its machine blocks the bench for no longer than TTL_S.
TTL_S, RENEW_S, LOOK_S = 30.0, 5.0, 0.1
START_TIME = 19  # of the fields after the command in /proc/PID/stat; the state is the first


class Lease(msgspec.Struct, frozen=True):
    """Who holds a bench; times are seconds since 1970.

    started -- when the process began, in ticks of its kernel: with it the pid names one process
    token -- of this lease alone; whoever finds another one has lost it
    """

    bench: str
    user: str
    host: str
    pid: int
    started: int
    since_s: float
    until_s: float
    token: str

    def stale(self, now_s: float) -> bool:
        """Return True when it may be taken over: expired, or its holder is dead."""
        here = self.host == os.uname().nodename
        return now_s > self.until_s or (here and started(self.pid) != self.started)

    def told(self) -> str:
        """Say who holds it and until when, on one line."""
        since, until = (
            time.strftime("%H:%M:%S", time.localtime(at_s)) for at_s in (self.since_s, self.until_s)
        )
        return (
            f"{self.user} on {self.host}, process {self.pid}, bench {self.bench}, since {since}, "
            f"until {until} unless renewed"
        )


def place() -> Path:
    """Return the file of this machine's and user's lease."""
    return Path(tempfile.gettempdir()) / f"bot4-bench-{os.getuid()}.lease"


def read(file: Path) -> Lease | None:
    """Return the lease in a file, None when there is none. Raises BenchError when it is no lease."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Lease)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise BenchError(f"{file}: not a readable lease ({error}): remove it") from None


@contextlib.contextmanager
def held(bench: str, patience_s: float = 0.0, file: Path | None = None) -> Iterator[Lease]:
    """Hold the lease. Raises BenchError when another run has it, also when it took ours over."""
    file = file or place()
    lease = _take(file, bench, time.monotonic() + patience_s)
    command = [sys.executable, "-m", "rig.lease", str(file), lease.token]
    keeper = spawn(command, log=Path(os.devnull))
    try:
        yield lease
    finally:
        end(keeper)
        with _locked(file):
            now = read(file)
            lost = now is None or now.token != lease.token
            if not lost:
                file.unlink()
        if lost:
            holder = now.told() if now else "nobody"
            raise BenchError(f"the lease expired in mid-run and was taken over by {holder}")


def renew(file: Path, token: str, ttl_s: float = TTL_S) -> bool:
    """Push the end of our lease out; False when it is no longer ours."""
    with _locked(file):
        lease = read(file)
        if lease is None or lease.token != token:
            return False
        _write(file, msgspec.structs.replace(lease, until_s=time.time() + ttl_s))
        return True


def started(pid: int) -> int:
    """Return when a process began, in ticks of the kernel; 0 when there is no such process."""
    fields = _stat(pid)
    return int(fields[START_TIME]) if fields else 0


def _take(file: Path, bench: str, deadline_s: float) -> Lease:
    while True:
        with _locked(file):
            now, now_s = read(file), time.time()
            if now is None or now.stale(now_s):
                lease = Lease(
                    bench=bench,
                    user=getpass.getuser(),
                    host=os.uname().nodename,
                    pid=os.getpid(),
                    started=started(os.getpid()),
                    since_s=now_s,
                    until_s=now_s + TTL_S,
                    token=secrets.token_hex(16),
                )
                _write(file, lease)
                return lease
        if time.monotonic() > deadline_s:
            raise BenchError(f"another bench is running: {now.told()}")
        time.sleep(LOOK_S)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(file: Path, lease: Lease) -> None:
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(lease))
    part.replace(file)


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the command; none when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def keep(file: Path, token: str, period_s: float = RENEW_S) -> None:
    """Renew for the process that started us until it ends; interrupt it when the lease is lost."""
    holder = os.getppid()
    while os.getppid() == holder:
        # A run that is stopped renews nothing: somebody else may need the bench.
        runs = _stat(holder)[:1] not in (["T"], ["t"])
        if runs and not renew(file, token):
            os.kill(holder, signal.SIGINT)
            return
        time.sleep(period_s)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), sys.argv[2])
