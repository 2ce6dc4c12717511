"""Whether each channel is clipped to its wire: what the controller says on D7 against the other lines."""

from __future__ import annotations

import numpy as np

from controller import protocol, states
from rig.capture.model import Capture, CaptureError
from rig.decode.lamps import LAMPS
from rig.decode.messages import Message, Traffic, of_name, read_messages
from rig.decode.uart import LINE as SERIAL
from rig.decode.uart import decode

# A swapped line is wrong half of the time, a good one only while it changes: no level is held against it
# so close to an edge of its own.
_NEAR_NS = 5_000_000
_FEWEST = 20
_MOST_WRONG = 0.2
_SERIAL_EDGES = 100


def check_serial(capture: Capture, traffic: Traffic) -> None:
    """Raise CaptureError when the controller's messages are on another channel than D7."""
    if traffic.messages:
        return
    for line in capture.lines:
        if line == SERIAL or capture.edges[line].size < _SERIAL_EDGES:
            continue
        if read_messages(decode(capture, line)).messages:
            raise CaptureError(f"{SERIAL}'s messages are on {line}: swapped channels")


def check_levels(capture: Capture, traffic: Traffic) -> None:
    """Raise CaptureError when a line contradicts what the controller says in STATUS."""
    told = [(message.at_ns, _levels(message)) for message in of_name(traffic, "STATUS")]
    for line in capture.lines:
        seen = [(at, levels[line]) for at, levels in told if line in levels]
        wrong = sum(_contradicts(capture, line, at, level) for at, level in seen)
        if len(seen) >= _FEWEST and wrong > _MOST_WRONG * len(seen):
            raise CaptureError(
                f"{line} contradicts {wrong} of {len(seen)} STATUS messages: swapped channels, or a "
                "broken wire"
            )


def _contradicts(capture: Capture, line: str, at_ns: int, level: int) -> bool:
    around = (at_ns - _NEAR_NS, at_ns + _NEAR_NS)
    first, after = np.searchsorted(capture.edges[line], around)
    return bool(first == after and capture.level_at(line, at_ns) != level)


def _levels(status: Message) -> dict[str, int]:
    """The levels that a STATUS vouches for; lamps that blink are left out."""
    fields = status.fields
    levels = {name: fields["inputs"] >> bit & 1 for bit, name in enumerate(protocol.INPUT_BITS)}
    levels["HALT"] = int(states.halt_high(fields["state"]))
    for bit, lamp in enumerate(LAMPS):
        if not fields["blinking"] >> bit & 1:
            levels[lamp] = fields["leds"] >> bit & 1
    return levels
