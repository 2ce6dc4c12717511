"""One session at the virtual bench: press, wait, release, re-arm, again, in both layouts."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from controller import wiring
from controller.times import Times
from rig.processes import BenchError
from rig.venue import VenueTail
from rig.virtual import stimulus
from rig.virtual.bench import VirtualBench

ONE_CORE, OWN_CORE = "one_core", "own_core"
# s. How long the rig waits for each step before it calls the bench broken or the press missed.
REARM_S, TRADE_S, ACK_S = 15.0, 10.0, 2.0
# s. Pauses between press and release, and before a press, drawn at random.
HELD_S, PAUSE_S = (0.03, 0.08), (0.02, 0.20)
# s. After the last press: time in which a leak would show.
AFTERMATH_S = 1.0
ACK = wiring.INDEX["ACK"]


@dataclass(frozen=True)
class Layout:
    """One stretch of presses in one placement of the guard."""

    name: str
    start_ns: int
    end_ns: int
    probes: list[Path]


@dataclass(frozen=True)
class Ended:
    """What is left when everything has been ended."""

    edges: list[tuple[int, int, int]]
    initial: dict[str, int]
    start_ns: int
    end_ns: int
    fouls: list[str]
    status: dict[str, Any] | None
    host_exit: int | None
    fifo: bool
    cpus: list[int]


class Session:
    """Drives a bench that is up."""

    ACK = ACK

    def __init__(
        self, bench: VirtualBench, times: Times, rng: random.Random, say: Callable[[str], None]
    ) -> None:
        self.bench = bench
        self.wires = bench.wires
        self._times = times
        self._rng = rng
        self._say = say
        self._venue = VenueTail(bench.venue_record)

    def check_data(self, rows_needed: int) -> None:
        """Raise BenchError when the data cannot feed a trading host through all presses."""
        start = self._venue.start()
        if start["rows"] < rows_needed:
            raise BenchError(
                f"{start['source']}: {start['rows']} rows are too few, these presses need "
                f"{rows_needed}"
            )

    def run(self, presses: int) -> list[Layout]:
        """Press `presses` times with everything on one core, then again with the guard on its own."""
        bench = self.bench
        layouts = [(ONE_CORE, {bench.bench_cpu})]
        if len(bench.cpus) > 1:
            layouts.append((OWN_CORE, set(bench.other_cpus)))
        probes = {name: bench.start_probe(f"probe-{name}", min(cpus)) for name, cpus in layouts}
        done = []
        for name, cpus in layouts:
            os.sched_setaffinity(self._guard_pid(), cpus)
            begun_ns = time.monotonic_ns()
            for number in range(1, presses + 1):
                self._say(f"{name.replace('_', ' ')}: press {number} of {presses}")
                self.rearm()
                self.press()
            wanted = [probes[ONE_CORE], probes[name]] if name != ONE_CORE else [probes[name]]
            done.append(Layout(name, begun_ns, time.monotonic_ns(), wanted))
        time.sleep(AFTERMATH_S)
        return done

    def finish(self) -> Ended:
        """Read what the bench knows, then end everything in order."""
        status = self.status()
        edges = list(self.wires.fetch_edges())
        state = self.wires.state()
        end_ns = time.monotonic_ns()
        host_exit = self.bench.end("host")
        for name in ("probe-one_core", "probe-own_core", "venue"):
            self.bench.end(name)
        return Ended(
            edges=edges,
            initial=state["initial"],
            start_ns=state["started_ns"],
            end_ns=end_ns,
            fouls=state["fouls"],
            status=status,
            host_exit=host_exit,
            fifo=self.bench.fifo,
            cpus=self.bench.cpus,
        )

    def close(self) -> None:
        """Let go of the venue's record."""
        self._venue.close()

    def _guard_pid(self) -> int:
        pid = self.wires.state()["pids"].get("HOST")
        if pid is None:
            raise BenchError("the host has left the wires")
        return pid

    def rearm(self) -> None:
        """Close the switch, hold the button until HALT rises, wait until the host trades."""
        self.wires.stimulate(stimulus.release(self._rng))
        deadline = time.monotonic() + REARM_S
        while True:
            self.wires.wait(lambda levels: not levels["ACK"], REARM_S)
            self.wires.stimulate(stimulus.hold(3 * self._times.rearm_hold_ms))
            if self.wires.wait(lambda levels: bool(levels["HALT"]), 0.3):
                break
            if time.monotonic() > deadline:
                raise BenchError(f"the controller could not be armed: {self._why_not()}")
        orders = self._venue.orders()
        armed = time.monotonic()
        while self._venue.orders() == orders:
            if time.monotonic() - armed > TRADE_S:
                raise BenchError(f"the host sent no order after it was armed: {self._why_not()}")
            if self.bench.processes["host"].poll() is not None:
                raise BenchError("the host ended by itself")
            time.sleep(0.005)
        time.sleep(self._rng.uniform(*PAUSE_S))

    def press(self) -> None:
        """Press, and wait until ACK has risen or the time for it is up: then the press is missing."""
        self.wires.stimulate(stimulus.press(self._rng))
        seen = len(self.wires.edges)
        deadline = time.monotonic() + ACK_S
        while time.monotonic() < deadline:
            time.sleep(self._rng.uniform(*HELD_S))
            if any(line == ACK and level for _at, line, level in self.wires.fetch_edges()[seen:]):
                return

    def status(self) -> dict[str, Any] | None:
        """Return what `bot4 status` says, or None when the host does not answer."""
        command = [sys.executable, "-m", "bot4", "status", "--json"]
        command += ["--run-dir", str(self.bench.run_dir)]
        done = subprocess.run(command, capture_output=True, timeout=10, check=False)
        return msgspec.json.decode(done.stdout) if done.returncode == 0 else None

    def _why_not(self) -> str:
        status = self.status()
        if status is None:
            return "the host does not answer"
        facts = ("mode", "reason", "detail", "controller", "halt", "ack")
        return ", ".join(f"{fact} {status[fact]}" for fact in facts if status[fact])
