"""The press robot's own program on the emulated Pico: real MicroPython, real PIO, its USB port."""

from binascii import crc32

import pytest

from rig.stimuli.robot import robot_files
from rig.stimuli.robot_line import TABLE, pack, unpack
from tests.emulated.kit import IMAGE, MS, needs_emulator

pytestmark = needs_emulator

FIRST_PIN = 2
PINS = (2, 3, 4)
HELLO = f"HELLO {crc32(TABLE.read_bytes()):08x}"


class Robot:
    """A robot's Pico, its contacts and the host at its USB port."""

    def __init__(self) -> None:
        from rig.emulated.chip import EmulatedPico

        self.edges: list[tuple[int, int, int]] = []
        self.said = b""
        self._number = 0
        self.pico = EmulatedPico(IMAGE.path, robot_files(), watch=PINS, usb=True)
        self.pico.on_edge(lambda pin, level, t_ns: self.edges.append((t_ns, pin, level)))
        self.pico.on_usb(lambda data, _t_ns: self._hear(data))
        self.pico.run_for(1_500 * MS)

    def _hear(self, data: bytes) -> None:
        self.said += data

    def ask(self, words: str, within_ms: int = 1000) -> str:
        """Say a line; return the answer, or nothing when there is none in time."""
        assert self.pico.usb is not None
        self._number += 1
        self.pico.usb.write(pack(self._number, words))
        for _ in range(within_ms):
            self.pico.run_for(MS)
            for line in self.said.split(b"\n"):
                heard = unpack(line)
                if heard is not None and heard[0] == self._number:
                    return heard[1]
        return ""

    def level(self, name: str) -> int:
        """Return whether the output is high, which closes the contact."""
        return int(self.pico.level(PINS[("SWITCH_A", "SWITCH_B", "REARM").index(name)]) == 1)


@pytest.fixture
def robot() -> Robot:
    started = Robot()
    assert started.ask(HELLO).startswith("OK 1 pico"), started.said
    return started


def test_a_bounce_pattern_is_played_to_the_tick(robot: Robot) -> None:
    moves = [(0, 0, 1), (10, 0, 0), (25, 0, 1), (125, 1, 1), (1125, 0, 0), (1140, 1, 0)]
    robot.edges.clear()
    said = robot.ask("PLAY " + ",".join(":".join(map(str, move)) for move in moves))
    assert said.startswith("OK")
    begun_ns = robot.edges[0][0]
    played = [((t - begun_ns) / 1000, pin - FIRST_PIN, level) for t, pin, level in robot.edges]
    print(f"asked for {moves}, played {played}")
    assert [move[1:] for move in played] == [move[1:] for move in moves]
    for (at_us, *_), (wanted_us, *_) in zip(played, moves, strict=True):
        assert at_us == pytest.approx(wanted_us, abs=0.4)


def test_the_longest_pattern_is_played_without_a_gap(robot: Robot) -> None:
    moves = [(place * 10, 0, (place + 1) % 2) for place in range(64)]
    robot.edges.clear()
    assert robot.ask("PLAY " + ",".join(":".join(map(str, move)) for move in moves)) != ""
    times = [t for t, _pin, _level in robot.edges]
    gaps = {later - earlier for earlier, later in zip(times, times[1:], strict=False)}
    print(f"{len(times)} edges, gaps {sorted(gaps)} ns")
    assert len(times) == 64
    assert gaps <= {10_000}


def test_a_host_that_falls_silent_opens_everything(robot: Robot) -> None:
    robot.ask("PLAY 0:0:1,10:1:1")
    assert (robot.level("SWITCH_A"), robot.level("SWITCH_B")) == (1, 1)
    robot.pico.run_for(900 * MS)
    assert robot.level("SWITCH_A") == 1
    robot.pico.run_for(300 * MS)
    assert (robot.level("SWITCH_A"), robot.level("SWITCH_B")) == (0, 0)
    assert robot.ask("PLAY 0:0:1").startswith("NO no session")


def test_the_button_is_held_and_let_go_by_the_robot(robot: Robot) -> None:
    robot.edges.clear()
    assert robot.ask("HOLD 200", 400).startswith("OK")
    at = [(t, level) for t, pin, level in robot.edges if pin == PINS[2]]
    assert [level for _t, level in at] == [1, 0]
    print(f"held for {(at[1][0] - at[0][0]) / 1e6:.3f} ms, asked for 200")
    assert 199 * MS <= at[1][0] - at[0][0] <= 225 * MS


def test_a_reset_opens_everything(robot: Robot) -> None:
    robot.ask("PLAY 0:0:1,10:1:1")
    robot.pico.press_reset()
    robot.pico.run_for(1_500 * MS)
    assert (robot.level("SWITCH_A"), robot.level("SWITCH_B")) == (0, 0)


def test_control_c_opens_everything(robot: Robot) -> None:
    robot.ask("PLAY 0:0:1,10:1:1")
    assert robot.pico.usb is not None
    robot.pico.usb.write(b"\x03")
    robot.pico.run_for(100 * MS)
    assert (robot.level("SWITCH_A"), robot.level("SWITCH_B")) == (0, 0)
