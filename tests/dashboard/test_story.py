"""What the log tells: trips with their stages whichever record comes first, and what nobody said."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.audit.record import Record
from host.dashboard import view
from host.dashboard.panels import render
from host.dashboard.story import Points, Story

MS = 1_000_000


class Told:
    """Builds records one after the other."""

    def __init__(self) -> None:
        self.story = Story()
        self._seq = 0

    def __call__(self, kind: str, origin: str = "guard", mono_ms: float = 0, **data: Any) -> None:
        self._seq += 1
        mono_ns = int(mono_ms * MS)
        self.story.take(
            Record(
                self._seq, 10**18 + mono_ns, mono_ns, kind, origin, {"n": self._seq, **data}, "", ""
            )
        )

    def mode(self, mode: str, reason: str, epoch: int, mono_ms: float) -> None:
        self("mode", mono_ms=mono_ms, mode=mode, reason=reason, epoch=epoch, detail="", was="NONE")

    def closed(self, emergency_ms: float, mono_ms: float, took_us: int, reason: str) -> None:
        self("gate_closed", mono_ms=mono_ms, emergency_ns=int(emergency_ms * MS), ack_ns=0, lifted=0,
             since_emergency_us=took_us, waited_us=took_us - 5, forced=False, reason=reason)  # fmt: skip


def test_stages_belong_to_their_trip_whichever_record_comes_first() -> None:
    tell = Told()
    tell.closed(100, 100.1, 60, "HALT_LINE")  # the reflex: the gate is shut before the step is told
    tell.mode("EMERGENCY", "HALT_LINE", 5, 100.2)
    tell("controller_trip", mono_ms=101, reason="SWITCH_A", at_us=1)
    tell("controller_ack_seen", mono_ms=102, halt_to_ack_us=155, at_us=2)
    tell("ladder_done", mono_ms=110.2, epoch=5, engine="engine")
    tell.mode("PAUSED", "REARMED", 6, 600.2)
    tell.mode("EMERGENCY", "OPERATOR", 7, 900)  # the host's own: HALT follows, then the gate's word
    tell.closed(900, 905, 4605, "OPERATOR")
    newest, oldest = tell.story.trips() or []
    assert (oldest.epoch, oldest.emergency_to_ack_us, oldest.waited_us) == (5, 60, 55)
    assert (oldest.controller_reason, oldest.halt_to_ack_us) == ("SWITCH_A", 155)
    assert (oldest.ladder_us, oldest.rearmed_us) == (10_000, 500_000)
    assert (newest.epoch, newest.emergency_to_ack_us, newest.halt_to_ack_us) == (7, 4605, None)
    assert newest.controller_reason == ""


def test_what_the_controller_says_long_after_is_of_another_press() -> None:
    tell = Told()
    tell.mode("EMERGENCY", "OPERATOR", 5, 0)
    tell("controller_trip", mono_ms=60_000, reason="SWITCH_B", at_us=1)
    assert [trip.controller_reason for trip in tell.story.trips() or []] == [""]


def test_nothing_is_known_before_somebody_has_said_it() -> None:
    tell = Told()
    assert tell.story.trips() is None
    assert tell.story.alerts() is None
    tell(
        "fill", "engine", venue="paper", qty="5", price="10", side="buy", fee="1", id="x", left="0"
    )
    account = tell.story.account()
    assert (account.positions, account.orders, account.equity) == (None, None, None)
    assert tell.story.position_value() is None
    tell("attached", role="engine", name="engine", pid=1)
    assert tell.story.account().positions is None  # not before the venue has answered
    tell("reconciled", "engine", venue="paper", ours="0", theirs="3")
    tell("ladder_done", epoch=1, engine="engine")
    assert tell.story.account().positions == {"paper": "3"}
    assert tell.story.position_value() == 30


def test_position_fees_and_open_orders_follow_the_fills() -> None:
    tell = Told()
    tell("attached", role="engine", name="engine", pid=1)
    tell("ladder_done", epoch=1, engine="engine")
    new = {"op": "new", "type": "limit", "price": "10", "equity": 50.0}
    tell("order", "engine", id="a", side="buy", qty="4", **new)
    tell("order", "engine", id="b", side="sell", qty="1", **new)
    fill = {"venue": "paper", "price": "12"}
    tell("fill", "engine", id="a", side="buy", qty="2.5", fee="0.25", left="1.5", **fill)
    tell("fill", "engine", id="b", side="sell", qty="1", fee="0.10", left="0", **fill)
    account = tell.story.account()
    assert account.positions == {"paper": "1.5"}
    assert (account.fees, account.fills, account.price) == (0.35, 2, 12)
    assert account.orders == [view.Order("a", "buy", "limit", "1.5", "10")]
    assert tell.story.position_value() == 18


def test_the_drawdown_is_from_the_highest_since_a_person_re_armed() -> None:
    tell = Told()
    for equity in (100.0, 200.0, 150.0):
        tell("order", "engine", id="a", op="new", price="1", qty="1", equity=equity)
    assert tell.story.account().drawdown == 0.25
    tell.mode("PAUSED", "REARMED", 3, 5)
    assert tell.story.account().drawdown == 0
    tell("order", "engine", id="a", op="new", price="1", qty="1", equity=120.0)
    assert abs((tell.story.account().drawdown or 0) - 0.2) < 1e-12


def test_alerts_are_those_that_people_are_told() -> None:
    tell = Told()
    tell("alert", "engine", code="DUST_LEFT", venue="paper")
    tell.mode("PAUSED", "REARMED", 3, 5)
    tell.mode("EMERGENCY", "HALT_LINE", 4, 6)
    shown = [(alert.what, alert.priority, alert.detail) for alert in tell.story.alerts() or []]
    assert shown == [("EMERGENCY_HALT_LINE", 2, ""), ("DUST_LEFT", 2, "venue paper")]


def test_since_is_of_the_epoch_that_stands_or_not_known() -> None:
    tell = Told()
    tell.mode("PAUSED", "REARMED", 3, 5)
    assert tell.story.since(3) == 10**18 + 5 * MS
    assert tell.story.since(4) is None


KINDS = st.sampled_from(["mode", "guard_started", "gate_closed", "controller_trip", "receipt", "fill",
                         "controller_ack_seen", "ladder_done", "attached", "order", "reconciled",
                         "alert", "rung", "cancelled", "lost_events"])  # fmt: skip
KEYS = st.sampled_from(["mode", "reason", "epoch", "detail", "emergency_ns", "since_emergency_us",
                        "waited_us", "forced", "halt_to_ack_us", "role", "price", "qty", "side", "fee",
                        "equity", "venue", "theirs", "id", "op", "left", "rung", "stops"])  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False),
    st.sampled_from(["EMERGENCY", "PAUSED", "HALT_LINE", "REARMED", "engine", "new",
                     "1.5", "buy", "1e999", "nan"]),
    st.text("<&>\"'é\x00", max_size=4), st.just([1, "<b>"]),
)  # fmt: skip
# A loaded machine makes examples slowly, which says nothing about us.
SLOWLY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@SLOWLY
@given(st.lists(st.tuples(KINDS, st.sampled_from(["guard", "engine", "recorder"]),
                          st.dictionaries(KEYS, VALUES, max_size=8)), max_size=12))  # fmt: skip
def test_no_record_breaks_it_and_a_view_can_always_be_shown(
    records: list[tuple[str, str, dict[str, Any]]],
) -> None:
    tell = Told()
    for kind, origin, data in records:
        tell(kind, origin, **data)
    story = tell.story
    story.position_value()
    shown = view.View(
        wall_ns=10**18, trips=story.trips(), account=story.account(), alerts=story.alerts()
    )
    assert render(shown)
    assert msgspec.json.decode(msgspec.json.encode(shown), type=view.View) == shown


@SLOWLY
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=400), st.integers(4, 60))
def test_a_line_keeps_few_points_its_first_and_its_newest(gaps: list[int], most: int) -> None:
    points, at_ns = Points(most), 0
    for number, gap in enumerate(gaps):
        at_ns += gap
        points.add(at_ns, float(number))
    kept = points.kept()
    assert len(kept) <= most + 1
    assert kept == sorted(kept)
    assert kept[0] == (gaps[0], 0.0)
    assert kept[-1][0] == at_ns
