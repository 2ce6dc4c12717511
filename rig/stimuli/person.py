"""A person at the box, told in the terminal what to do; the capture shows when it was done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

from msgspec import Meta

from rig.analysers.model import Analyser, Trigger, TriggerNeverCame
from rig.capture import Capture
from rig.parts import PartOptions
from rig.stimuli.model import (
    CLOSED,
    CONTACTS,
    OPEN,
    Done,
    Pattern,
    StimulusFailed,
    check_hold,
    check_pattern,
)
from rig.virtual.wires import Wires

# s. How long is recorded after the edge that shows that it was done.
AFTER_S = 0.5
LOOK_S = 0.01


class PersonOptions(PartOptions, frozen=True):
    """timeout_s -- how long to wait for the person each time."""

    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0


class Watch(Protocol):
    """Sees an edge that the person makes."""

    def expect(self, line: str, level: int) -> None:
        """Begin to look; raises AnalyserError."""

    def seen(self, timeout_s: float) -> int | None:
        """Wait, and return when `line` came to `level`, ns in the capture's clock; None if never."""


class AnalyserWatch:
    """Arms the analyser for each movement; `capture` is what it saw of the last one."""

    def __init__(self, analyser: Analyser, after_s: float = AFTER_S) -> None:
        self._analyser = analyser
        self._after_s = after_s
        self._trigger = Trigger(CONTACTS[0], "rising")
        self.capture: Capture | None = None

    def expect(self, line: str, level: int) -> None:
        """See Watch.expect."""
        self.capture = None
        self._trigger = Trigger(line, "rising" if level else "falling")
        self._analyser.arm(self._trigger, self._after_s)

    def seen(self, timeout_s: float) -> int | None:
        """See Watch.seen; an analyser that keeps nothing from before the edge begins with it."""
        try:
            capture = self._analyser.wait(timeout_s + self._after_s)
        except TriggerNeverCame:
            return None
        self.capture = capture
        line, level = self._trigger.line, self._trigger.level
        moves = capture.rising(line) if level else capture.falling(line)
        return int(moves[0]) if len(moves) else capture.start_ns


class WiresWatch:
    """Looks at the wires of a bench that is up, for a person at a virtual box."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._line, self._level = CONTACTS[0], OPEN

    def expect(self, line: str, level: int) -> None:
        """See Watch.expect."""
        self._line, self._level = line, level

    def seen(self, timeout_s: float) -> int | None:
        """See Watch.seen."""
        line, level = self._line, self._level
        there = self._wires.wait(lambda levels: levels[line] == level, timeout_s, LOOK_S)
        return time.monotonic_ns() if there else None


class PersonStimulus:
    """Prompts, and waits for the edge. A pattern tells only how the contacts stand at its end."""

    name = "person"

    def __init__(
        self, options: PersonOptions, watch: Watch, say: Callable[[str], None] | None = None
    ) -> None:
        self._timeout_s = options.timeout_s
        self._watch = watch
        self._say = say or _prompt

    def describe(self) -> Mapping[str, str]:
        """See Stimulus.describe."""
        return {"driver": "a person at the box", "timeout": f"{self._timeout_s:g} s"}

    def press(self, pattern: Pattern) -> Done:
        """See Stimulus.press."""
        check_pattern(pattern, OPEN)
        line = next(line for _at, line, level in reversed(pattern) if level == OPEN)
        return self._ask("PRESS the kill switch", line, OPEN)

    def release(self, pattern: Pattern) -> Done:
        """See Stimulus.release."""
        check_pattern(pattern, CLOSED)
        return self._ask("RELEASE the kill switch", pattern[-1][1], CLOSED)

    def rearm(self, hold_ms: int) -> Done:
        """See Stimulus.rearm: no analyser sees the button, but HALT rises when it was held."""
        check_hold(hold_ms)
        return self._ask(f"HOLD the re-arm button for {hold_ms / 1000:g} s", "HALT", 1)

    def close(self) -> None:
        """Nothing is held; what the switch does now is for the person to say."""

    def _ask(self, what: str, line: str, level: int) -> Done:
        self._watch.expect(line, level)
        self._say(f"{what}, within {self._timeout_s:g} s (Ctrl-C ends the run)")
        seen_ns = self._watch.seen(self._timeout_s)
        if seen_ns is None:
            raise StimulusFailed(
                f"person: {line} did not move within {self._timeout_s:g} s: {what}"
            )
        self._say(f"seen on {line}")
        return Done(time.monotonic_ns(), ((seen_ns, line, level),))


def _prompt(line: str) -> None:
    print(f">>> {line}", file=sys.stderr, flush=True)
