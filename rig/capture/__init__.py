"""Captures: what the analyser saw, as exact edge lists, and the files that keep them.

    CaptureError   a capture, or a file of one, that cannot be trusted; always one line

`model` holds the data, `vcd` keeps every nanosecond (GTKWave), `sr` keeps samples (PulseView).
"""

from rig.capture.model import LINES, Capture, CaptureError, from_events
from rig.capture.sr import read_sr, write_sr
from rig.capture.vcd import read_vcd, write_vcd

__all__ = [
    "LINES",
    "Capture",
    "CaptureError",
    "from_events",
    "read_sr",
    "read_vcd",
    "write_sr",
    "write_vcd",
]
