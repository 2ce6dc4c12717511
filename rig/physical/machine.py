"""The machine that the host under test runs on: this one, or a Pi over SSH.

Commands are lists of words; over SSH each word is quoted for the shell at the other end. A program that
is started there ends when the rig does: its keeper waits for the end of its input.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from rig.benchfile import Host
from rig.processes import BenchAbsent, BenchError, end, spawn, wait_ready

COMMAND_S, FETCH_S, END_S = 20.0, 120.0, 15.0
# The child's input is nothing; the keeper's own input is the line to the rig. `$0` collects its pid.
KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- & child=$!
echo $child >"$0"
{ cat; kill -CONT $child; kill -TERM $child; } <&3 >/dev/null 2>&1 & keeper=$!
exec 3<&-
wait $child; code=$?
kill $keeper 2>/dev/null
exit $code
"""
# The highest priority that is permitted, on the processors given; else as everybody.
PUNCTUAL = """
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$0/status")
set -- taskset -c "${cpus:-0-}" "$@"
chrt -f "$PRIORITY" true 2>/dev/null && set -- chrt -f "$PRIORITY" "$@"
exec "$@"
"""
CLOCK = "import sys,time\nfor _ in sys.stdin: print(time.monotonic_ns(),flush=True)"
LOOKS = 15
GROWN = "file changed as we read it"
VERSIONS = "import sys,importlib.metadata as m;print(m.version('bot4'),sys.version.split()[0])"


def command(host: Host, argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` where the host lives."""
    if host.kind == "local":
        return list(argv)
    return [*host.connect, host.address, shlex.join(argv)]


def interpreter(program: str) -> str:
    """Return the Python that a console script belongs to."""
    if Path(program).name.startswith("python"):
        return program
    return str(Path(program).with_name("python3")) if "/" in program else "python3"


def unpack(data: bytes, into: Path) -> None:
    """Write the files and folders of a tar archive into a folder; anything else in it is refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = archive.getmembers()
            for each in members:
                inside = (into / each.name).resolve().is_relative_to(into.resolve())
                if not (inside and (each.isfile() or each.isdir())):
                    raise BenchError(f"host: {each.name!r} is no plain record")
            # Before Python 3.11.4 there is no filter: the check above stands alone.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(into, members)
    except (tarfile.TarError, OSError) as error:
        raise BenchError(f"host: the records did not arrive whole: {error}") from None


class Machine:
    """Runs, starts, ends and fetches there. Raises BenchError with one line."""

    def __init__(self, host: Host, argv: Sequence[str], folder: str, log_dir: Path) -> None:
        self.host = host
        self.argv = list(argv)
        self.python = interpreter(self.argv[0])
        self.folder = folder
        self._log_dir = log_dir
        self._running: dict[str, subprocess.Popen] = {}
        self._made = False

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` there."""
        return command(self.host, argv)

    def run(
        self, argv: Sequence[str], timeout_s: float = COMMAND_S
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, whatever its exit code is."""
        try:
            return subprocess.run(
                self.command(argv),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"host: no answer within {timeout_s:g} s: {argv[0]}") from None
        except OSError as error:
            raise BenchError(f"host: {error.filename or argv[0]}: {error.strerror}") from None

    def require(self, argv: Sequence[str], timeout_s: float = COMMAND_S) -> bytes:
        """Run a command that must succeed; return what it printed."""
        done = self.run(argv, timeout_s)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else f"exit code {done.returncode}"
            raise BenchError(f"host: {shlex.join(argv[:2])}: {why}")
        return done.stdout

    def make_folder(self) -> None:
        """Make the folder of this run, which `close` removes. Raises BenchAbsent: nobody is there."""
        try:
            self.require(["mkdir", "-p", "-m", "700", self.folder])
        except BenchError as error:
            raise BenchAbsent(str(error)) from None
        self._made = True

    def start(self, name: str, argv: Sequence[str], ready_s: float = 0.0) -> None:
        """Start a program that ends with us; with `ready_s` wait until it says `ready`."""
        self.end(name)
        pid_file = f"{self.folder}/{name}.pid"
        keeper = self.command(["sh", "-c", KEEPER, pid_file, *argv])
        log = self.log(name)
        stdout = subprocess.PIPE if ready_s else None
        try:
            process = spawn(keeper, log=log, stdin=subprocess.PIPE, stdout=stdout)
        except OSError as error:
            raise BenchError(f"host: {keeper[0]}: {error.strerror}") from None
        self._running[name] = process
        if ready_s:
            wait_ready(process, name, log, ready_s)

    def start_punctual(
        self, name: str, beside_pid: int, priority: int, argv: Sequence[str], ready_s: float
    ) -> None:
        """Start a program on the processors of another, at a real-time priority if permitted."""
        script = PUNCTUAL.replace("$PRIORITY", str(priority))
        self.start(name, ["sh", "-c", script, str(beside_pid), *argv], ready_s)

    def log(self, name: str) -> Path:
        """File on the rig that collects what a program prints."""
        return self._log_dir / f"{name}.log"

    def runs(self, name: str) -> bool:
        """Return whether a program that was started is still there."""
        process = self._running.get(name)
        return process is not None and process.poll() is None

    def end(self, name: str) -> int | None:
        """End a program in order; return its exit code, None when it was not started."""
        process = self._running.pop(name, None)
        if process is None:
            return None
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        return end(process)

    def kill(self, name: str) -> None:
        """End a program as a loss of power would."""
        pid = self.require(["cat", f"{self.folder}/{name}.pid"]).decode().strip()
        self.require(["kill", "-9", pid])

    def fetch(self, folder: str, name: str, into: Path) -> None:
        """Copy a file or a folder here, through tar."""
        done = self.run(["tar", "-C", folder, "-cf", "-", "--", name], FETCH_S)
        said = done.stderr.decode(errors="replace").strip().splitlines()
        # A log that is being written ends somewhere; its readers know lines that are not whole.
        if done.returncode and not (said and all(GROWN in line for line in said)):
            why = said[0] if said else f"exit code {done.returncode}"
            raise BenchError(f"host: {why}")
        unpack(done.stdout, into)

    def clock_offset_ns(self) -> int:
        """Return what must be added to our CLOCK_MONOTONIC to get the one there, to half a turn-round."""
        if self.host.kind == "local":
            return 0
        asked = self.command([self.python, "-u", "-c", CLOCK])
        turns = []
        with subprocess.Popen(
            asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as asking:
            assert asking.stdin is not None
            assert asking.stdout is not None
            for _look in range(LOOKS):
                before_ns = time.monotonic_ns()
                asking.stdin.write(b"\n")
                said = asking.stdout.readline()
                after_ns = time.monotonic_ns()
                if not said.strip().isdigit():
                    raise BenchError("host: its clock cannot be read")
                turns.append((after_ns - before_ns, int(said) - (before_ns + after_ns) // 2))
            asking.stdin.close()
        return min(turns)[1]

    def close(self) -> None:
        """End everything, and remove the folder of the run."""
        for name in reversed(list(self._running)):
            self.end(name)
        if self._made:
            self._made = False
            with contextlib.suppress(BenchError):
                self.require(["rm", "-rf", "--", self.folder])
