"""The analyser of the emulated bench: the Pico's pins, stamped inside the emulation.

Its clock is emulated time since power-up, not CLOCK_MONOTONIC. The emulated Pico writes its record
whenever it gets SIGUSR1 (rig.emulated.pico); each look at it asks for a new one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from rig.analysers.hub import Recorder
from rig.capture import Capture, CaptureError
from rig.emulated.stamps import LINES, RecordFile, capture_of, read_record
from rig.parts import PartOptions

# s. The emulated Pico answers between two slices of emulation.
ANSWER_S = 5.0
LOOK_S = 0.005


class EmulatedOptions(PartOptions, frozen=True):
    """Nothing can be chosen."""


class EmulatedAnalyser(Recorder):
    """Edges of a running emulated Pico.

    pid -- its process
    record -- the file that it writes its stamps to
    """

    name = "emulated"
    lines = LINES
    poll_s = 0.05  # each look is a file written and read

    def __init__(self, pid: int, record: Path) -> None:
        super().__init__()
        self._pid = pid
        self._record_file = record

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        return {"driver": "pins of the emulated Pico", "clock": "emulated time since power-up"}

    def so_far(self) -> Capture:
        """Return everything since power-up."""
        record = self._asked()
        if record.facts["edges_lost"]:
            raise CaptureError(f"the emulator lost {record.facts['edges_lost']} edges")
        return capture_of(record.edges, record.facts["now_ns"])

    def _asked(self) -> RecordFile:
        # The file of the last look goes first, so that what is there afterwards is new and whole.
        self._record_file.unlink(missing_ok=True)
        try:
            os.kill(self._pid, signal.SIGUSR1)
        except OSError as error:
            raise CaptureError(f"the emulated Pico has ended ({error.strerror})") from None
        deadline = time.monotonic() + ANSWER_S
        while not self._record_file.exists():
            if time.monotonic() > deadline:
                raise CaptureError(f"the emulated Pico left no record within {ANSWER_S:g} s")
            time.sleep(LOOK_S)
        return read_record(self._record_file)
