"""The host's end of the press robot's serial line; its table is firmware/stimulus/robot.json.

A thread says PING whenever nothing else is said, because a robot that hears nothing opens everything.
"""

from __future__ import annotations

import contextlib
import threading
import time
from binascii import crc32
from pathlib import Path
from typing import Any

import msgspec
import serial

import controller
from rig.stimuli.model import StimulusAbsent, StimulusFailed

FOLDER = Path(controller.__file__).resolve().parent.parent / "firmware" / "stimulus"
TABLE = FOLDER / "robot.json"
# s. A Pico that was plugged in just now comes up meanwhile.
HELLO_S, HELLO_TRY_S = 5.0, 0.5
ANSWER_S = 2.0
LOOK_S = 0.02
# Of the robot's patience, the part after which it is pinged.
PING_PART = 4


def pack(number: int, words: str) -> bytes:
    """Return a line as bytes."""
    text = f"{number} {words}".encode()
    return b"%s*%08x\n" % (text, crc32(text))


def unpack(line: bytes) -> tuple[int, str] | None:
    """Return (number, words), or None for what is no line."""
    text, _star, told = line.strip().rpartition(b"*")
    try:
        if not text or len(told) != 8 or int(told, 16) != crc32(text):
            return None
        number, _space, words = text.decode("ascii").partition(" ")
        return int(number), words
    except ValueError:
        return None


class RobotLine:
    """One session with a robot. Raises StimulusAbsent when none answers."""

    def __init__(self, port: str) -> None:
        self._port = port
        source = TABLE.read_bytes()
        self.table: dict[str, Any] = msgspec.json.decode(source)
        self._digest = f"{crc32(source):08x}"
        self._number = 0
        self._rest = b""
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._lost = ""
        self._ping_s = self.table["silence_ms"] / 1000 / PING_PART
        try:
            self._serial = serial.Serial(port, timeout=LOOK_S, write_timeout=ANSWER_S)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise StimulusAbsent(f"stimulus robot: {port}: {why}") from None
        try:
            self.hello = self._greet()
        except BaseException:
            self._serial.close()
            raise
        self._pinger = threading.Thread(target=self._keep_alive, name="robot-ping", daemon=True)
        self._pinger.start()

    def ask(self, words: str, timeout_s: float = ANSWER_S) -> str:
        """Say a line and return the robot's words. Raises StimulusFailed."""
        with self._lock:
            if self._lost:
                raise StimulusFailed(self._lost)
            return self._ask(words, timeout_s)

    def close(self) -> None:
        """End the session with everything open."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._pinger.join()
        # A robot that is lost opens everything by itself, when it misses the host.
        if not self._lost:
            with contextlib.suppress(StimulusFailed):
                self._ask("DROP", ANSWER_S)
        self._serial.close()

    def _greet(self) -> list[str]:
        deadline = time.monotonic() + HELLO_S
        while True:
            try:
                # The empty line ends whatever the port still held.
                self._serial.write(b"\n")
                return self._ask(f"HELLO {self._digest}", HELLO_TRY_S).split()
            except _NoAnswer as error:
                if time.monotonic() > deadline:
                    raise StimulusAbsent(
                        f"stimulus robot: {self._port}: no press robot answers ({error})"
                    ) from None
            except StimulusFailed:
                raise
            except (OSError, serial.SerialException) as error:
                raise StimulusAbsent(f"stimulus robot: {self._port}: {error}") from None

    def _ask(self, words: str, timeout_s: float) -> str:
        self._number += 1
        try:
            self._serial.write(pack(self._number, words))
            said = self._answer(self._number, timeout_s)
        except (OSError, serial.SerialException) as error:
            raise StimulusFailed(f"robot: {self._port} is gone: {error}") from None
        if said is None:
            verb = words.partition(" ")[0]
            raise _NoAnswer(f"robot: no answer to {verb} within {timeout_s:g} s")
        verdict, _space, rest = said.partition(" ")
        if verdict != "OK":
            raise StimulusFailed(f"robot: {rest or said}")
        return rest

    def _answer(self, number: int, timeout_s: float) -> str | None:
        deadline = time.monotonic() + timeout_s
        ping_at = time.monotonic() + self._ping_s
        while (now := time.monotonic()) < deadline:
            if now > ping_at:
                self._serial.write(pack(0, "PING"))
                ping_at = now + self._ping_s
            self._rest += self._serial.read(max(1, self._serial.in_waiting))
            while b"\n" in self._rest:
                line, _end, self._rest = self._rest.partition(b"\n")
                heard = unpack(line)
                if heard is not None and heard[0] == number:
                    return heard[1]
        return None

    def _keep_alive(self) -> None:
        while not self._closed.wait(self._ping_s):
            with self._lock:
                try:
                    self._ask("PING", ANSWER_S)
                except StimulusFailed as error:
                    self._lost = str(error)
                    return


class _NoAnswer(StimulusFailed):
    """Nothing came back in time."""
