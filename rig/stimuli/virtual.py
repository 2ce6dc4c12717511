"""The hand of the virtual and the emulated bench: the hub moves the lines."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rig.parts import PartOptions
from rig.stimuli.model import (
    BUTTON,
    CLOSED,
    CONTACTS,
    MS_NS,
    OPEN,
    PRESSED,
    RELEASED,
    Done,
    Pattern,
    StimulusFailed,
    check_hold,
    check_pattern,
    commanded,
)
from rig.virtual.wires import Wires

# s. Beyond the last move, until the hub has made it.
PATIENCE_S = 2.0
LOOK_S = 0.001


class VirtualOptions(PartOptions, frozen=True):
    """Nothing can be chosen."""


class VirtualStimulus:
    """Plays patterns on the wires of a bench that is up."""

    name = "virtual"

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def describe(self) -> Mapping[str, str]:
        """See Stimulus.describe."""
        return {"driver": "the hub of the virtual bench"}

    def press(self, pattern: Pattern) -> Done:
        """See Stimulus.press."""
        check_pattern(pattern, OPEN)
        return self._play(pattern)

    def release(self, pattern: Pattern) -> Done:
        """See Stimulus.release."""
        check_pattern(pattern, CLOSED)
        return self._play(pattern)

    def rearm(self, hold_ms: int) -> Done:
        """See Stimulus.rearm."""
        check_hold(hold_ms)
        return self._play([(0, BUTTON, PRESSED), (hold_ms * 1000, BUTTON, RELEASED)])

    def close(self) -> None:
        """Open the switch and let the button go."""
        self._wires.stimulate([*((0, name, OPEN) for name in CONTACTS), (0, BUTTON, RELEASED)])

    def _play(self, pattern: Pattern) -> Done:
        begun_ns = self._wires.stimulate(list(pattern))
        moves = commanded(begun_ns, pattern)
        ends = {line: level for _at, line, level in moves}
        time.sleep(max(0, moves[-1][0] - time.monotonic_ns()) / (1000 * MS_NS))
        if not self._wires.wait(lambda levels: ends.items() <= levels.items(), PATIENCE_S, LOOK_S):
            raise StimulusFailed("virtual: the hub did not make the last move of the pattern")
        return Done(time.monotonic_ns(), moves)
