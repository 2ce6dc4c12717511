"""Only a hand on the button arms the box: no command, no restart, no mended wire, no short touch."""

import time

import pytest

from controller.times import Times
from hil.kit import Bench

pytestmark = pytest.mark.needs("edge-clock")


def stays_low(bench: Bench, since_ns: int) -> None:
    """Assert that HALT does not rise for a while, and that nothing leaves."""
    time.sleep(0.4)
    assert bench.edges("HALT", 1, since_ns) == []
    assert not bench.wires.levels()["HALT"]


def test_released_switch_does_not_arm(bench: Bench) -> None:
    pressed_ns = bench.press()
    bench.close_contacts()
    stays_low(bench, pressed_ns)


def test_button_does_not_arm_while_the_switch_is_open(bench: Bench) -> None:
    pressed_ns = bench.press()
    bench.open_contacts()
    bench.wires.stimulate([(0, "REARM", 0), (300_000, "REARM", 1)])
    stays_low(bench, pressed_ns)


@pytest.mark.needs("timed-contacts")
def test_short_touch_does_not_arm(bench: Bench) -> None:
    pressed_ns = bench.press()
    bench.close_contacts()
    bench.wait_status(controller="WAITING")
    held_us = Times(bench.parts.setup.profile).rearm_hold_ms * 1000 // 2
    bench.wires.stimulate([(0, "REARM", 0), (held_us, "REARM", 1)])
    stays_low(bench, pressed_ns)


@pytest.mark.needs("hold-button")
def test_button_held_since_before_does_not_arm(bench: Bench) -> None:
    bench.wires.stimulate([(0, "REARM", 0)])
    pressed_ns = bench.press()
    bench.close_contacts()
    stays_low(bench, pressed_ns)


@pytest.mark.parametrize(
    "words", [("halt", "go on"), ("halt", "NORMAL"), ("status",)], ids=" ".join
)
def test_no_command_arms(bench: Bench, words: tuple[str, ...]) -> None:
    pressed_ns = bench.press()
    bench.close_contacts()
    assert bench.parts.bot4(*words).returncode == 0
    stays_low(bench, pressed_ns)


def test_held_button_arms(bench: Bench) -> None:
    pressed_ns = bench.press()
    bench.session.rearm()
    assert len(bench.edges("HALT", 1, pressed_ns)) == 1
