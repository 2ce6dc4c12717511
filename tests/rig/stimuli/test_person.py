"""A person who is told what to do, and what sees that they did it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.analysers.virtual import VirtualAnalyser
from rig.parts import OptionError
from rig.stimuli import AnalyserWatch, StimulusAbsent, StimulusFailed, open_stimulus
from tests.rig.stimuli.kits import PersonKit

PRESS = [(0, "SWITCH_A", 1), (50, "SWITCH_B", 1)]
RELEASE = [(0, "SWITCH_A", 0), (50, "SWITCH_B", 0)]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[PersonKit]:
    made = PersonKit(tmp_path)
    yield made
    made.close()


def test_each_prompt_says_what_to_do_and_how_long_there_is(kit: PersonKit) -> None:
    hand = kit.open()
    hand.press(PRESS)
    hand.release(RELEASE)
    hand.rearm(2000)
    prompts = kit.said[::2]
    assert [prompt.partition(",")[0] for prompt in prompts] == [
        "PRESS the kill switch",
        "RELEASE the kill switch",
        "HOLD the re-arm button for 2 s",
    ]
    assert all("within 5 s (Ctrl-C ends the run)" in prompt for prompt in prompts)
    assert max(map(len, kit.said)) <= 76  # with the mark before it, one line of 80


def test_somebody_who_does_not_come_is_not_a_press(kit: PersonKit) -> None:
    kit.heeds = False
    with pytest.raises(StimulusFailed, match="SWITCH_B did not move within 0.2 s"):
        kit.open().press(PRESS)


def test_the_edge_is_taken_from_the_capture(kit: PersonKit) -> None:
    watch = AnalyserWatch(VirtualAnalyser(kit.hub.wires), after_s=0.05)
    hand = open_stimulus(
        "person", {"timeout_s": 5.0}, profile="production", watch=watch, say=kit._hear
    )
    done = hand.press(PRESS)
    assert watch.capture is not None
    assert done.commanded == ((int(watch.capture.rising("SWITCH_B")[0]), "SWITCH_B", 1),)
    kit.heeds = False
    with pytest.raises(StimulusFailed):
        open_stimulus("person", {"timeout_s": 0.1}, profile="bench", watch=watch).release(RELEASE)
    assert watch.capture is None


def test_control_c_ends_the_wait(kit: PersonKit) -> None:
    class Interrupted:
        def expect(self, line: str, level: int) -> None: ...

        def seen(self, timeout_s: float) -> int | None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_stimulus("person", {}, profile="bench", watch=Interrupted()).press(PRESS)


def test_the_prompt_goes_to_standard_error(
    kit: PersonKit, capsys: pytest.CaptureFixture[str]
) -> None:
    class AtOnce:
        def expect(self, line: str, level: int) -> None: ...

        def seen(self, timeout_s: float) -> int | None:
            return 1

    open_stimulus("person", {}, profile="bench", watch=AtOnce()).press(PRESS)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(">>> PRESS the kill switch")


def test_without_anything_that_watches_there_is_no_person() -> None:
    with pytest.raises(StimulusAbsent, match="nothing watches"):
        open_stimulus("person", {}, profile="bench")


@pytest.mark.parametrize("timeout_s", [0, -1, 4000])
def test_a_timeout_must_be_one(timeout_s: float) -> None:
    with pytest.raises(OptionError, match="timeout_s"):
        open_stimulus("person", {"timeout_s": timeout_s}, profile="bench")


def test_kinds_and_profiles_are_known_by_name() -> None:
    with pytest.raises(OptionError, match="'thumb': it is one of gpio, person, robot, virtual"):
        open_stimulus("thumb", {}, profile="bench")
    with pytest.raises(OptionError, match="profile 'test'"):
        open_stimulus("virtual", {}, profile="test")
    with pytest.raises(StimulusAbsent, match="bench, which is not up"):
        open_stimulus("virtual", {}, profile="bench")
