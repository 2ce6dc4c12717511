"""What a bench in software tells of itself: from its wires, its processes and its folder."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from rig.bench import Place
from rig.capture.model import Capture
from rig.processes import BenchError
from rig.virtual.recording import capture_of
from rig.virtual.wires import Wires

ONE_CORE, OWN_CORE = "one_core", "own_core"
# The firmware of a Pi says here whether supply or heat have slowed it down.
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")


class Answers(ABC):
    """See rig.bench.Bench."""

    name: ClassVar[str]
    wires: Wires
    processes: dict[str, subprocess.Popen]
    cpus: list[int]
    fifo: bool
    run_dir: Path
    setup: Any

    @property
    @abstractmethod
    def bench_cpu(self) -> int:
        """The core of the bench itself."""

    @property
    @abstractmethod
    def other_cpus(self) -> frozenset[int]:
        """Every other core, or the only one."""

    @abstractmethod
    def start_probe(self, name: str, cpu: int | None = None) -> Path:
        """Start a noise probe."""

    @abstractmethod
    def start_controller(self) -> None:
        """Power the controller up."""

    @abstractmethod
    def start_host(self) -> None:
        """Start the host under test."""

    @abstractmethod
    def end(self, name: str) -> int | None:
        """End one process in order."""

    def places(self, wanted: Sequence[str]) -> list[Place]:
        """Start the probes; return the layouts. A machine with one core has only the first."""
        layouts = {ONE_CORE: frozenset({self.bench_cpu}), OWN_CORE: self.other_cpus}
        names = [name for name in wanted if name == ONE_CORE or len(self.cpus) > 1]
        if not names:
            raise BenchError("this machine has one core: the guard cannot have one of its own")
        probes = {
            name: self.start_probe(f"probe-{name}", min(layouts[name]))
            for name in {ONE_CORE, *names}
        }
        # Hub and controller stay on the bench's core, so its probe speaks for every layout.
        return [
            Place(name, layouts[name], tuple(probes[at] for at in probes if at in (ONE_CORE, name)))
            for name in names
        ]

    def move_guard(self, cpus: frozenset[int]) -> None:
        """Place the guard."""
        pid = self.pid("guard")
        if pid is None:
            raise BenchError("the host has left the wires")
        os.sched_setaffinity(pid, cpus)

    def pid(self, name: str) -> int | None:
        """Return the process id at an end of the wires: guard or controller."""
        role = {"guard": "HOST", "controller": "PICO"}.get(name, "")
        return self.wires.state()["pids"].get(role)

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process of the bench."""
        os.kill(pid, number)

    def host_runs(self) -> bool:
        """Return False when the host has ended by itself."""
        return "host" in self.processes and self.processes["host"].poll() is None

    def kill_host(self) -> None:
        """Take the host's power: everything of it dies with its supervisor."""
        self.processes["host"].kill()

    def revive(self) -> None:
        """Start again whatever has ended, and close the cover, and let the button go."""
        for name, start in (("pico", self.start_controller), ("host", self.start_host)):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                self.end(name)
                start()
        self.wires.stimulate([(0, "ENCLOSURE", 0), (0, "REARM", 1)])

    def status(self) -> dict[str, Any] | None:
        """Return what `bot4 status` says, None when the host does not answer."""
        done = self.bot4("status", "--json")
        return msgspec.json.decode(done.stdout) if done.returncode == 0 else None

    def bot4(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command of bot4 against the host."""
        command = [sys.executable, "-m", "bot4", *words, "--run-dir", str(self.run_dir)]
        return subprocess.run(command, capture_output=True, timeout=30, check=False)

    def audit_dir(self) -> Path:
        """The folder of the audit log."""
        return self.setup.out / "audit"

    def fouls(self) -> list[str]:
        """Return what the hub has to complain about."""
        return self.wires.state()["fouls"]

    def throttled(self) -> str:
        """Return what the firmware of this machine, where it is a Pi, says of supply and heat."""
        try:
            return THROTTLED.read_text().strip()
        except OSError:
            return "not readable"

    def capture(self) -> Capture:
        """Return what an analyser would have seen of the lines."""
        edges, sent = list(self.wires.fetch_edges()), list(self.wires.fetch_sent())
        return capture_of(edges, sent, self.wires.state(), time.monotonic_ns(), self.name)

    def environment(self) -> dict[str, str]:
        """Return how this machine ran the bench."""
        return {
            "scheduler": "SCHED_FIFO" if self.fifo else "SCHED_OTHER",
            "cpus": ", ".join(str(cpu) for cpu in self.cpus),
        }

    def clocks_differ(self) -> str:
        """Return nothing: hub and host have one clock."""
        return ""

    def stamps(self) -> Any:
        """Return None: every stage is on the hub's clock."""
        return None
