"""What `sigrok-cli -l 3` says on its error output while it captures."""

from __future__ import annotations

import re
import subprocess
import threading
import time

from rig.analysers.model import SECOND_NS

PACKET = re.compile(r"Received SR_DF_(\w+)(?: \((\d+) bytes, unitsize = (\d+)\))?")
SHORT = re.compile(r"Device only sent (\d+) samples")
LOST = re.compile(r"overrun|overflow|dropped|samples? lost|lost samples?", re.IGNORECASE)
QUIET = re.compile(r"^sr: session: |^Press any key")


class SigrokLog:
    """Reads the log in a thread of its own, so that packets are stamped when they arrive.

    samples, width -- received so far, and the bytes of each
    whole -- the end of the capture was announced
    lost -- the line that tells of lost samples, or nothing
    start_ns -- CLOCK_MONOTONIC of sample 0: no packet can have been there before its samples
    """

    def __init__(self, process: subprocess.Popen, rate_hz: int) -> None:
        self._stream = process.stderr
        self._process = process
        self._rate_hz = rate_hz
        self._header = threading.Event()
        self._announced: int | None = None
        self._begun_ns = self._latest_ns = 0
        self._lines: list[str] = []
        self.samples, self.width = 0, 1
        self.whole = False
        self.lost = ""
        self.start_ns = 0
        self._thread = threading.Thread(target=self._read, name="sigrok-log", daemon=True)
        self._thread.start()

    @property
    def delivered(self) -> int:
        """Samples that count: the program's own complaint about missing ones included."""
        return self.samples if self._announced is None else min(self.samples, self._announced)

    @property
    def lag_s(self) -> float:
        """How much less the samples span than the time in which they came."""
        return (self._latest_ns - self._begun_ns) / SECOND_NS - self.samples / self._rate_hz

    def started(self, timeout_s: float) -> bool:
        """Wait for the beginning of the capture; return False when there is none."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._header.wait(0.02):
                return True
            if not self._thread.is_alive():
                return self._header.is_set()
        return False

    def last(self) -> str:
        """Return the last line that is not about packets."""
        return self._lines[-1] if self._lines else ""

    def join(self, timeout_s: float) -> None:
        """Wait until everything has been read."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        assert self._stream is not None
        for raw in self._stream:
            self._take(raw.decode(errors="replace").strip(), time.monotonic_ns())

    def _take(self, line: str, now_ns: int) -> None:
        packet = PACKET.search(line)
        if packet is None:
            self._other(line)
        elif packet[1] == "HEADER":
            self._begun_ns = now_ns
            self._header.set()
        elif packet[1] == "END":
            self.whole = True
        elif packet[1] == "LOGIC" and packet[2]:
            self.width = int(packet[3])
            self.samples += int(packet[2]) // self.width
            self._latest_ns = now_ns
            start_ns = now_ns - self.samples * SECOND_NS // self._rate_hz
            self.start_ns = min(start_ns, self.start_ns or start_ns)

    def _other(self, line: str) -> None:
        if not line or QUIET.match(line):
            return
        self._lines.append(line)
        short = SHORT.search(line)
        if short is not None:
            self._announced = int(short[1])
        elif LOST.search(line):
            self.lost = line
