"""A relay or an opto-coupler on GPIO lines of the rig, in the place of the switch's contacts.

A contact is closed while its line is active, so that the switch is open without power, after the end
of the process (the kernel gives the lines back) and on `close`. User space plays patterns to some tens
of microseconds; a relay adds milliseconds and bounces on its own, as a real contact does.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from rig.parts import OptionError, PartOptions
from rig.stimuli.model import (
    BUTTON,
    CLOSED,
    CONTACTS,
    MS_NS,
    OPEN,
    US_NS,
    Done,
    Pattern,
    StimulusAbsent,
    StimulusFailed,
    check_hold,
    check_pattern,
)

CONSUMER = "bot4-rig"
# ns. The last stretch before a move is waited for without sleeping.
SPIN_NS = 200_000

Offset = Annotated[int, Meta(ge=0, le=511)]


class GpioOptions(PartOptions, frozen=True):
    """Lines of one GPIO chip.

    chip -- path of its device
    contact_a, contact_b -- offsets of the lines that close the contacts
    button -- offset of the line that presses the re-arm button, where a relay does that
    active_low -- the relay board closes on a low line
    settle_ms -- from the last move until the contacts have come to rest
    """

    chip: str
    contact_a: Offset
    contact_b: Offset
    button: Offset | None = None
    active_low: bool = False
    settle_ms: Annotated[int, Meta(ge=0, le=1000)] = 20


class GpioStimulus:
    """Holds the lines from the first moment, open, until `close`."""

    name = "gpio"

    def __init__(self, options: GpioOptions) -> None:
        self._options = options
        self._lines = {CONTACTS[0]: options.contact_a, CONTACTS[1]: options.contact_b}
        if options.button is not None:
            self._lines[BUTTON] = options.button
        if len(set(self._lines.values())) != len(self._lines):
            raise OptionError("stimulus gpio: contact_a, contact_b and button are different lines")
        self._gpiod = _package()
        self._request = self._requested()

    def describe(self) -> Mapping[str, str]:
        """See Stimulus.describe."""
        lines = ", ".join(f"{name} on {offset}" for name, offset in self._lines.items())
        level = "low" if self._options.active_low else "high"
        return {
            "driver": f"gpiod {self._gpiod.__version__}",
            "chip": self._options.chip,
            "lines": f"{lines}, closed when {level}",
            "settle": f"{self._options.settle_ms} ms",
        }

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
        if BUTTON not in self._lines:
            raise StimulusAbsent("stimulus gpio: no line presses the button: set `button`")
        try:
            return self._play([(0, BUTTON, CLOSED), (hold_ms * 1000, BUTTON, OPEN)])
        except BaseException:  # a button that stays pressed would re-arm by itself
            self._open_all()
            raise

    def close(self) -> None:
        """Open everything and give the lines back."""
        if self._request is not None:
            self._open_all()
            self._request.release()
            self._request = None

    def _requested(self) -> Any:
        line, options = self._gpiod.line, self._options
        settings = self._gpiod.LineSettings(
            direction=line.Direction.OUTPUT,
            active_low=options.active_low,
            output_value=line.Value.INACTIVE,
        )
        try:
            return self._gpiod.request_lines(
                options.chip,
                consumer=CONSUMER,
                config={tuple(self._lines.values()): settings},
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise StimulusAbsent(f"stimulus gpio: {options.chip}: {why}") from None

    def _play(self, pattern: Pattern) -> Done:
        moves = []
        begun_ns = time.monotonic_ns()
        for at_us, line, level in pattern:
            _wait_until(begun_ns + at_us * US_NS)
            moves.append((time.monotonic_ns(), line, level))
            self._set(line, level)
        time.sleep(self._options.settle_ms / 1000)
        return Done(time.monotonic_ns(), tuple(moves))

    def _set(self, line: str, level: int) -> None:
        if self._request is None:
            raise StimulusFailed("stimulus gpio: closed already")
        value = self._gpiod.line.Value
        try:
            self._request.set_value(
                self._lines[line], value.ACTIVE if level == CLOSED else value.INACTIVE
            )
        except OSError as error:
            raise StimulusFailed(f"stimulus gpio: {line}: {error.strerror}") from None

    def _open_all(self) -> None:
        for line in self._lines:
            with contextlib.suppress(StimulusFailed):
                self._set(line, OPEN)


def _wait_until(at_ns: int) -> None:
    left_ns = at_ns - time.monotonic_ns()
    if left_ns > SPIN_NS:
        time.sleep((left_ns - SPIN_NS) / (1000 * MS_NS))
    while time.monotonic_ns() < at_ns:
        pass


def _package() -> Any:
    try:
        import gpiod
    except ImportError:
        raise StimulusAbsent("stimulus gpio: no package gpiod: pip install gpiod") from None
    return gpiod
