"""What a run asks of a bench, whatever it is made of. Virtual, emulated and physical ones implement it.

All times are nanoseconds in the clock of the host under test (CLOCK_MONOTONIC), as its records are.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rig.capture.model import Capture
from rig.virtual.stimulus import Pattern

Levels = Mapping[str, int]


@dataclass(frozen=True)
class Place:
    """Where the guard runs during one stretch of presses.

    cpus -- moved there, or None: it stays where its own configuration has put it
    probes -- files that the noise probes of this place will have written
    """

    name: str
    cpus: frozenset[int] | None
    probes: tuple[Path, ...]


class Wires(Protocol):
    """The box: what a hand does to it and what is seen of it. Raises BenchError."""

    def stimulate(self, pattern: Pattern) -> int:
        """Play a pattern of (offset us, line, level); return when it began at the earliest."""

    def hold_button(self, hold_s: float, poll_s: float) -> bool:
        """Hold the re-arm button until HALT rises, `hold_s` at most; return whether it rose."""

    def mark(self) -> int:
        """Return the time now; every edge from here on is recorded."""

    def watch(self, line: str, level: int, timeout_s: float) -> None:
        """Give a line time to come to a level, where a look at the edges would end the recording."""

    def wait_ack(self, timeout_s: float, period_s: Callable[[], float]) -> bool:
        """Look every so often until ACK has risen after the last stimulus; False when it does not."""

    def levels(self) -> Levels:
        """Return the levels by line, as far as this bench sees them."""

    def wait(
        self, condition: Callable[[Levels], bool], timeout_s: float, poll_s: float = 0.01
    ) -> bool:
        """Poll the levels until `condition(levels)`; return False when the time is up."""

    def fetch_edges(self) -> list[tuple[int, int, int]]:
        """Return all edges so far: (time, line, level)."""


class Cuttable(Protocol):
    """What only wires in software, or behind relays, can do."""

    def cut(self, wire: str) -> int:
        """Cut a wire; return when."""

    def short(self, wire: str, level: int) -> int:
        """Hold a wire's far end at a level; return when."""

    def mend(self, wire: str) -> None:
        """Join it again."""


class Bench(Protocol):
    """A bench that is up; a context manager ends whatever has been started.

    name -- as results show it; only "physical" is proof on hardware
    out, profile, limit_us, loads -- as the setup of the run has them
    venue_record -- the venue's record as it grows, on the rig
    witness_key -- the auditor's key, None where it is not on the rig
    """

    venue_record: Path

    @property
    def name(self) -> str: ...
    @property
    def setup(self) -> Any: ...
    @property
    def wires(self) -> Any: ...
    @property
    def witness_key(self) -> Path | None: ...

    def identity(self) -> dict[str, Any]:
        """Return what the controller of this bench is."""

    def environment(self) -> dict[str, str]:
        """Return what else a reader needs to compare this run with another."""

    def places(self, wanted: Sequence[str]) -> list[Place]:
        """Start the probes; return where the guard shall run, one after the other."""

    def move_guard(self, cpus: frozenset[int]) -> None:
        """Place the guard."""

    def start_probe(self, name: str, cpu: int | None = None) -> Path:
        """Start a noise probe beside the guard; return the file, there once it has been ended."""

    def start_load(self, name: str) -> None:
        """Start a load generator beside the host; `end("load-" + name)` ends it."""

    def start_host(self) -> None:
        """Start the host under test."""

    def kill_host(self) -> None:
        """Take the host's power: nothing of it goes on."""

    def host_runs(self) -> bool:
        """Return False when the host has ended by itself."""

    def revive(self) -> None:
        """Start again whatever has ended, and leave cover and button at rest."""

    def end(self, name: str) -> int | None:
        """End a part in order; return its exit code, None when it does not run."""

    def pid(self, name: str) -> int | None:
        """Return the process id of guard or controller, None where it is not known."""

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process of the host."""

    def status(self) -> dict[str, Any] | None:
        """Return what `bot4 status` says, None when the host does not answer."""

    def bot4(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command of bot4 against the host."""

    def audit_dir(self) -> Path:
        """Return a folder with the audit log as it is now."""

    def fouls(self) -> list[str]:
        """Return what the bench has to complain about itself."""

    def throttled(self) -> str:
        """Return what the host's firmware says about supply and heat."""

    def capture(self) -> Capture:
        """Return all that was seen of the lines."""

    def clocks_differ(self) -> str:
        """Return why capture and host's records cannot be compared; empty when they can."""

    def stamps(self) -> Any:
        """Return stamps of its own for the stages that the capture's clock is not true to."""
