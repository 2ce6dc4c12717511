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
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from rig.analysers.model import (
    SECOND_NS,
    AnalyserAbsent,
    AnalyserError,
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
from rig.analysers.sigrok_log import SigrokLog
from rig.capture import LINES, Capture, CaptureError
from rig.parts import OptionError, PartOptions
from rig.processes import end, spawn

PROGRAM = "sigrok-cli"
INSTALL = "install Debian's `sigrok-cli`"
# s. Some devices get their firmware when they are opened, and come back on the bus after that.
START_S = 15.0
# s. From the last sample to the end of the program, which packs the file meanwhile.
END_S = 10.0
# s. How far the samples of a capture without an end may lag behind the clock: more is lost samples.
LAG_S = 0.5
TRIGGERS = {"rising": "r", "falling": "f"}

Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.,/-]+$")]


class SigrokOptions(PartOptions, frozen=True):
    """A device of sigrok.

    driver -- as in `sigrok-cli --list-supported`
    conn -- which device, where there are several: `1.12` (bus.address), a serial port
    scan -- further options of the driver, such as the demo device's number of channels
    channels -- the device's names of D0..D7 of the wiring table, in that order
    config -- further options of the device
    channel_group -- sets `config` on this group instead; sigrok-cli then leaves the device's own
        sample rate alone, so that `sample_rate_hz` must name that
    pretrigger_percent -- of the samples, from before the trigger
    most_samples -- what one capture may have at most (a byte each on the disk, or more)
    """

    driver: Word
    sample_rate_hz: Annotated[int, Meta(ge=1, le=SECOND_NS)]
    conn: str = ""
    scan: dict[Word, Word] = {}
    channels: tuple[Word, ...] = tuple(f"D{number}" for number in range(len(LINES)))
    config: dict[Word, Word] = {}
    channel_group: str = ""
    pretrigger_percent: Annotated[int, Meta(ge=0, le=90)] = 0
    most_samples: Annotated[int, Meta(ge=1)] = 2_000_000_000
    program: str = PROGRAM


class SigrokAnalyser:
    """One device, one `sigrok-cli` for each capture."""

    name = "sigrok"
    lines: tuple[str, ...] = LINES

    def __init__(self, options: SigrokOptions) -> None:
        if len(options.channels) != len(LINES) or len(set(options.channels)) != len(LINES):
            raise OptionError(f"analyser sigrok: channels: {len(LINES)} different names are needed")
        if shutil.which(options.program) is None:
            raise AnalyserAbsent(f"analyser sigrok: no program {options.program!r}: {INSTALL}")
        self._options = options
        self.sample_rate_hz = options.sample_rate_hz
        self.most_s = self._after_trigger(options.most_samples) / options.sample_rate_hz
        self._shown, self._there = self._find()
        self._check_rate()
        self._armed = Armed()
        self._process: subprocess.Popen | None = None
        self._room: tempfile.TemporaryDirectory | None = None
        self._trigger: Trigger | None = None
        self._wanted: int | None = None

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        versions = self._run("--version").splitlines()
        library = next((line for line in versions if "libsigrok " in line), "")
        return {
            "driver": self._device(),
            "device": self._shown,
            "sigrok-cli": versions[0].partition(" ")[2],
            "libsigrok": library.partition("libsigrok ")[2].partition(" ")[0],
            "sample rate": f"{self.sample_rate_hz} Hz",
        }

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

    def _after_trigger(self, samples: int) -> int:
        return samples * (100 - self._options.pretrigger_percent) // 100

    def _with_pretrigger(self, samples: int) -> int:
        return math.ceil(samples * 100 / (100 - self._options.pretrigger_percent))

    def _device(self) -> str:
        given = {"conn": self._options.conn} if self._options.conn else {}
        given |= self._options.scan
        return ":".join([self._options.driver, *(f"{key}={given[key]}" for key in given)])

    def _find(self) -> tuple[str, list[str]]:
        """Return what sigrok says of the one device, and the names of its channels in their order."""
        scanned = self._run("-d", self._device(), "--scan").splitlines()
        found = [line for line in scanned if " channels: " in line]
        if len(found) != 1:
            what = "no device" if not found else f"{len(found)} devices, name one with conn"
            raise AnalyserAbsent(f"analyser sigrok: {self._device()}: {what}")
        there = found[0].rpartition(": ")[2].split()
        missing = [name for name in self._options.channels if name not in there]
        if missing:
            raise WrongChannels(f"analyser sigrok: no channel {missing[0]}, only {' '.join(there)}")
        return found[0].partition(" - ")[2], there

    def _check_rate(self) -> None:
        """sigrok-cli takes a rate that the device does not have, and samples at another."""
        wanted = [] if self._options.channel_group else ["-c", f"samplerate={self.sample_rate_hz}"]
        has = self._run("-d", self._device(), *wanted, "--get", "samplerate").strip()
        if has != str(self.sample_rate_hz):
            raise OptionError(
                f"analyser sigrok: sample_rate_hz {self.sample_rate_hz}: the device takes {has} Hz"
            )

    def _command(self, file: Path) -> list[str]:
        options = self._options
        config = dict(options.config)
        command = [options.program, "-l", "3", "-d", self._device(), "-O", "binary"]
        command += ["-o", str(file)]
        if options.channel_group:
            command += ["-g", options.channel_group]
        else:
            config["samplerate"] = str(self.sample_rate_hz)
            if self._trigger is not None:
                config["captureratio"] = str(options.pretrigger_percent)
        if config:
            command += ["-c", ":".join(f"{key}={value}" for key, value in config.items())]
        names = zip(options.channels, LINES, strict=True)
        command += ["-C", ",".join(f"{channel}={line}" for channel, line in names)]
        if self._trigger is not None:
            edge = TRIGGERS[self._trigger.edge]
            command += ["-t", f"{self._trigger.line}={edge}", "-w"]
        if self._wanted is None:
            return [*command, "--continuous"]
        wanted = self._wanted if self._trigger is None else self._with_pretrigger(self._wanted)
        return [*command, "--samples", str(wanted)]

    def _start(self) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="bot4-sigrok-")
        self._file = Path(self._room.name) / "samples"
        log = Path(self._room.name) / "log"
        pipe = subprocess.PIPE
        # Its input stays open: a capture without an end is ended by a key, or by a closed input.
        self._process = spawn(
            self._command(self._file), log=log, stdin=pipe, stdout=pipe, stderr=pipe
        )
        self._log = SigrokLog(self._process, self.sample_rate_hz)
        if not self._log.started(START_S):
            raise self._refused(self._log.last() or f"{PROGRAM} does not start")

    def _refused(self, said: str) -> Exception:
        """What it says when it does not even start; it has one exit code for everything."""
        if "hannel" in said:
            return WrongChannels(f"analyser sigrok: {said}")
        if re.search(r"not found|No devices|conn", said):
            return AnalyserAbsent(f"analyser sigrok: {self._device()}: {said}")
        if "option" in said:
            return OptionError(f"analyser sigrok: {said}")
        return AnalyserError(f"analyser sigrok: {self._device()}: {said}")

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
        bits = [self._there.index(channel) for channel in self._options.channels]
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

    def _run(self, *arguments: str) -> str:
        command = [self._options.program, *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=START_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnalyserAbsent(f"analyser sigrok: {self._options.program}: {error}") from None
        if done.returncode:
            raise self._refused((done.stderr.strip().splitlines() or ["no message"])[-1])
        return done.stdout
