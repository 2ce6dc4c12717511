"""The venue's dead man's switch: when it is refreshed, when not, and when it is disarmed."""

from typing import Any

import pytest

from host.engine.deadman import MS, REFRESHES, Deadman

TIMEOUT_S = 60.0
EVERY_NS = int(TIMEOUT_S * 1000) * MS // REFRESHES
SPARES, TAKES = frozenset({"deadman"}), frozenset({"deadman", "deadman_stops"})
TRADING = {"permitted": True, "worked_off": False, "held": False}


class Switch:
    """A switch, the venue behind it and a clock."""

    def __init__(self, can: frozenset[str], timeout_s: float = TIMEOUT_S) -> None:
        self.sent: list[int] = []
        self.alerts: list[str] = []
        self.answers = True
        self.now_ns = 10**9
        self.it = Deadman(timeout_s, self.ask, lambda code, **data: self.alerts.append(code))
        self.it.begin(can, self.now_ns)

    def ask(self, op: str, req: int, **more: Any) -> None:
        assert op == "deadman"
        self.sent.append(more["timeout_ms"])
        self._req = req

    def tick(self, seconds: float = 0.0, **how: bool) -> None:
        """Let time pass in steps of 100 ms."""
        for _ in range(max(1, round(seconds * 10))):
            asked = len(self.sent)
            self.it.tick(self.now_ns, **{**TRADING, **how})
            if self.answers and len(self.sent) > asked:
                self.it.take({"req": self._req, "timeout_ms": self.sent[-1]}, self.now_ns)
            self.now_ns += 100 * MS


@pytest.mark.parametrize("can", [SPARES, TAKES])
def test_it_is_armed_and_refreshed_while_the_gate_permits(can: frozenset[str]) -> None:
    switch = Switch(can)
    switch.tick(60)
    assert switch.sent == [60_000] * REFRESHES
    assert switch.it.armed


@pytest.mark.parametrize("can", [SPARES, TAKES])
def test_a_halt_ends_the_refreshing_and_a_worked_off_one_disarms(can: frozenset[str]) -> None:
    switch = Switch(can)
    switch.tick(5)
    switch.sent.clear()
    switch.tick(100, permitted=False)  # the ladder goes on: the switch fires if it never ends
    assert switch.sent == []
    switch.tick(100, permitted=False, worked_off=True)
    assert (switch.sent, switch.it.armed) == ([0], False)


def test_where_it_takes_stops_it_is_off_while_a_position_rests_on_one() -> None:
    switch = Switch(TAKES)
    switch.tick(1)
    switch.tick(60, held=True)
    assert (switch.sent, switch.it.armed) == ([60_000, 0], False)
    switch.tick(1)
    assert switch.sent[-1] == 60_000


def test_where_it_spares_stops_a_position_changes_nothing() -> None:
    switch = Switch(SPARES)
    switch.tick(60, held=True)
    assert switch.sent == [60_000] * REFRESHES


def test_one_that_an_earlier_run_has_armed_is_disarmed_at_the_start() -> None:
    switch = Switch(TAKES)
    switch.tick(1, permitted=False)
    assert switch.sent == []
    switch.tick(1, permitted=False, worked_off=True)
    assert switch.sent == [0]


def test_an_unanswered_disarming_is_tried_again_and_silence_is_told_once() -> None:
    switch = Switch(SPARES)
    switch.answers = False
    switch.tick(40, permitted=False, worked_off=True)
    assert switch.sent == [0, 0, 0]
    switch.tick(150)
    assert switch.alerts == ["DEADMAN_UNANSWERED"]
    switch.answers = True
    switch.tick(60)
    switch.answers = False
    switch.tick(150)
    assert switch.alerts == ["DEADMAN_UNANSWERED"] * 2


@pytest.mark.parametrize(("can", "timeout_s"), [(frozenset({"stop"}), 60.0), (SPARES, 0.0)])
def test_without_one_or_when_it_is_not_wanted_nothing_is_asked(
    can: frozenset[str], timeout_s: float
) -> None:
    switch = Switch(can, timeout_s)
    switch.tick(60)
    switch.tick(60, permitted=False, worked_off=True)
    assert (switch.sent, switch.alerts) == ([], [])


def test_a_new_connection_begins_anew() -> None:
    switch = Switch(SPARES)
    switch.tick(1)
    switch.it.restart(switch.now_ns)
    switch.tick(1)
    assert switch.sent == [60_000, 60_000]
