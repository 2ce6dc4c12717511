"""Moves an emulated Pico along the wall clock and serves descriptors meanwhile: one select loop."""

import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass

from rig.emulated.chip import EmulatedPico

# ns. The longest stretch of emulation between two looks at the descriptors: it delays what comes from
# outside by so much at most. Each look costs about 20 us.
SLICE_NS = 500_000
# ns. Further behind than this, the emulated clock is let go of the wall: the time counts as lost.
GIVE_UP_NS = 100_000_000


@dataclass
class PaceReport:
    """How well emulated time has kept up with the wall. All in ns.

    busy_ns -- wall time spent inside the emulator
    lost_ns -- wall time given up because the emulator could not catch up
    """

    emulated_ns: int = 0
    wall_ns: int = 0
    busy_ns: int = 0
    worst_lag_ns: int = 0
    lost_ns: int = 0


class Pacer:
    """Runs one Pico at the speed of the wall clock."""

    def __init__(self, pico: EmulatedPico) -> None:
        self.pico = pico
        self.report = PaceReport()
        self._selector = selectors.DefaultSelector()
        self._wall0 = time.monotonic_ns()
        self._emulated0 = pico.now_ns

    def serve(self, descriptor: int, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` whenever the descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, on_readable)

    def due_ns(self) -> int:
        """Return where emulated time should be now."""
        return self._emulated0 + time.monotonic_ns() - self._wall0

    def run(self, until: Callable[[], bool]) -> None:
        """Run until `until()`, looked at after every slice."""
        began_ns = self._wall0
        while not until():
            behind = self._behind()
            if behind > 0:
                before = time.monotonic_ns()
                self.pico.run_for(min(behind, SLICE_NS))
                self.report.busy_ns += time.monotonic_ns() - before
            # Wake early enough that a slice is never more than half a slice late.
            timeout_ns = 0 if behind > 0 else max(SLICE_NS // 2 - behind, 0)
            for key, _ in self._selector.select(timeout_ns / 1e9):
                key.data()
            self.report.emulated_ns = self.pico.now_ns - self._emulated0
            self.report.wall_ns = time.monotonic_ns() - began_ns

    def _behind(self) -> int:
        behind = self.due_ns() - self.pico.now_ns
        self.report.worst_lag_ns = max(self.report.worst_lag_ns, behind)
        if behind > GIVE_UP_NS:
            self.report.lost_ns += behind
            self._wall0 += behind
            behind = 0
        return behind
