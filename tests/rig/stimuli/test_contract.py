"""The one contract of all stimuli; each driver passes it on this machine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.parts import OptionError
from rig.processes import BenchError
from rig.stimuli import Stimulus
from tests.rig.stimuli.kits import KITS, Kit

PRESS = [(0, "SWITCH_A", 1), (100, "SWITCH_A", 0), (250, "SWITCH_A", 1), (400, "SWITCH_B", 1)]
RELEASE = [(0, "SWITCH_B", 0), (60, "SWITCH_A", 0), (90, "SWITCH_A", 1), (500, "SWITCH_A", 0)]
OPEN = {"SWITCH_A": 1, "SWITCH_B": 1}
CLOSED = {"SWITCH_A": 0, "SWITCH_B": 0}


@pytest.fixture(params=KITS)
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    made = KITS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def hand(kit: Kit) -> Iterator[Stimulus]:
    opened = kit.open()
    yield opened
    try:
        opened.close()
    except BenchError:
        assert "virtual" in opened.name  # its hub was taken away


def test_it_says_what_it_is(hand: Stimulus) -> None:
    described = hand.describe()
    assert described["driver"]
    assert all(isinstance(text, str) and "\n" not in text for text in described.values())
    assert hand.name in KITS


def test_a_press_leaves_the_contacts_open_and_a_release_closed(kit: Kit, hand: Stimulus) -> None:
    for _ in range(2):
        hand.release(RELEASE)
        assert {name: kit.levels()[name] for name in CLOSED} == CLOSED
        hand.press(PRESS)
        assert {name: kit.levels()[name] for name in OPEN} == OPEN


def test_it_returns_when_it_is_done_and_tells_what_it_commanded(hand: Stimulus) -> None:
    hand.release(RELEASE)
    before_ns = time.monotonic_ns()
    done = hand.press(PRESS)
    assert before_ns < done.done_ns <= time.monotonic_ns()
    times = [at for at, _line, _level in done.commanded]
    assert times == sorted(times)
    assert all(before_ns <= at <= done.done_ns for at in times)
    if hand.name != "person":  # who makes a pattern of their own
        assert [move[1:] for move in done.commanded] == [move[1:] for move in PRESS]


def test_the_button_is_held_as_long_as_it_was_asked_and_let_go(kit: Kit, hand: Stimulus) -> None:
    hand.release(RELEASE)
    hand.rearm(30)
    if hand.name == "person":
        time.sleep(0.1)  # nobody sees the button itself
    assert kit.levels()["REARM"] == 1
    # The robot looks at its clock every 20 ms; a busy machine adds to all of them.
    assert 29 <= kit.pressed_ms() <= 1000


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ([], "no move"),
        ([(0, "HALT", 1)], "'HALT' is not a contact"),
        ([(0, "REARM", 0)], "'REARM' is not a contact"),
        ([(0, "SWITCH_A", 2)], "level 2"),
        ([(50, "SWITCH_A", 1), (40, "SWITCH_B", 1)], "move 2: 40 us"),
        ([(-1, "SWITCH_A", 1)], "-1 us"),
        ([(0.5, "SWITCH_A", 1)], "move 1"),
        ([(11_000_000, "SWITCH_A", 1)], "11000000 us"),
        ([(0, "SWITCH_A", 1), (9, "SWITCH_A", 0)], "must leave a contact open"),
    ],
)
def test_a_pattern_that_is_none_is_refused_and_nothing_moves(
    kit: Kit, hand: Stimulus, pattern: list, named: str
) -> None:
    hand.release(RELEASE)
    before = kit.levels()
    with pytest.raises(OptionError, match=named):
        hand.press(pattern)
    assert kit.levels() == before


def test_a_release_that_leaves_a_contact_open_is_refused(hand: Stimulus) -> None:
    with pytest.raises(OptionError, match="closed"):
        hand.release(PRESS)


@pytest.mark.parametrize("hold_ms", [0, -5, 30_001])
def test_a_hold_that_no_hand_makes_is_refused(hand: Stimulus, hold_ms: int) -> None:
    with pytest.raises(OptionError, match=f"hold {hold_ms} ms"):
        hand.rearm(hold_ms)


def test_after_close_switch_and_button_are_open(kit: Kit, hand: Stimulus) -> None:
    hand.release(RELEASE)
    hand.close()
    if hand.name == "person":
        return  # whose hand is their own
    if hand.name in ("virtual", "robot"):
        time.sleep(0.2)
    assert kit.levels() == {**OPEN, "REARM": 1}
    if hand.name != "virtual":
        hand.close()


def test_a_part_that_goes_away_is_one_clear_line(kit: Kit, hand: Stimulus) -> None:
    hand.release(RELEASE)
    kit.take_away()
    with pytest.raises(BenchError) as raised:
        hand.press(PRESS)
    assert "\n" not in str(raised.value)
