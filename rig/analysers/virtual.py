"""The analyser of the virtual bench: the hub's own edges, stamped as it passes them on."""

from __future__ import annotations

import time
from collections.abc import Mapping

from controller import wiring
from rig.analysers.hub import Recorder
from rig.capture import Capture, from_events
from rig.parts import PartOptions
from rig.virtual.wires import Wires

# The hub's wires carry serial bytes as such, not as levels: there is no PICO_TX.
LINES = tuple(name for _channel, name in wiring.analysed() if name != "PICO_TX")
PLACE = {wiring.INDEX[name]: place for place, name in enumerate(LINES)}


class VirtualOptions(PartOptions, frozen=True):
    """Nothing can be chosen."""


class VirtualAnalyser(Recorder):
    """Edges in CLOCK_MONOTONIC of this machine."""

    name = "virtual"
    lines = LINES

    def __init__(self, wires: Wires) -> None:
        super().__init__()
        self._wires = wires
        state = wires.state()
        self._initial = {line: state["initial"][line] for line in LINES}
        self._started_ns: int = state["started_ns"]

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        return {"driver": "the hub of the virtual bench", "clock": "CLOCK_MONOTONIC"}

    def so_far(self) -> Capture:
        """Return everything since the hub came up."""
        # First the time, then the edges: an edge that comes in between is left for the next look.
        now_ns = time.monotonic_ns()
        events = [
            (at, PLACE[line], level)
            for at, line, level in self._wires.fetch_edges()
            if line in PLACE and at <= now_ns
        ]
        return from_events(
            events,
            bench=self.name,
            initial=self._initial,
            start_ns=self._started_ns,
            end_ns=now_ns,
            lines=LINES,
        )
