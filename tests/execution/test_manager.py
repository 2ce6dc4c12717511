"""The manager after a restart, a lost connection, a refusal; and what it takes over from the venue."""

from decimal import Decimal as D
from fractions import Fraction as F

import pytest

from host.execution.fills import BadEvent
from host.execution.life import State
from host.execution.order import Role
from host.venues import events as ev
from host.venues import messages as m
from tests.execution.venue import Desk

BOTH = frozenset({"amend", "stop", "reduce_only"})


def listed(desk: Desk) -> list[ev.OpenOrder]:
    """What the venue lists."""
    return [
        ev.OpenOrder(o.id, o.side, m.plain(o.qty), m.plain(o.left),
                     None if o.price is None else m.plain(o.price), o.reduce_only,
                     None if o.stop is None else m.plain(o.stop))
        for o in desk.venue.open.values()
    ]  # fmt: skip


def restarted(before: Desk) -> Desk:
    """Another manager at the same venue."""
    desk = Desk(BOTH)
    desk.venue = before.venue
    desk.now_ns = before.now_ns
    desk._ids = 1000
    return desk


def test_what_an_earlier_run_has_left_is_taken_over_and_not_placed_again() -> None:
    before = Desk(BOTH)
    before.hold("3", "100")
    (target,) = before.venue.targets()
    before.venue.fill(target.id, "1", "102")
    before.deliver()
    entry = before.enter("5", "90")
    desk, sent = restarted(before), len(before.venue.requests)
    venue = desk.venue
    off = desk.manager.adopt(listed(desk), venue.position, venue.cash, D(101), desk.now_ns)
    assert off == desk.manager.position.qty == 2
    assert desk.manager.position.average == 101
    assert desk.manager.position.equity(D(101)) == venue.cash + 2 * D(101)
    roles = {order.id: order.role for order in desk.manager.orders.live.values()}
    assert sorted(roles.values()) == [Role.ENTRY, Role.STOP, Role.TARGET]
    assert roles[entry] is Role.ENTRY
    assert desk.manager.watch.naked == 0
    desk.tick(1, "101")
    desk.deliver()
    amended = venue.requests[sent:]
    # Of the average nothing is known but the price: both move there, and none is placed anew.
    assert {type(request) for request in amended} == {m.Amend}
    assert venue.stops()[0].stop == D("99.99")


def test_adopting_twice_changes_nothing_and_keeps_the_average() -> None:
    desk = Desk(BOTH)
    desk.hold("3", "100")
    for _ in range(2):
        off = desk.manager.adopt(listed(desk), D(3), desk.venue.cash, D(77), desk.now_ns)
        assert off == 0
    assert desk.manager.position.average == F(100)
    assert len(desk.manager.orders.live) == 2
    assert not desk.alarms()


def test_what_the_venue_does_not_list_is_gone() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("3", "100")
    desk.manager.adopt([], D(0), D(0), D(100), desk.now_ns)
    order = desk.manager.orders.find(entry)
    assert order is not None
    assert order.state is State.CANCELLED
    assert not desk.manager.orders.live


def test_a_listing_that_cannot_be_is_refused() -> None:
    desk = Desk(BOTH)
    bad = ev.OpenOrder("a.1.1.1", "buy", "1", "NaN", "100", False)
    with pytest.raises(BadEvent, match="left"):
        desk.manager.adopt([bad], D(0), D(0), D(100), desk.now_ns)


def test_after_a_lost_connection_what_was_on_its_way_is_asked_for() -> None:
    desk = Desk(BOTH)
    desk.hold("1", "100")
    resting = desk.enter("1", "90")
    desk.deliver()
    sent = desk.enter("1", "91")
    desk.manager.cancel(resting, desk.now_ns)
    desk.venue.out.clear()
    desk.manager.disconnected(desk.now_ns)
    assert sorted(desk.manager.questions()[0]) == sorted([resting, sent])
    assert desk.manager.watch.naked == 0  # the stop stood, and stands
    for order_id in (resting, sent):
        desk.venue.out.append(desk.venue.state(order_id))
    desk.deliver()
    assert desk.manager.questions() == ([], False)
    states = {o.id: o.state for o in desk.manager.orders.of(Role.ENTRY)}
    assert states == {sent: State.OPEN}


def test_an_order_of_the_compiled_path_is_known_once_it_is_noted() -> None:
    desk = Desk(BOTH)
    request = m.New(desk.new_id(), "OPEN", "buy", "market", "1")
    desk.venue.take(request)
    desk.manager.sent(request, desk.now_ns)
    with pytest.raises(ValueError, match="was used before"):
        desk.manager.sent(request, desk.now_ns)
    desk.venue.fill(request.id, "1", "100")
    desk.deliver()
    assert desk.manager.position.qty == 1
    assert desk.manager.orders.open_entries("buy") == 0
    desk.manager.lost(request.id, desk.now_ns)  # too late to matter
    desk.manager.lost("never heard of", desk.now_ns)
    assert desk.manager.questions() == ([], False)


def test_an_entry_is_refused_by_name_and_nothing_leaves() -> None:
    desk = Desk(BOTH)
    assert desk.manager.enter(m.New("a", "OPEN", "buy", "limit", "0.0001", "1"), 1) == "LOT"
    assert not desk.manager.cancel("a", 1)
    bare = Desk(frozenset({"amend"}))
    assert bare.manager.enter(m.New("a", "OPEN", "buy", "limit", "1", "1"), 1) == "STOP_UNSUPPORTED"
    assert not desk.venue.requests + bare.venue.requests


def test_what_is_about_no_order_is_not_looked_at() -> None:
    desk = Desk(BOTH)
    for packet in ({"ev": "bar", "row": 1}, {"ev": "position", "req": 1, "qty": "5", "cash": "0"}):
        desk.manager.hear(packet, 1)
    desk.manager.hear(ev.Position(1, "5", "0"), 1)
    assert desk.manager.position.qty == 0
    assert not desk.alarms()
