"""The box on the desk as the rig reaches it: a stimulus, an analyser in stretches, the host's word.

What is seen live is what the host says of its pins; what counts is what the analyser recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from controller import wiring
from rig.bench import Levels
from rig.capture.model import Capture
from rig.parts import OptionError
from rig.physical.clocks import Alignment
from rig.physical.stretches import Stretches
from rig.stimuli import Stimulus
from rig.stimuli.model import BUTTON, CONTACTS, OPEN, PRESSED, RELEASED
from rig.virtual.stimulus import Pattern

# s. Recorded after the last thing that was waited for: a leak or a late edge would show.
AFTERMATH_S = 0.2
# s. Between two looks at the host.
LOOK_S = 0.05
# us. No hand is finer; moves within one such step are one.
GRID_US = 10
# What a hand on this bench cannot move, but finds at rest.
AT_REST = {"ENCLOSURE": 0}


class HostWatch:
    """Sees what a person does at the box by what the host says of it; see rig.stimuli.Watch."""

    def __init__(self, state: Callable[[], Levels]) -> None:
        self._state = state
        self._line, self._level = CONTACTS[0], OPEN

    def expect(self, line: str, level: int) -> None:
        """See Watch.expect."""
        self._line, self._level = line, level

    def seen(self, timeout_s: float) -> int | None:
        """See Watch.seen; an open switch shows as HALT low, a closed one in the controller's state."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._state().get(self._line) == self._level:
                return time.monotonic_ns()
            time.sleep(LOOK_S)
        return None


class PhysicalWires:
    """Commands to the hand, looks at host and analyser."""

    def __init__(
        self,
        stretches: Stretches,
        hand: Stimulus,
        host_levels: Callable[[], Levels],
        host_clock_ns: int,
        placed: Callable[[list[Capture]], Alignment],
    ) -> None:
        self._stretches = stretches
        self._hand = hand
        self._host_levels = host_levels
        self._host_clock_ns = host_clock_ns
        self._placed = placed
        self._contacts = dict.fromkeys(CONTACTS, OPEN)
        self._fetched = -1
        self.edges: list[tuple[int, int, int]] = []

    def stimulate(self, pattern: Pattern) -> int:
        """See Wires.stimulate; returns when the movement is over. Raises OptionError for other lines."""
        begun_ns = self.mark()
        contacts = [move for move in pattern if move[1] in CONTACTS]
        button = [move for move in pattern if move[1] == BUTTON]
        others = [move for move in pattern if move not in contacts and move not in button]
        if (contacts and button) or any(AT_REST.get(move[1]) != move[2] for move in others):
            raise OptionError(f"pattern: no hand on this bench makes {pattern}")
        if contacts:
            self._move([(at_us // GRID_US * GRID_US, line, to) for at_us, line, to in contacts])
        elif [move[2] for move in button] == [PRESSED, RELEASED]:
            self._hand.rearm(max(1, (button[1][0] - button[0][0]) // 1000))
        elif button and button[-1][2] == PRESSED:
            raise OptionError("pattern: no hand on this bench keeps the button pressed")
        return begun_ns

    def hold_button(self, hold_s: float, poll_s: float) -> bool:
        """See Wires.hold_button; the hand lets go after `hold_s` in any case."""
        self.mark()
        self._hand.rearm(round(hold_s * 1000))
        return self.wait(lambda levels: bool(levels["HALT"]), AFTERMATH_S, poll_s)

    def mark(self) -> int:
        """See Wires.mark."""
        self._stretches.begin()
        return time.monotonic_ns() + self._host_clock_ns

    def watch(self, line: str, level: int, timeout_s: float) -> None:
        """See Wires.watch; the host's word is no evidence, it only ends the waiting.

        ACK may have come and gone between two looks at the host, HALT stays: ACK follows it at once.
        """
        if line == "ACK" and level:
            self.wait(lambda levels: not levels["HALT"], timeout_s, LOOK_S)
        elif line in ("HALT", "ACK"):
            self.wait(lambda levels: levels[line] == level, timeout_s, LOOK_S)
        else:
            time.sleep(timeout_s)
        time.sleep(AFTERMATH_S)

    def wait_ack(self, timeout_s: float, period_s: Callable[[], float]) -> bool:
        """See Wires.wait_ack; the recording ends with the aftermath."""
        time.sleep(period_s())
        self.watch("ACK", 1, timeout_s)
        self._stretches.end()
        last = self._stretches.done[-1]
        return last.rising("ACK").size > 0

    def levels(self) -> Levels:
        """See Wires.levels: contacts as commanded, HALT and ACK by the host, lamps as last recorded."""
        seen: dict[str, int] = {}
        if self._stretches.done:
            last = self._stretches.done[-1]
            seen = {line: last.level_at(line, last.end_ns) for line in last.lines}
        return {**seen, **self._contacts, **self._host_levels()}

    def wait(
        self, condition: Callable[[Levels], bool], timeout_s: float, poll_s: float = 0.01
    ) -> bool:
        """See Wires.wait."""
        deadline = time.monotonic() + timeout_s
        while not self._holds(condition):
            if time.monotonic() > deadline:
                return False
            time.sleep(poll_s)
        return True

    def fetch_edges(self) -> list[tuple[int, int, int]]:
        """See Wires.fetch_edges; ends the recording."""
        self._stretches.end()
        if len(self._stretches.done) != self._fetched:
            self._fetched = len(self._stretches.done)
            self.edges = [edge for capture in self.alignment().captures for edge in _edges(capture)]
        return self.edges

    def alignment(self) -> Alignment:
        """Return all recordings in the host's clock."""
        return self._placed(self._stretches.done)

    def close(self) -> None:
        """Leave switch and button safe, and give the analyser back."""
        try:
            self._hand.close()
        finally:
            self._stretches.close()

    def _holds(self, condition: Callable[[Levels], bool]) -> bool:
        """What nobody tells does not hold: a level of an old recording is not one of now."""
        try:
            return condition({**self._contacts, **self._host_levels()})
        except KeyError:
            return False

    def _move(self, contacts: Pattern) -> None:
        contacts = sorted(contacts, key=lambda move: move[0])
        ends = {line: level for _at, line, level in contacts}
        self._contacts.update(ends)
        if OPEN in ends.values():
            self._hand.press(contacts)
        else:
            self._hand.release(contacts)


def _edges(capture: Capture) -> list[tuple[int, int, int]]:
    found = [
        (int(at_ns), wiring.INDEX[line], level)
        for line in capture.lines
        if line in wiring.INDEX
        for level, times in ((1, capture.rising(line)), (0, capture.falling(line)))
        for at_ns in times
    ]
    return sorted(found)
