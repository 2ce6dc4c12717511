"""What every stimulus can do: the hand at the kill switch and at the re-arm button.

    StimulusError       a BenchError; always one line
      StimulusAbsent    relay, robot or person is not there (also a BenchAbsent)
      StimulusFailed    it did not do what it was told; what the contacts do now is not known

A pattern is [(offset us, line, level), ...] in order of time, with levels as in the wiring table: a
contact of the switch reads 1 when it is open, the button 0 when it is pressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rig.parts import OptionError
from rig.processes import BenchAbsent, BenchError

CONTACTS = ("SWITCH_A", "SWITCH_B")
BUTTON = "REARM"
OPEN, CLOSED = 1, 0
RELEASED, PRESSED = 1, 0
# us and ms. A pattern is one movement of a hand, and a hold one press of the button.
MOST_US = 10_000_000
MOST_HOLD_MS = 30_000
MS_NS, US_NS = 1_000_000, 1_000

Pattern = Sequence[tuple[int, str, int]]


class StimulusError(BenchError):
    """A stimulus cannot do what was asked."""


class StimulusAbsent(StimulusError, BenchAbsent):
    """What would press is not on this machine; the text says what to do."""


class StimulusFailed(StimulusError):
    """It did not do it."""


@dataclass(frozen=True)
class Done:
    """A movement that is over.

    done_ns -- when this was known, CLOCK_MONOTONIC
    commanded -- (ns, line, level) of each move where the stimulus knows its time, in CLOCK_MONOTONIC;
        not when a contact moved: that is for the analyser to say
    """

    done_ns: int
    commanded: tuple[tuple[int, str, int], ...] = ()


class Stimulus(Protocol):
    """A hand. Each call returns when the movement is over; afterwards the contacts stay.

    name -- the kind, as in the bench file
    """

    name: str

    def describe(self) -> Mapping[str, str]:
        """Return what presses: for the report."""

    def press(self, pattern: Pattern) -> Done:
        """Open the switch: at least one contact is open at the end. Raises StimulusError."""

    def release(self, pattern: Pattern) -> Done:
        """Close the switch: every contact of the pattern is closed at the end."""

    def rearm(self, hold_ms: int) -> Done:
        """Hold the re-arm button for so long, then let it go."""

    def close(self) -> None:
        """Leave switch and button in the safe state; may be called at any time, and again."""


def check_pattern(pattern: Pattern, end_level: int) -> None:
    """Raise OptionError unless the pattern can be played and leaves the switch as it must."""
    last_us = 0
    ends: dict[str, int] = {}
    for number, move in enumerate(pattern, 1):
        if len(move) != 3 or type(move[0]) is not int:
            raise OptionError(f"pattern, move {number}: not (offset us, line, level)")
        at_us, line, level = move
        if line not in CONTACTS:
            raise OptionError(f"pattern, move {number}: {line!r} is not a contact of the switch")
        if level not in (OPEN, CLOSED):
            raise OptionError(f"pattern, move {number}: level {level!r} is not 0 or 1")
        if not last_us <= at_us <= MOST_US:
            raise OptionError(f"pattern, move {number}: {at_us} us, not in {last_us}..{MOST_US}")
        last_us = at_us
        ends[line] = level
    if not ends:
        raise OptionError("pattern: no move in it")
    if end_level == OPEN and OPEN not in ends.values():
        raise OptionError("pattern: a press must leave a contact open")
    if end_level == CLOSED and OPEN in ends.values():
        raise OptionError("pattern: a release must leave its contacts closed")


def check_hold(hold_ms: int) -> None:
    """Raise OptionError for a hold that no hand makes."""
    if not 0 < hold_ms <= MOST_HOLD_MS:
        raise OptionError(f"hold {hold_ms} ms: above 0, at most {MOST_HOLD_MS}")


def commanded(begun_ns: int, pattern: Pattern) -> tuple[tuple[int, str, int], ...]:
    """Return the times of a pattern that began at `begun_ns`."""
    return tuple((begun_ns + at_us * US_NS, line, level) for at_us, line, level in pattern)
