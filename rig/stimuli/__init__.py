"""Stimuli by name: `open_stimulus("gpio", {"chip": "/dev/gpiochip0", ...}, profile="bench")`.

`model` says what every one of them can do; one contract suite (tests/rig/stimuli) holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from controller.times import PROFILES
from rig.parts import OptionError, PartOptions, read_options
from rig.stimuli.gpio import GpioOptions, GpioStimulus
from rig.stimuli.model import Done, Stimulus, StimulusAbsent, StimulusError, StimulusFailed
from rig.stimuli.person import AnalyserWatch, PersonOptions, PersonStimulus, Watch, WiresWatch
from rig.stimuli.robot import RobotOptions, RobotStimulus, robot_files
from rig.stimuli.virtual import VirtualOptions, VirtualStimulus
from rig.virtual.wires import Wires

__all__ = [
    "KINDS",
    "AnalyserWatch",
    "Done",
    "Stimulus",
    "StimulusAbsent",
    "StimulusError",
    "StimulusFailed",
    "Watch",
    "WiresWatch",
    "open_stimulus",
    "robot_files",
]

# Kind -> its options. A bench file names a kind and gives the options.
KINDS: dict[str, type[PartOptions]] = {
    "virtual": VirtualOptions,
    "gpio": GpioOptions,
    "robot": RobotOptions,
    "person": PersonOptions,
}


def open_stimulus(
    kind: str,
    options: Mapping[str, Any],
    *,
    profile: str,
    wires: Wires | None = None,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
) -> Stimulus:
    """Return a stimulus that has not moved anything closed yet.

    profile -- of the controller on this bench; no machine may press its button in `production`
    wires -- of the running bench, for `virtual`
    watch -- what sees the edges that a `person` makes (AnalyserWatch, WiresWatch)
    say -- shows a line to that person; standard error where nothing is given

    Raises OptionError (wrong kind or option), StimulusAbsent (nothing there).
    """
    given = read_options("stimulus", kind, KINDS, options)
    if profile not in PROFILES:
        raise OptionError(f"profile {profile!r}: it is {' or '.join(PROFILES)}")
    match given:
        case GpioOptions():
            if given.button is not None and profile != "bench":
                raise OptionError(
                    "stimulus gpio: button: re-arming is for a person; refused with profile "
                    f"{profile!r}"
                )
            return GpioStimulus(given)
        case RobotOptions():
            return RobotStimulus(given, profile)
        case PersonOptions():
            if watch is None:
                raise StimulusAbsent("stimulus person: nothing watches for the edge that they make")
            return PersonStimulus(given, watch, say)
    if wires is None:
        raise StimulusAbsent("stimulus virtual: it is part of the virtual bench, which is not up")
    return VirtualStimulus(wires)
