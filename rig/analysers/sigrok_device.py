"""A device of sigrok: what is asked of `sigrok-cli` before a capture, and the command line of one."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from rig.analysers.model import (
    SECOND_NS,
    AnalyserAbsent,
    AnalyserError,
    Trigger,
    WrongChannels,
)
from rig.capture import LINES
from rig.parts import OptionError, PartOptions

PROGRAM = "sigrok-cli"
INSTALL = "install Debian's `sigrok-cli`"
# s. Some devices get their firmware when they are opened, and come back on the bus after that.
START_S = 15.0
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


class SigrokDevice:
    """The one device that the options mean. Raises AnalyserAbsent, WrongChannels, OptionError."""

    def __init__(self, options: SigrokOptions) -> None:
        if len(options.channels) != len(LINES) or len(set(options.channels)) != len(LINES):
            raise OptionError(f"analyser sigrok: channels: {len(LINES)} different names are needed")
        if shutil.which(options.program) is None:
            raise AnalyserAbsent(f"analyser sigrok: no program {options.program!r}: {INSTALL}")
        self._options = options
        self._shown, self._there = self._find()
        self._check_rate()

    @property
    def bits(self) -> list[int]:
        """Of a sample, one for each line of the wiring table."""
        return [self._there.index(channel) for channel in self._options.channels]

    @property
    def most_s(self) -> float:
        """The longest capture, without what comes before a trigger."""
        kept = self._options.most_samples * (100 - self._options.pretrigger_percent) // 100
        return kept / self._options.sample_rate_hz

    def describe(self) -> Mapping[str, str]:
        """Return driver, device and versions."""
        versions = self._run("--version").splitlines()
        library = next((line for line in versions if "libsigrok " in line), "")
        return {
            "driver": self._device(),
            "device": self._shown,
            "sigrok-cli": versions[0].partition(" ")[2],
            "libsigrok": library.partition("libsigrok ")[2].partition(" ")[0],
            "sample rate": f"{self._options.sample_rate_hz} Hz",
        }

    def command(self, file: Path, trigger: Trigger | None, wanted: int | None) -> list[str]:
        """Return the command line of a capture of `wanted` samples after the trigger, or without end."""
        options = self._options
        config = dict(options.config)
        command = [options.program, "-l", "3", "-d", self._device(), "-O", "binary"]
        command += ["-o", str(file)]
        if options.channel_group:
            command += ["-g", options.channel_group]
        else:
            config["samplerate"] = str(options.sample_rate_hz)
            if trigger is not None:
                config["captureratio"] = str(options.pretrigger_percent)
        if config:
            command += ["-c", ":".join(f"{key}={value}" for key, value in config.items())]
        names = zip(options.channels, LINES, strict=True)
        command += ["-C", ",".join(f"{channel}={line}" for channel, line in names)]
        if trigger is not None:
            edge = TRIGGERS[trigger.edge]
            command += ["-t", f"{trigger.line}={edge}", "-w"]
        if wanted is None:
            return [*command, "--continuous"]
        if trigger is not None:
            wanted = math.ceil(wanted * 100 / (100 - options.pretrigger_percent))
        return [*command, "--samples", str(wanted)]

    def refused(self, said: str) -> Exception:
        """Return the error for what it says when it does not start: there is one exit code for all."""
        if "hannel" in said:
            return WrongChannels(f"analyser sigrok: {said}")
        if re.search(r"not found|No devices|conn", said):
            return AnalyserAbsent(f"analyser sigrok: {self._device()}: {said}")
        if "option" in said:
            return OptionError(f"analyser sigrok: {said}")
        return AnalyserError(f"analyser sigrok: {self._device()}: {said}")

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
        rate = str(self._options.sample_rate_hz)
        wanted = [] if self._options.channel_group else ["-c", f"samplerate={rate}"]
        has = self._run("-d", self._device(), *wanted, "--get", "samplerate").strip()
        if has != rate:
            raise OptionError(f"analyser sigrok: sample_rate_hz {rate}: the device takes {has} Hz")

    def _device(self) -> str:
        given = {"conn": self._options.conn} if self._options.conn else {}
        given |= self._options.scan
        return ":".join([self._options.driver, *(f"{key}={given[key]}" for key in given)])

    def _run(self, *arguments: str) -> str:
        command = [self._options.program, *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=START_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnalyserAbsent(f"analyser sigrok: {self._options.program}: {error}") from None
        if done.returncode:
            raise self.refused((done.stderr.strip().splitlines() or ["no message"])[-1])
        return done.stdout
