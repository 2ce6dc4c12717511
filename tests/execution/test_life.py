"""The table of order life: every pair, and against a venue whose reports come in any order."""

import itertools
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.execution.alarms import Alarms
from host.execution.life import ENDED, ROWS, STANDING, TABLE, Event, State
from host.execution.order import Order, Role
from host.execution.orders import Orders
from host.execution.position import Position
from host.venues import events as ev

S, E = State, Event
OURS = {E.SEND, E.REFUSE, E.CANCEL, E.AMEND}
SAID = set(Event) - OURS
FILLS = {E.PART, E.FULL}
# What the table must refuse, said again by hand: everything else must be in it.
REFUSED = {
    S.NEW: {E.CANCEL, E.AMEND, E.REJECT_REST, E.CANCEL_REJECT, E.AMENDED, E.AMENDED_DONE,
            E.AMEND_REJECT, E.MISSING, E.ABSENT},
    S.SENT: {E.SEND, E.REFUSE, E.AMEND, E.REJECT_REST, E.CANCEL_REJECT, E.AMENDED_DONE,
             E.AMEND_REJECT, E.MISSING},
    S.UNKNOWN: {E.REFUSE, E.AMEND},
    S.OPEN: {E.REFUSE},
    S.AMENDING: {E.SEND, E.REFUSE, E.AMEND},
    S.CANCELLING: {E.REFUSE, E.AMEND},
    S.FILLED: {E.REFUSE, E.CANCEL, E.AMEND, E.REJECT, E.REJECT_REST},
    S.CANCELLED: {E.REFUSE, E.CANCEL, E.AMEND},
    S.REJECTED: {E.REFUSE, E.CANCEL, E.AMEND, E.REJECT_REST, E.AMENDED_DONE},
    S.UNSENT: {E.SEND, E.REFUSE, E.CANCEL, E.AMEND, E.REJECT_REST, E.CANCEL_REJECT, E.AMENDED,
               E.AMENDED_DONE, E.AMEND_REJECT, E.MISSING},
}  # fmt: skip
# An order that had ended goes on: nothing else may wake one.
WOKEN = {
    (S.FILLED, E.PART), (S.FILLED, E.AMENDED), (S.CANCELLED, E.FOUND), (S.CANCELLED, E.TOLD_FILLED),
    (S.REJECTED, E.ACK), (S.REJECTED, E.PART), (S.REJECTED, E.AMENDED), (S.REJECTED, E.DUPLICATE),
    (S.REJECTED, E.FOUND), (S.REJECTED, E.TOLD_FILLED), (S.UNSENT, E.LOSE), (S.UNSENT, E.ACK),
    (S.UNSENT, E.PART), (S.UNSENT, E.DUPLICATE), (S.UNSENT, E.FOUND), (S.UNSENT, E.TOLD_FILLED),
}  # fmt: skip


def orders() -> tuple[Orders, Alarms]:
    alarms = Alarms(lambda *_args, **_data: None)
    return Orders(alarms, Position().check), alarms


def in_state(book: Orders, state: State) -> Order:
    order = book.note(Order(f"a.1.1.{len(book.live) + 1}", "buy", D(3), Role.ENTRY), 1)
    order.state = state
    if order.ended:
        book.live.pop(order.id)
        book._ended[order.id] = order
    return order


def test_no_pair_stands_twice() -> None:
    assert len(ROWS) == len(TABLE)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_is_in_the_table_or_refused_counted_and_alarmed(
    state: State, event: Event
) -> None:
    book, alarms = orders()
    order = in_state(book, state)
    row = TABLE.get((state, event))
    assert (row is None) == (event in REFUSED[state])
    assert book.step(order, event, 2) == (row is not None)
    if row is None:
        assert order.state is state
        assert book.refused == {(state, event): 1}
        assert alarms.counts == {"IMPOSSIBLE_EVENT": 1}
    else:
        assert order.state is row.next
        assert alarms.counts == ({"CONTRADICTION": 1} if row.alarm else {})
    assert (order.id in book.live) == (not order.ended)
    assert book.find(order.id) is order


def test_what_was_executed_is_never_refused() -> None:
    assert all((state, event) in TABLE for state in State for event in FILLS)
    assert all(TABLE[state, E.FULL].next is S.FILLED for state in State)


