"""For each stimulus: how to open it on this machine, what it did, and how to take it away."""

import os
import pty
import subprocess
import time
import tty
from pathlib import Path
from typing import Any, Protocol

import gpiod
import pytest

from rig.processes import BenchAbsent, end
from rig.stimuli import Stimulus, WiresWatch, open_stimulus
from rig.stimuli.robot_line import TABLE
from rig.virtual.bench import HOUSE, micropython
from tests.rig.hub_kit import Hub

OUTPUTS = ("SWITCH_A", "SWITCH_B", "REARM")


class Kit(Protocol):
    """What the contract suite needs."""

    def open(self) -> Stimulus: ...
    def levels(self) -> dict[str, int]: ...
    def pressed_ms(self) -> float: ...
    def take_away(self) -> None: ...
    def close(self) -> None: ...


class VirtualKit:
    """The hub."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder)

    def open(self) -> Stimulus:
        return open_stimulus("virtual", {}, profile="bench", wires=self.hub.wires)

    def levels(self) -> dict[str, int]:
        levels = self.hub.wires.levels()
        return {name: levels[name] for name in OUTPUTS}

    def pressed_ms(self) -> float:
        from controller import wiring

        button = wiring.INDEX["REARM"]
        edges = [edge for edge in self.hub.wires.fetch_edges() if edge[1] == button]
        return (edges[-1][0] - edges[-2][0]) / 1e6

    def take_away(self) -> None:
        self.hub.kill()

    def close(self) -> None:
        self.hub.close()


class PersonKit(VirtualKit):
    """Somebody who does at the virtual box what the prompts say, after a moment."""

    MOMENT_S = 0.05

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heeds = True
        self.said: list[str] = []
        self._gone = False

    def open(self) -> Stimulus:
        watch = WiresWatch(self.hub.wires)
        options = {"timeout_s": 5.0 if self.heeds else 0.2}
        return open_stimulus("person", options, profile="production", watch=watch, say=self._hear)

    def take_away(self) -> None:
        self._gone = True
        super().take_away()

    def _hear(self, line: str) -> None:
        self.said.append(line)
        moves = {
            "PRESS": [(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)],
            "RELEASE": [(0, "SWITCH_A", 0), (0, "SWITCH_B", 0)],
            # The controller would raise HALT; nobody but it may drive that line on the hub.
            "HOLD": [(0, "REARM", 0), (30_000, "REARM", 1), (30_000, "HALT", 1)],
        }
        word = line.partition(" ")[0]
        if self.heeds and not self._gone and word in moves:
            time.sleep(self.MOMENT_S)
            self.hub.wires.stimulate(moves[word])


class FakeLines:
    """gpiod's line request without a chip: what is set, and when."""

    def __init__(self, config: dict[tuple[int, ...], gpiod.LineSettings]) -> None:
        [(offsets, settings)] = config.items()
        self.values = {offset: settings.output_value for offset in offsets}
        self.history: list[tuple[int, int, Any]] = []
        self.gone = False
        self.released = False

    def set_value(self, offset: int, value: Any) -> None:
        if self.gone:
            raise OSError(19, "No such device")
        self.values[offset] = value
        self.history.append((time.monotonic_ns(), offset, value))

    def release(self) -> None:
        self.released = True


class GpioKit:
    """The driver with everything but the kernel: its lines are a fake."""

    OFFSETS = dict(zip(OUTPUTS, (5, 6, 13), strict=True))

    def __init__(self, _folder: Path) -> None:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("gpiod.request_lines", self._request)
        self.lines: FakeLines | None = None

    def _request(self, _chip: str, consumer: str, config: Any) -> FakeLines:
        assert consumer == "bot4-rig"
        self.lines = FakeLines(config)
        return self.lines

    def open(self) -> Stimulus:
        return open_stimulus("gpio", self.options(), profile="bench")

    def options(self) -> dict[str, Any]:
        lines = {"contact_a": 5, "contact_b": 6, "button": 13}
        return {"chip": "/dev/gpiochip0", **lines, "settle_ms": 1}

    def levels(self) -> dict[str, int]:
        assert self.lines is not None
        active = gpiod.line.Value.ACTIVE
        return {
            name: int(self.lines.values[offset] != active) for name, offset in self.OFFSETS.items()
        }

    def pressed_ms(self) -> float:
        assert self.lines is not None
        at = [t for t, offset, _value in self.lines.history if offset == 13]
        return (at[-1] - at[-2]) / 1e6

    def take_away(self) -> None:
        assert self.lines is not None
        self.lines.gone = True

    def close(self) -> None:
        self._patch.undo()


class RobotKit:
    """The robot's own program on MicroPython's Unix port, its serial line a pty."""

    def __init__(self, folder: Path, stuck: int | None = None) -> None:
        try:
            command = micropython()
        except BenchAbsent as error:
            pytest.skip(str(error))
        self.record = folder / "record"
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        env = {**os.environ, "MICROPYPATH": str(HOUSE)}
        if stuck is not None:
            env["BOT4_ROBOT_STUCK"] = str(stuck)
        unix = HOUSE / "firmware" / "stimulus" / "unix.py"
        # The other way round than a USB port: the robot holds the master, we open the slave by name.
        self.process = subprocess.Popen(
            [*command, str(unix), str(TABLE), str(self.record)],
            stdin=self.master,
            stdout=self.master,
            env=env,
        )
        self._slave = slave

    def open(self) -> Stimulus:
        return open_stimulus("robot", {"port": self.port}, profile="bench")

    def moves(self) -> list[tuple[int, int]]:
        """Return (us of the robot's clock, bits of closed outputs) of everything it did."""
        rows = [line.split() for line in self.record.read_text().splitlines()]
        return [(int(at), int(bits)) for at, bits in rows]

    def levels(self) -> dict[str, int]:
        bits = self.moves()[-1][1]
        return {name: 1 - (bits >> place & 1) for place, name in enumerate(OUTPUTS)}

    def pressed_ms(self) -> float:
        held = [(at, bits >> 2 & 1) for at, bits in self.moves()]
        ups = [b for a, b in zip(held, held[1:], strict=False) if (a[1], b[1]) == (1, 0)]
        downs = [b for a, b in zip(held, held[1:], strict=False) if (a[1], b[1]) == (0, 1)]
        return (ups[-1][0] - downs[-1][0]) / 1000

    def take_away(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        end(self.process)
        for fd in (self.master, self._slave):
            os.close(fd)


KITS = {"virtual": VirtualKit, "gpio": GpioKit, "robot": RobotKit, "person": PersonKit}
