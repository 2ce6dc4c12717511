"""The press robot: a second Pico that works switch and button (firmware/stimulus).

For benches alone, never fitted in production: with it, no person would have to be at the box. It is
refused with the profile `production`, and the guarded controller never knows of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from rig.parts import OptionError, PartOptions
from rig.stimuli.model import (
    CLOSED,
    OPEN,
    US_NS,
    Done,
    Pattern,
    StimulusAbsent,
    check_hold,
    check_pattern,
    commanded,
)
from rig.stimuli.robot_line import FOLDER, TABLE, RobotLine

SLACK_S = 2.0
ON_THE_PICO = ("__init__.py", "lines.py", "robot.py", "pico.py")


class RobotOptions(PartOptions, frozen=True):
    """port -- serial port of the robot, best by its name in /dev/serial/by-id."""

    port: str


class RobotStimulus:
    """Plays patterns on the robot, which keeps their times itself."""

    name = "robot"

    def __init__(self, options: RobotOptions, profile: str) -> None:
        if profile != "bench":
            raise OptionError(
                f"stimulus robot: never fitted in production; profile {profile!r} is refused"
            )
        self._port = options.port
        self._line = RobotLine(options.port)
        self._outputs = [row[0] for row in self._line.table["outputs"]]

    def describe(self) -> Mapping[str, str]:
        """See Stimulus.describe."""
        version, board, dropped = self._line.hello
        return {
            "driver": f"press robot version {version} on {board}",
            "port": self._port,
            "self-test": "passed",
            "lines dropped": dropped,
        }

    def press(self, pattern: Pattern) -> Done:
        """See Stimulus.press."""
        check_pattern(pattern, OPEN)
        return self._play(pattern)

    def release(self, pattern: Pattern) -> Done:
        """See Stimulus.release."""
        check_pattern(pattern, CLOSED)
        return self._play(pattern)

    def rearm(self, hold_ms: int) -> Done:
        """See Stimulus.rearm."""
        check_hold(hold_ms)
        most_ms = self._line.table["most_hold_ms"]
        if hold_ms > most_ms:
            raise OptionError(f"hold {hold_ms} ms: the robot holds for at most {most_ms}")
        self._line.ask(f"HOLD {hold_ms}", hold_ms / 1000 + SLACK_S)
        return Done(time.monotonic_ns())

    def close(self) -> None:
        """See Stimulus.close."""
        self._line.close()

    def _play(self, pattern: Pattern) -> Done:
        self._check(pattern)
        moves = ",".join(
            f"{at_us}:{self._outputs.index(line)}:{int(level == CLOSED)}"
            for at_us, line, level in pattern
        )
        said_ns = time.monotonic_ns()
        self._line.ask(f"PLAY {moves}")
        # The robot's clock is another one; it began at the earliest when it was told.
        return Done(time.monotonic_ns(), commanded(said_ns - pattern[0][0] * US_NS, pattern))

    def _check(self, pattern: Pattern) -> None:
        table = self._line.table
        if len(pattern) > table["most_moves"] or pattern[-1][0] > table["most_us"]:
            raise OptionError(
                f"pattern: the robot plays at most {table['most_moves']} moves within "
                f"{table['most_us']} us"
            )


def robot_files() -> dict[str, bytes]:
    """Return what belongs into the file system of the robot's Pico, by path."""
    try:
        files = {f"firmware/stimulus/{name}": (FOLDER / name).read_bytes() for name in ON_THE_PICO}
        main = (FOLDER / "main.py").read_bytes()
        return {
            **files,
            "firmware/__init__.py": b"",
            "main.py": main,
            TABLE.name: TABLE.read_bytes(),
        }
    except OSError as error:
        raise StimulusAbsent(f"stimulus robot: {error.filename}: {error.strerror}") from None
