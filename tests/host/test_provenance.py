"""Every order says who made it; what is on the account and not ours is found."""

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.provenance import LADDER, Ids, Origin, read
from host.engine.reconciler import DIFFERS_IN_A_ROW, Reconciler

RUN = 0x18C2F0A1B2C
SECOND = 1_000_000_000


def test_an_id_carries_strategy_run_epoch_and_number() -> None:
    ids = Ids("trend", RUN)
    assert ids.make("trend", 7) == "trend.18c2f0a1b2c.7.1"
    assert read(ids.make(LADDER, 8)) == Origin("ladder", RUN, 8, 2)
    with pytest.raises(ValueError, match="no strategy"):
        ids.make("other", 7)


@pytest.mark.parametrize(
    ("order_id", "ours"),
    [
        (f"trend.{RUN:x}.7.1", True),
        (f"ladder.{RUN - 1:x}.7.999", True),  # of an earlier run
        (f"trend.{RUN:x}.7.2", False),  # this run never made a second one
        (f"trend.{RUN:x}.7.0", False),
        (f"trend.{RUN + 1:x}.7.1", False),  # of a run to come
        (f"other.{RUN - 1:x}.7.1", False),
        ("web-1234", False),
        ("", False),
        (f"trend.{RUN:x}.7.1\n", False),
        (f"trend.{RUN:x}.7.١", False),
    ],
)
def test_which_ids_are_ours(order_id: str, ours: bool) -> None:
    ids = Ids("trend", RUN)
    ids.make("trend", 7)
    assert ids.ours(order_id) == ours


@given(st.text(max_size=64))
def test_no_text_is_ours_before_anything_was_made_unless_it_names_an_earlier_run(text: str) -> None:
    origin = read(text)
    assert Ids("trend", RUN).ours(text) == (
        origin is not None and origin.strategy in ("trend", LADDER) and origin.run < RUN
    )


class Office:
    """A reconciler, what it asked and what it alerted."""

    def __init__(self) -> None:
        self.ids = Ids("trend", RUN)
        self.asked: list[tuple[str, int]] = []
        self.alerts: list[dict[str, Any]] = []
        self.reconciler = Reconciler(
            self.ids,
            1_000,
            3_000,
            lambda op, req: self.asked.append((op, req)),
            lambda code, **data: self.alerts.append({"code": code, **data}),
        )
        self.now_ns = 100 * SECOND

    def round(self, theirs: str, ours: str) -> None:
        self.now_ns += SECOND
        self.reconciler.tick(self.now_ns)
        answer = {"ev": "position", "qty": theirs, "req": self.asked[-1][1]}
        self.reconciler.position(answer, D(ours))


def test_it_asks_all_the_time_and_not_too_often() -> None:
    office = Office()
    for _ in range(50):
        office.now_ns += SECOND // 10
        office.reconciler.tick(office.now_ns)
    assert [op for op, _req in office.asked] == ["open_orders", "position"] * 5


def test_a_foreign_order_is_told_once_and_latches() -> None:
    office = Office()
    office.reconciler.orders([office.ids.make("trend", 1)])
    assert not office.reconciler.strange
    office.reconciler.orders(["web-1", "web-2"])
    office.reconciler.orders(["web-1", "web-2"])
    assert office.alerts == [
        {"code": "UNKNOWN_ORDER", "what": "ORDER", "count": 2, "ids": ["web-1", "web-2"]}
    ]
    office.reconciler.orders([])
    assert office.reconciler.strange
    office.reconciler.clear()
    assert not office.reconciler.strange


def test_a_position_that_goes_on_differing_is_told_and_a_passing_one_is_not() -> None:
    office = Office()
    for _ in range(5):
        office.round("1", "1")
        for _ in range(DIFFERS_IN_A_ROW - 1):
            office.round("2", "1")
    assert office.alerts == []
    office.round("2", "1")
    assert office.alerts == [
        {"code": "UNKNOWN_ORDER", "what": "POSITION", "ours": "1", "theirs": "2"}
    ]
    assert office.reconciler.strange


def test_an_answer_to_an_older_question_is_not_judged() -> None:
    office = Office()
    office.round("1", "1")
    old = office.asked[-1][1]
    office.now_ns += SECOND
    office.reconciler.tick(office.now_ns)
    for _ in range(10):
        office.reconciler.position({"ev": "position", "qty": "9", "req": old}, D(1))
    assert not office.reconciler.strange
