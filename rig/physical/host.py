"""The host's side of the physical bench: what runs on its machine, and the records of that."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from rig.bench import Levels
from rig.benchfile import BenchFile
from rig.physical.machine import Machine
from rig.processes import PROBE_PRIORITY, BenchError
from rig.virtual.bench import READY_S, Setup

THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
PINS = ("HALT", "ACK")
STATUS_S = 10.0


class HostSide:
    """What the rig starts, ends, asks and fetches there; see rig.bench.Bench."""

    file: BenchFile
    setup: Setup
    venue_record: Path
    _machine: Machine

    def start_probe(self, name: str, cpu: int | None = None) -> Path:
        """See Bench.start_probe; it gets the guard's processors, and a priority like its."""
        guard = self.pid("guard")
        if guard is None:
            raise BenchError("the host does not answer: no noise probe beside its guard")
        command = [self._machine.python, "-m", "rig.virtual.probe"]
        command.append(f"{self._machine.folder}/{name}.probe")
        self._machine.start_punctual(name, guard, PROBE_PRIORITY, command, READY_S)
        return self.setup.out / f"{name}.probe"

    def start_load(self, name: str) -> None:
        """See Bench.start_load."""
        command = [self._machine.python, "-m", "rig.load", name, self._machine.folder]
        self._machine.start(f"load-{name}", command)

    def start_host(self) -> None:
        """See Bench.start_host; what the rig does not set is for [host] argv and the Pi's own files."""
        folder = self._machine.folder
        command = [*self._machine.argv, "--run-dir", f"{folder}/host"]
        command += ["--audit-dir", f"{self.file.host.folder}/audit", "--venue", f"{folder}/venue"]
        command += ["--serial", self.file.controller.port, "--profile", self.setup.profile]
        self._machine.start("host", command, READY_S)

    def kill_host(self) -> None:
        """See Bench.kill_host."""
        self._machine.kill("host")

    def host_runs(self) -> bool:
        """See Bench.host_runs."""
        return self._machine.runs("host")

    def end(self, name: str) -> int | None:
        """See Bench.end."""
        code = self._machine.end(name)
        if name == "host":
            self._bring_audit()
        elif name.startswith("probe"):
            self._bring(f"{name}.probe")
        elif name == "venue":
            self._bring("venue.jsonl")
        return code

    def pid(self, name: str) -> int | None:
        """See Bench.pid."""
        return (self.status() or {}).get(f"{name}_pid")

    def signal(self, pid: int, number: int) -> None:
        """See Bench.signal."""
        self._machine.require(["kill", f"-{number}", str(pid)])

    def status(self) -> dict[str, Any] | None:
        """See Bench.status."""
        try:
            done = self.bot4("status", "--json")
        except BenchError:
            return None
        return msgspec.json.decode(done.stdout) if done.returncode == 0 else None

    def bot4(self, *words: str) -> Any:
        """See Bench.bot4."""
        run_dir = f"{self._machine.folder}/host"
        command = [*self._machine.argv[:-1], *words, "--run-dir", run_dir]
        return self._machine.run(command, STATUS_S)

    def audit_dir(self) -> Path:
        """See Bench.audit_dir."""
        if self.host_runs():  # afterwards it is the one that `end` has brought
            self._bring_audit()
        return self.setup.out / "audit"

    def throttled(self) -> str:
        """See Bench.throttled."""
        done = self._machine.run(["cat", THROTTLED])
        return "not readable" if done.returncode else done.stdout.decode().strip()

    def host_levels(self) -> Levels:
        status = self.status() or {}
        return {
            line: int(status[line.lower()] == "high")
            for line in PINS
            if status.get(line.lower()) in ("high", "low")
        }

    def host_view(self) -> Levels:
        """What the host can tell of the contacts: open is what has tripped and does not yet wait."""
        status = self.status() or {}
        if status.get("halt") not in ("high", "low"):
            return {}
        opened = int(status["halt"] == "low" and status.get("controller") == "TRIPPED")
        return {"SWITCH_A": opened, "SWITCH_B": opened, "HALT": int(status["halt"] == "high")}

    def start_venue(self) -> None:
        folder = self._machine.folder
        command = [self._machine.python, "-m", "host.paper", "--listen", f"{folder}/venue"]
        command += ["--record", f"{folder}/venue.jsonl", "--data", self.setup.data]
        if self.setup.speed is not None:
            command += ["--rows-per-s", str(self.setup.speed)]
        else:
            command += ["--span-s", str(self.setup.span_s)]
        command += ["--repeat"] if self.setup.repeat else []
        self._machine.start("venue", command, READY_S)
        # The record grows here as it does there; the whole one is fetched when the venue has ended.
        self.venue_record = self.setup.out / "venue-follow.log"
        self.venue_record.touch()
        self._machine.start(
            "venue-follow", ["tail", "-c", "+1", "-f", f"{folder}/venue.jsonl"], 0.0
        )
        deadline = time.monotonic() + READY_S
        while not self.venue_record.stat().st_size:
            if time.monotonic() > deadline:
                raise BenchError("the venue's record does not arrive from the host")
            time.sleep(0.02)

    def _bring(self, name: str) -> None:
        self._machine.fetch(self._machine.folder, name, self.setup.out)

    def _bring_audit(self) -> None:
        # One log for all runs: the controller remembers its head, and a new one is a rolled-back one.
        self._machine.fetch(self.file.host.folder, "audit", self.setup.out)
