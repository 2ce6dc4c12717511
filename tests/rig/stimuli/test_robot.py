"""The press robot: its program on MicroPython's Unix port, and lines that are none."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.stimulus import lines as on_the_pico
from rig.parts import OptionError
from rig.stimuli import StimulusAbsent, StimulusFailed, open_stimulus, robot_files
from rig.stimuli import robot_line as on_the_host
from tests.rig.stimuli.kits import RobotKit

RELEASE = [(0, "SWITCH_A", 0), (30, "SWITCH_B", 0)]
PRESS = [(0, "SWITCH_A", 1), (40, "SWITCH_B", 1)]
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1).map(str.strip)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[RobotKit]:
    made = RobotKit(tmp_path)
    yield made
    made.close()


@given(st.integers(0, 2**31), words.filter(bool))
def test_both_ends_pack_and_unpack_alike(number: int, said: str) -> None:
    line = on_the_host.pack(number, said)
    assert line == on_the_pico.pack(number, said)
    assert on_the_pico.unpack(line[:-1]) == (number, said)
    assert on_the_host.unpack(line) == (number, said)


@given(st.integers(0, 999), words.filter(bool), st.data())
def test_a_changed_bit_is_no_line_at_either_end(
    number: int, said: str, data: st.DataObject
) -> None:
    line = bytearray(on_the_host.pack(number, said)[:-1])
    place = data.draw(st.integers(0, 8 * len(line) - 1))
    line[place // 8] ^= 1 << place % 8
    changed = bytes(line)
    # The digits of the CRC may be written in capitals too, which changes nothing.
    if changed.lower() == bytes(on_the_host.pack(number, said)[:-1]).lower():
        return
    assert on_the_host.unpack(changed) is None
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says, the robot drops the line
        on_the_pico.unpack(changed)


@given(st.binary())
def test_noise_is_no_line(noise: bytes) -> None:
    assert on_the_host.unpack(noise) is None


def test_patterns_keep_their_order_and_their_times(kit: RobotKit) -> None:
    hand = kit.open()
    hand.release(RELEASE)
    hand.press([(0, "SWITCH_A", 1), (200, "SWITCH_A", 0), (900, "SWITCH_A", 1)])
    moves = kit.moves()[-3:]
    assert [bits for _at, bits in moves] == [0b010, 0b011, 0b010]
    assert moves[1][0] - moves[0][0] >= 150
    hand.close()


def test_a_rig_that_hangs_longer_than_its_patience_opens_everything(kit: RobotKit) -> None:
    hand = kit.open()
    hand.release(RELEASE)
    assert kit.levels() == {"SWITCH_A": 0, "SWITCH_B": 0, "REARM": 1}
    time.sleep(1.5)  # the pings go on: nothing happens
    assert kit.levels()["SWITCH_A"] == 0
    with hand._line._lock:  # nothing is said any more, as of a process that is stopped
        time.sleep(1.5)
    assert kit.levels() == {"SWITCH_A": 1, "SWITCH_B": 1, "REARM": 1}
    with pytest.raises(StimulusFailed, match="no session"):
        hand.press(PRESS)
    hand.close()


def test_a_long_hold_is_pinged_through(kit: RobotKit) -> None:
    hand = kit.open()
    hand.rearm(1500)
    assert 1499 <= kit.pressed_ms() <= 2500
    hand.close()


@pytest.mark.parametrize("stuck", [0, 1, 2])
def test_an_output_that_does_not_move_fails_the_self_test(tmp_path: Path, stuck: int) -> None:
    kit = RobotKit(tmp_path, stuck)
    name = ("SWITCH_A", "SWITCH_B", "REARM")[stuck]
    with pytest.raises(StimulusFailed, match=f"self-test: output of {name}"):
        kit.open()
    kit.close()


def test_a_robot_with_another_table_is_refused(
    kit: RobotKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "robot.json"
    other.write_bytes(
        on_the_host.TABLE.read_bytes().replace(b'"most_moves": 64', b'"most_moves": 65')
    )
    monkeypatch.setattr(on_the_host, "TABLE", other)
    with pytest.raises(StimulusFailed, match="the table here is"):
        kit.open()


def test_noise_on_the_line_is_dropped_and_counted(kit: RobotKit) -> None:
    hand = kit.open()
    for noise in (b"hello\n", b"\xff\x00\xfe\n", b"1 DROP*00000000\n", b"x" * 5000 + b"\n"):
        hand._line._serial.write(noise)
    hand.press(PRESS)
    hand.close()
    again = kit.open()
    assert int(again.describe()["lines dropped"]) >= 4
    again.close()


def test_what_the_robot_does_not_do_is_refused_by_it(kit: RobotKit) -> None:
    hand = kit.open()
    for words, why in (
        ("DANCE", "unknown verb DANCE"),
        ("PLAY", "a move is"),
        ("PLAY 0:3:1", "a move is"),
        ("PLAY 0:0:1,5:0:0", "at least 10 us apart"),
        ("PLAY 50:0:1,20:0:0", "at least 10 us apart"),
        ("PLAY 0:0:1,600000:0:0", "0..500000 us"),
        ("PLAY " + ",".join(f"{20 * n}:0:{n % 2}" for n in range(65)), "more than 64 moves"),
        ("HOLD 0", "hold for"),
        ("HOLD 99999", "hold for"),
        ("HOLD x", "hold for"),
    ):
        with pytest.raises(StimulusFailed, match=why):
            hand._line.ask(words)
    hand.press(PRESS)
    hand.close()


def test_a_pattern_too_long_for_it_is_refused_by_the_driver(kit: RobotKit) -> None:
    hand = kit.open()
    with pytest.raises(OptionError, match="at most 64 moves within 500000 us"):
        hand.press([(0, "SWITCH_A", 1), (600_000, "SWITCH_B", 1)])
    with pytest.raises(OptionError, match="at most 10000"):
        hand.rearm(20_000)
    hand.close()


def test_it_is_never_fitted_in_production() -> None:
    with pytest.raises(OptionError, match="never fitted in production"):
        open_stimulus("robot", {"port": "/dev/null"}, profile="production")


def test_ports_that_are_no_robot_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_the_host, "HELLO_S", 0.5)
    with pytest.raises(StimulusAbsent, match="nosuch"):
        open_stimulus("robot", {"port": str(tmp_path / "nosuch")}, profile="bench")
    with pytest.raises(StimulusAbsent, match="/dev/null"):
        open_stimulus("robot", {"port": "/dev/null"}, profile="bench")
    master, slave = os.openpty()
    with pytest.raises(StimulusAbsent, match="no press robot answers"):
        open_stimulus("robot", {"port": os.ttyname(slave)}, profile="bench")
    os.close(master)
    os.close(slave)


def test_no_thread_is_left(kit: RobotKit) -> None:
    before = threading.active_count()
    hand = kit.open()
    hand.close()
    assert threading.active_count() == before


def test_the_files_for_its_pico_are_those_of_the_repository() -> None:
    files = robot_files()
    assert {"main.py", "robot.json", "firmware/__init__.py"} <= set(files)
    for name, content in files.items():
        if name.startswith("firmware/stimulus/"):
            assert content == (on_the_host.FOLDER / name.rpartition("/")[2]).read_bytes()
