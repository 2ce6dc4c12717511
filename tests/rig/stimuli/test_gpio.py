"""The relay on GPIO lines: its lines are a fake, the refusals of the kernel are real."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiod
import pytest

from rig.parts import OptionError
from rig.stimuli import StimulusAbsent, StimulusFailed, open_stimulus
from tests.rig.stimuli.kits import GpioKit

OPTIONS = {"chip": "/dev/gpiochip0", "contact_a": 5, "contact_b": 6}
RELEASE = [(0, "SWITCH_A", 0), (0, "SWITCH_B", 0)]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GpioKit]:
    made = GpioKit(tmp_path)
    yield made
    made.close()


def test_every_contact_is_open_from_the_first_moment(kit: GpioKit) -> None:
    hand = kit.open()
    assert kit.levels() == {"SWITCH_A": 1, "SWITCH_B": 1, "REARM": 1}
    assert kit.lines is not None
    assert kit.lines.history == []
    hand.close()
    assert kit.lines.released


def test_a_button_is_let_go_when_the_hold_is_interrupted(
    kit: GpioKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = kit.open()
    hand.release(RELEASE)

    def interrupted(at_ns: int) -> None:
        assert kit.lines is not None
        if kit.lines.values[13] == gpiod.line.Value.ACTIVE:
            raise KeyboardInterrupt

    monkeypatch.setattr("rig.stimuli.gpio._wait_until", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hand.rearm(50)
    assert kit.levels() == {"SWITCH_A": 1, "SWITCH_B": 1, "REARM": 1}


def test_it_waits_until_the_contacts_have_settled(kit: GpioKit) -> None:
    hand = open_stimulus("gpio", {**kit.options(), "settle_ms": 40}, profile="bench")
    done = hand.release(RELEASE)
    assert done.done_ns - done.commanded[-1][0] >= 40_000_000


def test_after_close_nothing_can_be_closed_again(kit: GpioKit) -> None:
    hand = kit.open()
    hand.close()
    with pytest.raises(StimulusFailed, match="closed already"):
        hand.release(RELEASE)


def test_the_active_level_is_passed_on(kit: GpioKit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        "gpiod.request_lines", lambda _chip, consumer, config: seen.append(config) or object()
    )
    open_stimulus("gpio", {**OPTIONS, "active_low": True}, profile="bench")
    [(offsets, settings)] = seen[0].items()
    assert offsets == (5, 6)
    assert settings.active_low
    assert settings.output_value == gpiod.line.Value.INACTIVE


def test_without_a_line_for_the_button_it_cannot_rearm(kit: GpioKit) -> None:
    hand = open_stimulus("gpio", OPTIONS, profile="production")
    with pytest.raises(StimulusAbsent, match="button"):
        hand.rearm(20)


def test_a_relay_on_the_button_is_refused_in_production() -> None:
    with pytest.raises(OptionError, match="re-arming is for a person"):
        open_stimulus("gpio", {**OPTIONS, "button": 13}, profile="production")


@pytest.mark.parametrize("chip", ["/dev/no-such-chip", "/dev/null", "/etc/hostname", ""])
def test_a_chip_that_is_none_is_named(chip: str) -> None:
    with pytest.raises(StimulusAbsent, match=f"stimulus gpio: {chip}") as raised:
        open_stimulus("gpio", {**OPTIONS, "chip": chip}, profile="bench")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"contact_b": 5}, "different lines"),
        ({"button": 6}, "different lines"),
        ({"contact_a": -1}, "contact_a"),
        ({"contact_a": "GPIO5"}, "contact_a"),
        ({"settle_ms": 5000}, "settle_ms"),
        ({"active_low": 1}, "active_low"),
        ({"pin": 1}, "no option 'pin'"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        open_stimulus("gpio", {**OPTIONS, **options}, profile="bench")
