"""The one contract of all analysers; each driver passes it on this machine, or says what is missing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.analysers import (
    Analyser,
    AnalyserError,
    DeviceGone,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    check_resolution,
)
from rig.capture import LINES
from rig.parts import OptionError
from tests.rig.analysers.kits import KITS, Kit

DURATION_S = 0.002
DURATION_NS = 2_000_000
TIMEOUT_S = 20.0


@pytest.fixture(params=KITS)
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    made = KITS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def analyser(kit: Kit) -> Iterator[Analyser]:
    opened = kit.open()
    yield opened
    opened.close()


def test_it_says_what_it_is(analyser: Analyser) -> None:
    described = analyser.describe()
    assert described["driver"]
    assert all(isinstance(text, str) and "\n" not in text for text in described.values())
    assert set(analyser.lines) <= set(LINES)
    assert analyser.name in KITS


def test_a_capture_has_the_duration_that_was_asked_for(analyser: Analyser) -> None:
    analyser.arm(None, DURATION_S)
    capture = analyser.wait(TIMEOUT_S)
    assert capture.lines == analyser.lines
    assert capture.bench == analyser.name
    assert capture.end_ns - capture.start_ns >= DURATION_NS


def test_a_triggered_capture_has_the_edge_and_the_duration_after_it(
    kit: Kit, analyser: Analyser
) -> None:
    analyser.arm(kit.comes, DURATION_S)
    kit.make_edge()
    capture = analyser.wait(TIMEOUT_S)
    line = kit.comes.line
    found = capture.rising(line) if kit.comes.level else capture.falling(line)
    assert len(found)
    assert capture.end_ns - found[0] >= DURATION_NS


def test_a_trigger_that_never_comes_gives_no_capture_and_the_next_one_works(
    kit: Kit, analyser: Analyser
) -> None:
    analyser.arm(kit.never, DURATION_S)
    with pytest.raises(TriggerNeverCame, match=f"{kit.never.line} {kit.never.edge}"):
        analyser.wait(0.5)
    analyser.arm(None, DURATION_S)
    assert analyser.wait(TIMEOUT_S).end_ns


def test_a_capture_without_an_end_is_ended_by_stop(analyser: Analyser) -> None:
    analyser.arm(None, None)
    time.sleep(0.5)  # a busy machine takes a while until the first sample
    capture = analyser.stop()
    assert capture.lines == analyser.lines
    assert capture.end_ns > capture.start_ns


def test_a_capture_stopped_before_its_end_is_no_capture(analyser: Analyser) -> None:
    analyser.arm(None, 5.0)
    with pytest.raises(ShortCapture):
        analyser.stop()


def test_waiting_for_the_end_of_a_capture_without_one_is_refused(analyser: Analyser) -> None:
    analyser.arm(None, None)
    with pytest.raises(ShortCapture, match="stop"):
        analyser.wait(1.0)


@pytest.mark.parametrize("ended", ["wait", "stop"])
def test_a_device_that_goes_in_mid_capture_gives_no_capture(
    kit: Kit, analyser: Analyser, ended: str
) -> None:
    analyser.arm(None, 3.0 if ended == "wait" else None)
    time.sleep(0.2)
    kit.take_away()
    time.sleep(0.2)
    with pytest.raises(DeviceGone) as raised:
        analyser.wait(TIMEOUT_S) if ended == "wait" else analyser.stop()
    assert "\n" not in str(raised.value)


def test_arming_twice_is_refused_and_the_first_capture_goes_on(analyser: Analyser) -> None:
    analyser.arm(None, DURATION_S)
    with pytest.raises(AnalyserError, match="armed already"):
        analyser.arm(None, DURATION_S)
    assert analyser.wait(TIMEOUT_S).end_ns


def test_there_is_nothing_to_wait_for_before_arming(analyser: Analyser) -> None:
    with pytest.raises(AnalyserError, match="not armed"):
        analyser.wait(1.0)
    with pytest.raises(AnalyserError, match="not armed"):
        analyser.stop()


@pytest.mark.parametrize(
    ("trigger", "duration_s", "named"),
    [
        (Trigger("NOSUCH", "rising"), 1.0, "NOSUCH"),
        (Trigger("HALT", "up"), 1.0, "up"),
        (Trigger("HALT", "rising"), None, "duration"),
        (None, 0.0, "duration 0 s"),
        (None, -1.0, "duration -1 s"),
        (None, float("nan"), "duration nan s"),
        (None, 1e9, "duration 1e\\+09 s"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_starts(
    analyser: Analyser, trigger: Trigger | None, duration_s: float | None, named: str
) -> None:
    with pytest.raises(OptionError, match=named):
        analyser.arm(trigger, duration_s)
    analyser.arm(None, DURATION_S)
    assert analyser.wait(TIMEOUT_S).end_ns


def test_it_can_be_closed_at_any_time_and_again(kit: Kit) -> None:
    analyser = kit.open()
    analyser.arm(kit.never, DURATION_S)
    analyser.close()
    analyser.close()


def test_a_limit_that_its_rate_does_not_resolve_is_refused(analyser: Analyser) -> None:
    least_us = 50 * 1_000_000 / analyser.sample_rate_hz
    check_resolution(analyser.sample_rate_hz, least_us)
    with pytest.raises(OptionError, match="1/50"):
        check_resolution(analyser.sample_rate_hz, least_us * 0.99)
