"""One session at a bench: press, wait, release, re-arm, again, in both layouts."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.times import Times
from rig.bench import Bench
from rig.capture.model import Capture
from rig.processes import BenchError
from rig.progress import Pressed, Say
from rig.stimuli.model import CONTACTS
from rig.venue import VenueTail
from rig.virtual import stimulus
from rig.virtual.answers import ONE_CORE, OWN_CORE

__all__ = ["DENSE", "LEISURE", "ONE_CORE", "OWN_CORE", "Ended", "Layout", "Pace", "Session"]
# s. How long the rig waits for each step before it calls the bench broken or the press missed.
REARM_S, TRADE_S, ACK_S = 15.0, 10.0, 2.0
# s. How much longer than needed the button is held before it is tried again.
HOLD_SLACK_S = 0.15
# s. After the last press: time in which a leak would show.
AFTERMATH_S = 1.0


@dataclass(frozen=True)
class Pace:
    """How fast a session goes, in seconds: the hand that presses, not the thing that is measured.

    held -- from press to release, and pause -- from the first order to the press, drawn at random
    poll -- between two looks at the wires
    """

    held_s: tuple[float, float] = (0.03, 0.08)
    pause_s: tuple[float, float] = (0.02, 0.20)
    poll_s: float = 0.01


LEISURE = Pace()
# Ten presses a second and more, for runs of thousands.
DENSE = Pace(held_s=(0.003, 0.008), pause_s=(0.0, 0.012), poll_s=0.002)


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

    capture: Capture
    fouls: list[str]
    status: dict[str, Any] | None
    host_exit: int | None
    environment: dict[str, str]
    clocks_differ: str = ""
    loads: tuple[str, ...] = ()
    complaint: str = ""


class Session:
    """Drives a bench that is up."""

    def __init__(
        self,
        bench: Bench,
        times: Times,
        rng: random.Random,
        say: Say,
        pace: Pace = LEISURE,
    ) -> None:
        self._pace = pace
        self._complaint = ""
        self._probes: set[str] = set()
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

    def run(self, presses: int, wanted: Sequence[str] = (ONE_CORE, OWN_CORE)) -> list[Layout]:
        """Press `presses` times in each layout; a machine with one core has only the first."""
        done: list[Layout] = []
        for place in self.bench.places(wanted):
            self._probes |= {probe.stem for probe in place.probes}
            if place.cpus is not None:
                self.bench.move_guard(place.cpus)
            begun_ns = self.wires.mark()
            whole = self._press_all(place.name, presses, first=not done)
            done.append(Layout(place.name, begun_ns, self.wires.mark(), list(place.probes)))
            if not whole:
                break
        time.sleep(AFTERMATH_S)
        return done

    def _press_all(self, name: str, presses: int, first: bool) -> bool:
        """Press again and again; False when the host would not go on, which fails the run.

        Before the very first press it is the bench that does not work: BenchError.
        """
        for number in range(1, presses + 1):
            self._say(Pressed(name, number, presses))
            try:
                self.rearm()
            except BenchError as error:
                if first and number == 1:
                    raise
                self._complaint = f"before press {number}: {error}"
                return False
            self.press()
        return True

    def finish(self) -> Ended:
        """Read what the bench knows, then end everything in order."""
        status = self.status()
        capture = self.bench.capture()
        fouls, environment = self.bench.fouls(), self.bench.environment()
        host_exit = self.bench.end("host")
        for name in (*self._probes, "venue"):
            self.bench.end(name)
        return Ended(
            capture=capture,
            fouls=fouls,
            status=status,
            host_exit=host_exit,
            environment=environment,
            clocks_differ=self.bench.clocks_differ(),
            loads=self.bench.setup.loads,
            complaint=self._complaint,
        )

    def opening_ns(self) -> list[int]:
        """Return when each OPEN and REDUCE order left the host so far, ns."""
        return self._venue.opening_ns()

    def close(self) -> None:
        """Let go of the venue's record."""
        self._venue.close()

    def rearm(self) -> None:
        """Close the switch, hold the button until HALT rises, wait until the host trades."""
        levels = self.wires.levels()
        # Contacts that are closed already must not bounce: to the host that is a press.
        if any(levels.get(contact, 1) for contact in CONTACTS):
            self.wires.stimulate(stimulus.release(self._rng))
        # Contacts and button must have been quiet for a while, or the button does not count.
        quiet_s = (stimulus.BOUNCE_US / 1000 + 3 * self._times.rearm_debounce_ms) / 1000
        quiet_at = time.monotonic() + quiet_s
        deadline = time.monotonic() + REARM_S
        while not self._hold_button(quiet_at):
            if time.monotonic() > deadline:
                raise BenchError(f"the controller could not be armed: {self._why_not()}")
        self._wait_for_orders()
        time.sleep(self._rng.uniform(*self._pace.pause_s))

    def press(self) -> None:
        """Press, and wait until ACK has risen or the time for it is up: then the press is missing."""
        self.wires.stimulate(stimulus.press(self._rng))
        self.wires.wait_ack(ACK_S, lambda: self._rng.uniform(*self._pace.held_s))

    def _hold_button(self, quiet_at: float) -> bool:
        """Hold the button once the host is ready, until HALT rises; False when it does not."""
        self.wires.wait(lambda levels: not levels["ACK"], REARM_S, self._pace.poll_s)
        debounce_s = self._times.rearm_debounce_ms / 1000
        time.sleep(max(3 * debounce_s, quiet_at - time.monotonic()))
        hold_s = self._times.rearm_hold_ms / 1000 + HOLD_SLACK_S
        return self.wires.hold_button(hold_s, self._pace.poll_s)

    def _wait_for_orders(self) -> None:
        orders = self._venue.orders()
        armed_s = time.monotonic()
        while self._venue.orders() == orders:
            if time.monotonic() - armed_s > TRADE_S:
                raise BenchError(f"the host sent no order after it was armed: {self._why_not()}")
            if not self.bench.host_runs():
                raise BenchError("the host ended by itself")
            time.sleep(self._pace.poll_s / 2)

    def status(self) -> dict[str, Any] | None:
        """Return what `bot4 status` says, or None when the host does not answer."""
        return self.bench.status()

    def _why_not(self) -> str:
        status = self.status()
        if status is None:
            return "the host does not answer"
        facts = ("mode", "reason", "detail", "controller", "halt", "ack")
        return ", ".join(f"{fact} {status[fact]}" for fact in facts if status[fact])
