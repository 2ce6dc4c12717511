"""Captures: what the analyser saw, as exact edge lists, and the files that keep them.

    CaptureError   a capture, or a file of one, that cannot be trusted; always one line

`model` holds the data, `formats` the table of formats: .vcd keeps every nanosecond (GTKWave), .sr keeps
samples (PulseView), and CSV comes from sigrok-cli and from Saleae's Logic.
"""

from rig.capture.formats import read_capture, write_capture
from rig.capture.model import LINES, Capture, CaptureError, from_events
from rig.capture.sr import read_sr, write_sr
from rig.capture.vcd import read_vcd, write_vcd

__all__ = [
    "LINES",
    "Capture",
    "CaptureError",
    "from_events",
    "read_capture",
    "read_sr",
    "read_vcd",
    "write_capture",
    "write_sr",
    "write_vcd",
]
