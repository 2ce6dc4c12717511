"""What every analyser can be asked, and what can go wrong with a capture.

    AnalyserError          a BenchError; always one line
      AnalyserAbsent       program, package or device is not there (also a BenchAbsent)
      CaptureFailed        there is no capture; a part of one is never handed out
        TriggerNeverCame   the time to wait for it is up
        ShortCapture       fewer samples than asked for
        Overrun            samples were lost on the way
        DeviceGone         the analyser, or the program that drives it, ended in mid-capture
        WrongChannels      not the channels of the wiring table

One capture at a time: `arm`, then `wait` or `stop`, each of which ends it, also when it raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rig.capture import Capture
from rig.parts import OptionError
from rig.processes import BenchAbsent, BenchError

# A limit is measured with samples no further apart than this part of it.
STEPS_PER_LIMIT = 50
SECOND_NS = 1_000_000_000
SECOND_US = 1_000_000
EDGES = ("rising", "falling")


class AnalyserError(BenchError):
    """An analyser cannot do what was asked."""


class AnalyserAbsent(AnalyserError, BenchAbsent):
    """Program, package or device is not on this machine; the text says what to do."""


class CaptureFailed(AnalyserError):
    """This capture is nothing; another one may work."""


class TriggerNeverCame(CaptureFailed):
    """The edge that was waited for did not come in time."""


class ShortCapture(CaptureFailed):
    """Fewer samples than asked for."""


class Overrun(CaptureFailed):
    """Samples were lost between the device and us."""


class DeviceGone(CaptureFailed):
    """The device, or what drives it, ended in mid-capture."""


class WrongChannels(CaptureFailed):
    """The capture has other channels than the wiring table."""


@dataclass(frozen=True)
class Trigger:
    """The edge that starts the clock of `duration_s`: a line's name, and `rising` or `falling`."""

    line: str
    edge: str

    @property
    def level(self) -> int:
        """The line's level after the edge."""
        return int(self.edge == "rising")

    def __str__(self) -> str:
        return f"{self.line} {self.edge}"


class Analyser(Protocol):
    """A logic analyser on the lines of the wiring table.

    name -- the kind, as in the bench file
    lines -- of its captures, in channel order
    sample_rate_hz -- samples a second; edges are stamped no better than that
    most_s -- the longest capture it can make
    """

    name: str
    lines: tuple[str, ...]
    sample_rate_hz: int
    most_s: float

    def describe(self) -> Mapping[str, str]:
        """Return driver, versions, serial number: for the report. Raises AnalyserAbsent."""

    def arm(self, trigger: Trigger | None, duration_s: float | None) -> None:
        """Start; on return it records, or waits for the trigger.

        The capture ends `duration_s` after the trigger, or after the start when there is none; with
        None, which a trigger does not go with, at `stop`. Raises AnalyserError, OptionError.
        """

    def wait(self, timeout_s: float) -> Capture:
        """Return the whole capture. Raises TriggerNeverCame after `timeout_s`, CaptureFailed."""

    def stop(self) -> Capture:
        """End a capture that was armed without duration, and return it. Raises CaptureFailed."""

    def close(self) -> None:
        """Give the device back; may be called at any time, and again."""


def check_resolution(sample_rate_hz: int, limit_us: float) -> None:
    """Raise OptionError unless samples resolve 1/50 of the limit."""
    if not limit_us > 0:
        raise OptionError(f"limit {limit_us:g} us: above 0")
    if sample_rate_hz * limit_us < STEPS_PER_LIMIT * SECOND_US:
        least_hz = STEPS_PER_LIMIT * SECOND_US / limit_us
        raise OptionError(
            f"sample rate {sample_rate_hz} Hz is too low for a limit of {limit_us:g} us: it must "
            f"resolve 1/{STEPS_PER_LIMIT} of it, at least {least_hz:.0f} Hz"
        )


def check_arming(analyser: Analyser, trigger: Trigger | None, duration_s: float | None) -> None:
    """Raise OptionError for a trigger or duration that the analyser cannot have."""
    if trigger is not None:
        if trigger.line not in analyser.lines:
            known = ", ".join(analyser.lines)
            raise OptionError(f"trigger on {trigger.line!r}: the analyser has {known}")
        if trigger.edge not in EDGES:
            raise OptionError(f"trigger on edge {trigger.edge!r}: rising or falling")
        if duration_s is None:
            raise OptionError("a trigger needs a duration to record after it")
    if duration_s is not None and not 0 < duration_s <= analyser.most_s:
        raise OptionError(f"duration {duration_s:g} s: above 0, at most {analyser.most_s:g} s")


class Armed:
    """Whether a capture is under way: `arm` twice, or `wait` without it, is a mistake in the rig."""

    def __init__(self) -> None:
        self.on = False

    def begin(self) -> None:
        """A capture starts."""
        if self.on:
            raise AnalyserError("the analyser is armed already")
        self.on = True

    def end(self) -> None:
        """It ends, one way or the other."""
        if not self.on:
            raise AnalyserError("the analyser is not armed")
        self.on = False