def test_only_these_wake_an_order_that_had_ended() -> None:
    woken = {(r.state, r.event) for r in ROWS if r.state in ENDED and r.next not in ENDED}
    assert woken == WOKEN


def test_a_contradiction_leads_to_a_question_or_an_end_and_never_to_a_standing_order() -> None:
    for row in ROWS:
        if row.alarm:
            assert row.next is S.UNKNOWN or row.next in ENDED
            assert row.why


def test_every_state_is_left_by_what_the_venue_can_say() -> None:
    for state in set(State) - ENDED:
        reached, ahead = {state}, [state]
        while ahead:
            here = ahead.pop()
            for row in ROWS:
                if row.state is here and row.event in SAID and row.next not in reached:
                    reached.add(row.next)
                    ahead.append(row.next)
        assert reached >= {S.FILLED, S.CANCELLED, S.REJECTED}


def test_an_order_stands_only_by_the_venues_word() -> None:
    for row in ROWS:
        if row.next in STANDING and row.state not in STANDING:
            assert row.event in SAID


# -- a venue whose reports come in any order and more than once --------------------------------

LIVES = st.sampled_from(["filled", "cancelled", "rejected", "rejected_later", "open"])


@st.composite
def a_life(draw: st.DrawFn) -> tuple[str, list[int], list[ev.Ev]]:
    """(how it ends, quantities filled, its reports in their true order)."""
    end = draw(LIVES)
    fills = draw(st.lists(st.integers(1, 5), max_size=4))
    if end == "rejected":
        return end, [], [ev.Reject("a.1.1.1", "NO")]
    if end == "filled":
        fills = fills or [2]
    total = sum(fills) + (0 if end == "filled" else draw(st.integers(1, 5)))
    reports: list[ev.Ev] = [ev.Ack("a.1.1.1")]
    done = 0
    for number, qty in enumerate(fills):
        done += qty
        reports.append(
            ev.Fill("a.1.1.1", "buy", str(qty), "10", "0", str(total - done), f"t{number}")
        )
    if end == "cancelled":
        reports.append(ev.Cancelled("a.1.1.1"))
    if end == "rejected_later":
        reports.append(ev.Reject("a.1.1.1", "MARGIN"))
    return end, [total, *fills], reports


@given(a_life(), st.data())
def test_reports_in_any_order_and_twice_end_in_the_truth_or_in_a_question(
    life: tuple[str, list[int], list[ev.Ev]], data: st.DataObject
) -> None:
    end, fills, reports = life
    book, _alarms = orders()
    total = fills[0] if fills else 1
    order = book.note(Order("a.1.1.1", "buy", D(total), Role.ENTRY), 1)
    book.step(order, E.SEND, 1)
    twice = data.draw(st.lists(st.sampled_from(reports), max_size=4))
    told = data.draw(st.permutations([*reports, *twice]))
    booked = [e.qty for report in told for e in book.take(report, 2)]
    assert sum(booked) == order.filled == sum(fills[1:])
    truth = {
        "filled": {S.FILLED},
        "cancelled": {S.CANCELLED},
        "rejected": {S.REJECTED},
        "rejected_later": {S.CANCELLED} if order.filled else {S.REJECTED},
        "open": {S.OPEN},
    }[end]
    assert order.state in truth | {S.UNKNOWN}
    if told == reports:
        assert order.state in truth
    if order.state is S.UNKNOWN:
        said = {"rejected_later": "rejected"}.get(end, end)
        left = str(total - order.filled)
        book.take(ev.OrderState(1, order.id, said, str(order.filled), left), 3)  # type: ignore[arg-type]
        assert order.state in truth


def test_reports_in_their_order_end_in_the_truth() -> None:
    book, alarms = orders()
    order = book.note(Order("a.1.1.1", "buy", D(3), Role.ENTRY), 1)
    book.step(order, E.SEND, 1)
    for report, state in (
        (ev.Ack("a.1.1.1"), S.OPEN),
        (ev.Fill("a.1.1.1", "buy", "1", "10", "0", "2", "t1"), S.OPEN),
        (ev.Fill("a.1.1.1", "buy", "2", "10", "0", "0", "t2"), S.FILLED),
    ):
        book.take(report, 2)
        assert order.state is state
    assert not alarms.counts
