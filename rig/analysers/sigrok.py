"""Every analyser that sigrok knows, through the program `sigrok-cli`.

It writes raw samples: into a session file (.sr) it packs every packet anew, which cannot keep up with
millions of samples a second. It is not believed either: it exits with 0 when a trigger never came and
when samples are missing, so packets and samples are counted.

The capture's times are CLOCK_MONOTONIC of the rig as far as the first sample goes: it lies at most as
late as its packet arrived. Between the edges of one capture only the analyser's own clock counts.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rig.analysers.model import (
    Armed,
    CaptureFailed,
    DeviceGone,
    Overrun,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    WrongChannels,
    check_arming,
)
from rig.analysers.samples import read_samples
from rig.analysers.sigrok_device import PROGRAM, START_S, SigrokDevice, SigrokOptions
from rig.analysers.sigrok_log import SigrokLog
from rig.capture import LINES, Capture, CaptureError
from rig.processes import end, spawn

# s. From the last sample to the end of the program.
END_S = 10.0
# s. How far the samples of a capture without an end may lag behind the clock: more is lost samples.
LAG_S = 0.5


class SigrokAnalyser:
    """One device, one `sigrok-cli` for each capture."""

    name = "sigrok"
    lines: tuple[str, ...] = LINES

    def __init__(self, options: SigrokOptions) -> None:
        self._device = SigrokDevice(options)
        self.sample_rate_hz = options.sample_rate_hz
        self.most_s = self._device.most_s
        self._armed = Armed()
        self._process: subprocess.Popen | None = None
        self._room: tempfile.TemporaryDirectory | None = None
        self._trigger: Trigger | None = None
        self._wanted: int | None = None

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        return self._device.describe()

    def arm(self, trigger: Trigger | None, duration_s: float | None) -> None:
        """See Analyser.arm."""
        check_arming(self, trigger, duration_s)
        self._armed.begin()
        self._trigger = trigger
        self._wanted = None
        if duration_s is not None:
            # One more than there are steps: sample 0 is the start.
            self._wanted = math.ceil(duration_s * self.sample_rate_hz) + 1
        try:
            self._start()
        except BaseException:
            self._forget()
            raise

    def wait(self, timeout_s: float) -> Capture:
        """See Analyser.wait."""
        self._armed.end()
        self._armed.begin()
        try:
            if self._wanted is None:
                raise ShortCapture("sigrok: armed without a duration: end it with stop")
            assert self._process is not None
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                raise self._too_late(timeout_s) from None
            return self._result(self._wanted)
        finally:
            self._forget()

    def stop(self) -> Capture:
        """See Analyser.stop."""
        self._armed.end()
        self._armed.begin()
        try:
            process = self._process
            if self._wanted is not None:
                raise ShortCapture("sigrok: stopped before its duration was over")
            assert process is not None
            assert process.stdin is not None
            if process.poll() is not None:
                raise DeviceGone(self._ended("before it was told to"))
            try:
                process.stdin.write(b"\n")
                process.stdin.flush()
                process.wait(END_S)
            except (OSError, subprocess.TimeoutExpired):
                raise DeviceGone(f"sigrok: {PROGRAM} does not stop: {self._log.last()}") from None
            return self._result(1)
        finally:
            self._forget()

    def close(self) -> None:
        """See Analyser.close."""
        self._forget()

    def _start(self) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="bot4-sigrok-")
        self._file = Path(self._room.name) / "samples"
        command = self._device.command(self._file, self._trigger, self._wanted)
        log = Path(self._room.name) / "log"
        pipe = subprocess.PIPE
        # Its input stays open: a capture without an end is ended by a key, or by a closed input.
        self._process = spawn(command, log=log, stdin=pipe, stdout=pipe, stderr=pipe)
        self._log = SigrokLog(self._process, self.sample_rate_hz)
        if not self._log.started(START_S):
            raise self._device.refused(self._log.last() or f"{PROGRAM} does not start")

    def _too_late(self, timeout_s: float) -> CaptureFailed:
        if self._trigger is not None and not self._log.samples:
            return TriggerNeverCame(f"sigrok: {self._trigger} never came within {timeout_s:g} s")
        counts = f"{self._log.samples} of {self._wanted} samples"
        return ShortCapture(f"sigrok: {counts} within {timeout_s:g} s")

    def _ended(self, when: str) -> str:
        assert self._process is not None
        code = self._process.returncode
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"sigrok: {PROGRAM} ended {how} {when}: {self._log.last() or 'no message'}"

    def _result(self, wanted: int) -> Capture:
        assert self._process is not None
        self._log.join(END_S)
        if self._process.returncode:
            raise DeviceGone(self._ended("in mid-capture"))
        if not self._log.whole:
            raise DeviceGone(self._ended("without saying that the capture is whole"))
        if self._log.lost:
            raise Overrun(f"sigrok: {self._log.lost}")
        if not self._log.samples and self._trigger is not None:
            raise TriggerNeverCame(f"sigrok: {self._trigger} never came")
        if self._log.delivered < wanted:
            raise ShortCapture(f"sigrok: {self._log.delivered} of {wanted} samples")
        if self._wanted is None and self._log.lag_s > LAG_S:
            raise Overrun(f"sigrok: samples of {self._log.lag_s:.3f} s are missing")
        return self._read()

    def _read(self) -> Capture:
        log = self._log
        size = self._file.stat().st_size if self._file.exists() else 0
        if size != log.samples * log.width:
            raise ShortCapture(f"sigrok: {size} bytes on the disk, not {log.samples} samples")
        bits = self._device.bits
        if max(bits) >= 8 * log.width:
            raise WrongChannels(f"sigrok: samples of {log.width} bytes have not all the channels")
        try:
            return read_samples(
                self._file,
                bench=self.name,
                lines=self.lines,
                bits=bits,
                width=log.width,
                rate_hz=self.sample_rate_hz,
                start_ns=log.start_ns,
            )
        except (CaptureError, OSError, ValueError) as error:
            raise CaptureFailed(f"sigrok: {error}") from None

    def _forget(self) -> None:
        """End the program and the capture, whatever state they are in."""
        self._armed.on = False
        if self._process is not None:
            end(self._process, timeout_s=1.0)
            self._log.join(END_S)
            self._process = None
        if self._room is not None:
            with contextlib.suppress(OSError):
                self._room.cleanup()
            self._room = None
