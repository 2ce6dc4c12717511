"""The explorer, in short; and that it finds what it is for."""

import pytest

from controller import core, faults, rearm, reasons, states, times
from tools import model_check


def test_the_small_parts_hold_and_reach_every_state() -> None:
    for part in ("switch", "host", "store"):
        came, _steps, whole = model_check.explore(part, 0, 20_000)
        assert whole
        assert model_check.states_of(came) == set(range(6))
        print(part, len(came), "states visited")


def test_the_wrap_of_the_clock_changes_nothing() -> None:
    assert model_check.check("store", 20_000) > 1000


def test_the_watchdog_is_explored_to_its_end() -> None:
    visited, _steps = model_check.explore_watchdog()
    assert visited > 1000


def _without_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rearm.Rearm, "released", lambda *_: True)


def _without_button(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rearm.Rearm, "held", lambda *_: True)


def _a_trip_that_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(states.NEXT, (states.TRIPPED, states.RELEASED), states.ARMED)


def _halt_high_while_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "halt_high", lambda state: state >= states.WAITING)


def _deaf_for_tampering(monkeypatch: pytest.MonkeyPatch) -> None:
    row = (reasons.BAD_MAC, faults.RECOVERABLE, faults.NEVER)
    monkeypatch.setitem(faults.BY_REASON, reasons.BAD_MAC, row)


def _a_clock_without_a_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rearm, core):
        monkeypatch.setattr(module, "elapsed_ms", lambda now_ms, then_ms: now_ms - then_ms)


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (_without_release, "without a release|before the release"),
        (_without_button, "armed"),
        (_a_trip_that_arms, "not latched|armed"),
        (_halt_high_while_waiting, "HALT high outside of ARMED"),
        (_deaf_for_tampering, "a tampered frame did not trip"),
        (_a_clock_without_a_wrap, "the wrap of the clock changes something"),
    ],
)
def test_a_planted_fault_is_found(plant, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(model_check.Broken, match=found):
        model_check.check("host", 20_000)


def test_the_mask_of_the_clock_is_the_one_of_micropython() -> None:
    assert times.TICK_MASK == (1 << 30) - 1
