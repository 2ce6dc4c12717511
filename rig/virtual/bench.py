"""The virtual bench: hub, controller on MicroPython, paper venue, host; up and down as one."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import controller
from controller.mac import KEY_BYTES
from rig import lease
from rig.latency import LIMIT_US
from rig.processes import (
    CONTROLLER_PRIORITY,
    CONTROLLER_SLICE_US,
    HUB_PRIORITY,
    HUB_SLICE_US,
    PROBE_PRIORITY,
    PROBE_SLICE_US,
    BenchAbsent,
    Placement,
    end,
    fifo_permitted,
    spawn,
    wait_ready,
)
from rig.virtual.answers import Answers
from rig.virtual.wires import Wires

READY_S = 20.0
HOST_END_S = 12.0
HOUSE = Path(controller.__file__).resolve().parent.parent


@dataclass(frozen=True)
class Setup:
    """What the bench is built from.

    data, rows_per_s, span_s -- for the paper venue
    host -- command line of the host under test; the rig adds the options of `bot4 run`
    scheduler -- "auto" (SCHED_FIFO where permitted) or "other"
    patience_s -- how long to wait for another bench to end
    repeat -- replay the data again when they are over
    loads -- names of rig.load.LOADS that run beside everything
    limit_us -- slowest press that passes, switch to ACK
    """

    out: Path
    data: str = "sp500"
    speed: float | None = None
    span_s: float = 30.0
    profile: str = "bench"
    host: Sequence[str] = (sys.executable, "-m", "bot4", "run")
    scheduler: str = "auto"
    patience_s: float = 0.0
    repeat: bool = False
    loads: tuple[str, ...] = ()
    limit_us: float = LIMIT_US


@dataclass
class VirtualBench(Answers):
    """Processes and wires; use as a context manager, which ends whatever has been started."""

    setup: Setup
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    name: ClassVar[str] = "virtual"

    def __enter__(self) -> "VirtualBench":
        self.cpus = sorted(os.sched_getaffinity(0))
        self.fifo = self.setup.scheduler == "auto" and fifo_permitted()
        with contextlib.ExitStack() as stack:
            # The rig itself keeps off the bench's core too.
            stack.callback(os.sched_setaffinity, 0, self.cpus)
            os.sched_setaffinity(0, self.other_cpus)
            self._room = stack.enter_context(only_bench(self.name, self.setup.patience_s))
            self.run_dir = self._room / "host"
            stack.callback(self._end_all)
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _end_all(self) -> None:
        for name in ("host", "venue", "pico", "hub"):
            self.end(name)
        for name in list(self.processes):
            self.end(name)
        if hasattr(self, "wires"):
            self.wires.close()

    @property
    def witness_key(self) -> Path:
        """The key that the controller signs receipts with, for whoever audits the log."""
        return self.setup.out / "witness.key"

    @property
    def serial_port(self) -> Path:
        """The host's end of the serial line."""
        return self._room / "serial"

    @property
    def bench_cpu(self) -> int:
        """The core of hub, controller and (in the one-core layout) guard: the last one."""
        return self.cpus[-1]

    @property
    def other_cpus(self) -> frozenset[int]:
        """Every other core, or the only one."""
        return frozenset(self.cpus[:-1]) or frozenset(self.cpus)

    def log(self, name: str) -> Path:
        """File that collects what a process prints."""
        return self.setup.out / f"{name}.log"

    def end(self, name: str) -> int | None:
        """End one process in order; return its exit code, or None when it does not run."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        return end(process, HOST_END_S if name == "host" else 3.0)

    def start_probe(self, name: str, cpu: int | None = None) -> Path:
        """Start a noise probe, on the bench's core by default; return the file that it will write."""
        cpu = self.bench_cpu if cpu is None else cpu
        file = self.setup.out / f"{name}.probe"
        command = [sys.executable, "-m", "rig.virtual.probe", str(file)]
        self._spawn(name, command, self._place(PROBE_PRIORITY, PROBE_SLICE_US, cpu), ready=True)
        return file

    def identity(self) -> dict[str, Any]:
        """Return what the controller of this bench is."""
        return {
            "bench": self.name,
            "mcu": "micropython-unix",
            "micropython": micropython_version(),
        }

    def start_controller(self) -> None:
        """Power the controller up."""
        path = f"{HOUSE}:{HOUSE / 'firmware'}:{HOUSE / 'firmware' / 'unix'}"
        command = [*micropython(), str(HOUSE / "firmware" / "unix" / "main.py")]
        command += [self.setup.profile, str(self._flash)]
        env = {"MICROPYPATH": path, "BOT4_BENCH_SOCKET": self._socket}
        self._spawn("pico", command, self._place(CONTROLLER_PRIORITY, CONTROLLER_SLICE_US), env)

    def start_load(self, name: str) -> None:
        """Start one of rig.load.LOADS beside everything; `end("load-" + name)` ends it."""
        command = [sys.executable, "-m", "rig.load", name, str(self.setup.out)]
        self._spawn(f"load-{name}", command, Placement(frozenset(self.cpus)))

    def host_options(self) -> dict[str, Any]:
        """Return what the host under test is started with."""
        return {
            "--run-dir": self.run_dir,
            "--audit-dir": self.setup.out / "audit",
            "--venue": self._venue_socket,
            "--serial": self.serial_port,
            "--pins": "bot4bench",
            "--link-key": self._key,
            "--profile": self.setup.profile,
            "--guard-cpu": self.bench_cpu,
            "--scheduler": "fifo" if self.fifo else "other",
        }

    def start_host(self) -> None:
        """Start the host under test."""
        command = [*self.setup.host]
        for option, value in self.host_options().items():
            command += [option, str(value)]
        env = {"BOT4_BENCH_SOCKET": self._socket}
        self._spawn("host", command, Placement(frozenset(self.cpus)), env, ready=True)

    def _start(self) -> None:
        self.setup.out.mkdir(parents=True, exist_ok=True)
        self._socket = str(self._room / "hub")
        self._venue_socket = self._room / "venue"
        self._flash = self._room / "flash"
        self._flash.mkdir(mode=0o700)
        self._key = self._room / "link.key"
        for name in ("link.key", "witness.key"):
            _private(self._flash / name, os.urandom(KEY_BYTES))
        _private(self._key, (self._flash / "link.key").read_bytes())
        # The auditor's copy: the controller has the other one, the host none.
        _private(self.witness_key, (self._flash / "witness.key").read_bytes())
        hub = [sys.executable, "-m", "rig.virtual.hub", self._socket, str(self.serial_port)]
        self._spawn("hub", hub, self._place(HUB_PRIORITY, HUB_SLICE_US), ready=True)
        self.wires = Wires(self._socket)
        self._start_venue()
        self.start_controller()
        self.start_host()
        for name in self.setup.loads:
            self.start_load(name)

    def _start_venue(self) -> None:
        self.venue_record = self.setup.out / "venue.jsonl"
        command = [sys.executable, "-m", "host.paper", "--listen", str(self._venue_socket)]
        command += ["--record", str(self.venue_record), "--data", self.setup.data]
        if self.setup.speed is not None:
            command += ["--rows-per-s", str(self.setup.speed)]
        else:
            command += ["--span-s", str(self.setup.span_s)]
        command += ["--repeat"] if self.setup.repeat else []
        self._spawn("venue", command, Placement(self.other_cpus), ready=True)

    def _place(self, priority: int, slice_us: int = 0, cpu: int | None = None) -> Placement:
        chosen = frozenset({self.bench_cpu if cpu is None else cpu})
        return Placement(chosen, priority if self.fifo else 0, slice_us)

    def _spawn(
        self,
        name: str,
        command: list[str],
        placement: Placement,
        env: dict[str, str] | None = None,
        ready: bool = False,
        ready_s: float = READY_S,
    ) -> None:
        log = self.log(name)
        stdout = subprocess.PIPE if ready else None
        process = spawn(command, log=log, env=env, placement=placement, stdout=stdout)
        self.processes[name] = process
        if ready:
            wait_ready(process, name, log, ready_s)


def _private(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)


@contextlib.contextmanager
def only_bench(name: str = "virtual", patience_s: float = 0.0) -> Iterator[Path]:
    """Hold this machine's bench; give a private folder for its sockets and keys.

    A folder that is found under the lease belongs to a bench that was killed, and is swept away.
    """
    with lease.held(name, patience_s):
        place = Path(tempfile.gettempdir())
        mark = f"bot4-bench-{os.getuid()}-"
        for old in place.glob(f"{mark}*"):
            shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=mark, ignore_cleanup_errors=True) as room:
            yield Path(room)


def micropython_version() -> str:
    """Return what the MicroPython Unix port of this machine says it is."""
    command = [*micropython(), "-c", "import sys; print(sys.version)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() or "unknown"


def micropython() -> list[str]:
    """Return the command of a MicroPython Unix port. Raises BenchAbsent that says what to install."""
    if importlib.util.find_spec("micropython_unix") is not None:
        return [sys.executable, "-c", "import micropython_unix as m; m.main()"]
    found = shutil.which("micropython")
    if found:
        return [found]
    raise BenchAbsent(
        "no MicroPython: pip install 'bot4[bench]' (x86-64) or install Debian's `micropython`"
    )
