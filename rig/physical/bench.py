"""A Pico, a Pi that runs the host, an analyser on the wires and a hand at the switch, as one bench."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rig import lease
from rig.bench import Place
from rig.benchfile import BenchFile, Driver
from rig.capture.model import Capture
from rig.physical.clocks import Alignment, align, closings
from rig.physical.host import HostSide
from rig.physical.machine import VERSIONS, Machine
from rig.physical.stretches import Gap, Stretches, join
from rig.physical.wires import HostWatch, PhysicalWires
from rig.processes import BenchAbsent, BenchError
from rig.virtual.bench import Setup

AS_CONFIGURED = "as_configured"
PSEUDO_TERMINALS = "/dev/pts/"
STAND_INS = "physical (stand-ins)"
# A capture's name has no blanks; latency.judge excuses nothing on "physical".
CAPTURE_NAMES = {"physical": "physical", STAND_INS: "physical-stand-ins"}
FACTS = "uname -srvm; cat /proc/device-tree/model 2>/dev/null | tr -d '\\0'"


@dataclass
class PhysicalBench(HostSide):
    """Use as a context manager, which ends whatever has been started.

    gaps -- between the recordings of a run, once `capture` has joined them
    """

    file: BenchFile
    setup: Setup
    gaps: list[Gap] = field(default_factory=list)
    _alignment: Alignment = field(default=Alignment([], complaint="nothing was recorded"))
    name: str = "physical"

    def __enter__(self) -> PhysicalBench:
        self.setup.out.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(lease.held("physical", self.setup.patience_s))
            self._machine = Machine(
                self.file.host, self.setup.host, self._run_folder(), self.setup.out
            )
            stack.callback(self._machine.close)
            self._machine.make_folder()
            self.name = "physical" if self._is_hardware() else STAND_INS
            self.wires = self._open_wires(stack)
            self.start_venue()
            self.start_host()
            for name in self.setup.loads:
                self.start_load(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def witness_key(self) -> Path | None:
        """The auditor's key where the bench file names it."""
        named = self.file.controller.witness_key
        return Path(named).expanduser() if named else None

    def identity(self) -> dict[str, Any]:
        """See Bench.identity."""
        # The link carries no version; `bot4 firmware attest` reads the digest of what is flashed.
        mcu = "rp2040" if self.name == "physical" else "stand-in"
        return {"bench": self.name, "mcu": mcu, "micropython": "not told over the link"}

    def environment(self) -> dict[str, str]:
        """See Bench.environment."""
        told = self._machine.require(["sh", "-c", FACTS]).decode().splitlines()
        versions = self._machine.require([self._machine.python, "-c", VERSIONS]).decode().split()
        found = {
            "host": f"bot4 {versions[0]}, Python {versions[1]}",
            "kernel": told[0],
            "scheduler": "as the host's own configuration says",
        }
        if len(told) > 1:
            found["board"] = told[1]
        found["analyser"] = _told(self._stretches.analyser.describe())
        found["stimulus"] = _told(self._hand.describe())
        found["clocks"] = self._alignment.told()
        lost = sum(bool(gap.changed) for gap in self.gaps)
        found["recordings"] = f"{len(self.gaps) + 1}; lines changed in {lost} gaps between them"
        return found

    def places(self, wanted: Sequence[str]) -> list[Place]:
        """See Bench.places: the host's configuration places the guard, whatever is wanted."""
        return [Place(AS_CONFIGURED, None, (self.start_probe(f"probe-{AS_CONFIGURED}"),))]

    def move_guard(self, cpus: frozenset[int]) -> None:
        """See Bench.move_guard."""
        raise BenchError(f"the guard of a physical bench is not moved to {sorted(cpus)}")

    def revive(self) -> None:
        """See Bench.revive; the controller is on its own, with cover and button at rest."""
        if not self.host_runs():
            self._machine.end("host")
            self.start_host()

    def fouls(self) -> list[str]:
        """See Bench.fouls: what moved while nothing was recorded."""
        moved = [gap for gap in self.gaps if "HALT" in gap.changed]
        return [f"HALT changed in {len(moved)} gaps between recordings"] if moved else []

    def capture(self) -> Capture:
        """See Bench.capture."""
        self.wires.fetch_edges()
        self._alignment = self.wires.alignment()
        joined, self.gaps = join(self._alignment.captures, CAPTURE_NAMES[self.name])
        return joined

    def clocks_differ(self) -> str:
        """Return why capture and records cannot be compared; empty when they can."""
        return self._alignment.complaint

    def stamps(self) -> None:
        """See Bench.stamps: the analyser is true to every stage."""

    def _run_folder(self) -> str:
        return f"{self.file.host.folder}/run-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"

    def _is_hardware(self) -> bool:
        """A serial port that is a pseudo-terminal leads to a program, not to a Pico."""
        port = self.file.controller.port
        real = self._machine.run(["readlink", "-f", "--", port]).stdout.decode().strip()
        if not real:
            raise BenchAbsent(f"[controller] port {port}: not there")
        return not real.startswith(PSEUDO_TERMINALS)

    def _open_wires(self, stack: contextlib.ExitStack) -> PhysicalWires:
        from rig.analysers import open_analyser
        from rig.stimuli import open_stimulus

        driver = analyser_driver(self.file)
        analyser = open_analyser(driver.kind, driver.options, limit_us=self.setup.limit_us)
        self._stretches = Stretches(analyser)
        stack.callback(self._stretches.close)
        self._hand = open_stimulus(
            self.file.stimulus.kind,
            self.file.stimulus.options,
            profile=self.setup.profile,
            watch=HostWatch(self.host_view),
        )
        stack.callback(self._hand.close)
        self._host_clock_ns = self._machine.clock_offset_ns()
        self._begun_ns = time.monotonic_ns() + self._host_clock_ns
        return PhysicalWires(
            self._stretches, self._hand, self.host_levels, self._host_clock_ns, self._align
        )

    def _align(self, captures: list[Capture]) -> Alignment:
        records = [
            msgspec.json.decode(line)
            for file in sorted(self.audit_dir().glob("*.jsonl"))
            for line in file.read_bytes().split(b"\n")[:-1]
        ]
        return align(captures, closings(records, self._begun_ns), self._host_clock_ns)


def analyser_driver(file: BenchFile) -> Driver:
    """Return the analyser with the channels of the bench's wiring, where that differs."""
    driver = file.analyser
    if not file.wiring or "channels" in driver.options:
        return driver
    channels: list[Any] = list(file.channels.values())
    if driver.kind == "saleae":
        channels = [int(channel.removeprefix("D")) for channel in channels]
    return Driver(driver.kind, {**driver.options, "channels": channels})


def _told(description: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in description.items())
