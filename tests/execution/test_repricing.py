"""Hysteresis, the budget of requests, and the rest of entries that were filled in part."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from host.execution.budget import Budget
from host.execution.repricing import MS, Want
from host.execution.sending import Outcome
from host.venues import events as ev
from host.venues import messages as m
from tests.execution.venue import Desk

BOTH = frozenset({"amend", "stop", "reduce_only"})


def amends(desk: Desk) -> list[m.Amend]:
    return [r for r in desk.venue.requests if isinstance(r, m.Amend)]


def test_a_small_change_of_price_is_left_alone_and_the_quantity_never() -> None:
    desk = Desk(BOTH, hysteresis_bps=D(50), loosens=True)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.venue.fill(entry, "1", "99.5")  # average 99.75: a quarter of a per cent
    desk.deliver()
    assert [(a.qty, a.price, a.stop) for a in amends(desk)] == [("2", None, None)] * 2
    desk.venue.fill(entry, "1", "96")  # average 98.5
    desk.deliver()
    assert [(a.qty, a.price, a.stop) for a in amends(desk)[2:]] == [
        ("3", None, "97.52"), ("3", "100.47", None)
    ]  # fmt: skip


def test_the_quantity_of_an_amend_is_with_what_was_filled() -> None:
    desk = Desk(BOTH)
    desk.hold("3", "100")
    (target,) = desk.venue.targets()
    desk.venue.fill(target.id, "1", "102")
    desk.deliver()
    entry = desk.enter("5", "100")
    desk.venue.fill(entry, "5", "100")
    desk.deliver()
    (stop,), (target,) = desk.venue.stops(), desk.venue.targets()
    assert (stop.qty, target.qty, target.filled, target.left) == (7, 8, 1, 7)


def test_without_budget_it_waits_and_the_reserve_is_for_the_quantity_of_stops() -> None:
    desk = Desk(BOTH, per_s=1, burst=3, reserve=2)
    entry = desk.enter("9", "100")
    for _ in range(4):
        desk.venue.fill(entry, "1", "100")
        desk.deliver(0)
    # One token for the target, two more for the stop; the rest has to wait.
    assert [(o.stop is not None, o.left) for o in desk.venue.open.values() if o.closes] == [
        (True, 2), (False, 1)
    ] or desk.manager.watch.naked > 0  # fmt: skip
    sent = len(desk.venue.requests)
    desk.tick(500)
    desk.deliver()
    assert len(desk.venue.requests) == sent
    desk.tick(600)
    desk.deliver()
    assert desk.venue.stops()[0].left == 4
    assert desk.manager.watch.naked == 0


def test_the_reserve_is_not_for_a_better_price() -> None:
    desk = Desk(BOTH, target_bps=None, burst=10, reserve=5)
    desk.hold("1", "100")
    stop, budget = desk.manager._protection._stop, desk.manager._protection._budget
    while budget.take(desk.now_ns, urgent=False):
        pass
    stop.follow(Want("sell", D(1), D("99.5")), desk.now_ns)
    assert not amends(desk)
    stop.follow(Want("sell", D("0.5"), D("99.5")), desk.now_ns)
    assert [(a.qty, a.stop) for a in amends(desk)] == [("0.5", "99.5")]


def test_fills_while_an_amend_is_on_its_way_become_one_amend() -> None:
    desk = Desk(BOTH, target_bps=None)
    entry = desk.enter("100", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    fills = len(amends(desk))
    for _ in range(50):
        desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert desk.venue.stops()[0].left == 51
    assert len(amends(desk)) - fills == 2  # the first fill's, and all the others'


@given(st.lists(st.tuples(st.integers(0, 2000), st.booleans()), max_size=80))
def test_a_budget_is_never_overdrawn_and_refills(calls: list[tuple[int, bool]]) -> None:
    budget, now_ns, taken = Budget(5, 10, 4), 10**9, 0
    for later_ms, urgent in calls:
        now_ns += later_ms * MS
        taken += budget.take(now_ns, urgent)
        assert taken <= 10 + 5 * (now_ns - 10**9) / 1e9 + 1
    now_ns += 2_000 * MS
    assert sum(budget.take(now_ns, False) for _ in range(20)) == 6
    assert sum(budget.take(now_ns, True) for _ in range(20)) == 4


def test_a_request_that_did_not_leave_is_no_order_and_is_tried_again() -> None:
    desk = Desk(BOTH, target_bps=None, retry_ms=100)
    entry = desk.enter("1", "100")
    desk.outcomes = [Outcome.UNSENT]
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert desk.venue.stops() == []
    desk.tick(1)  # the refusal is seen here
    desk.tick(101)
    desk.deliver()
    assert desk.venue.stops()[0].left == 1
    assert desk.alarms() == {"STOP_REFUSED": 1}


def test_a_stop_of_which_nobody_knows_does_not_count_and_gets_a_twin_that_can_only_reduce() -> None:
    desk = Desk(BOTH, target_bps=None)
    entry = desk.enter("1", "100")
    desk.outcomes = [Outcome.UNKNOWN] * 5
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert desk.manager.watch.naked == 1
    for _ in range(10):
        desk.tick(2000)
    ids, _fills = desk.manager.questions()
    assert len(ids) == 2  # and not one more with every pass
    desk.outcomes.clear()
    desk.venue.out.append(desk.venue.state(ids.pop()))
    desk.deliver()
    desk.tick(2000)
    desk.deliver()
    assert desk.manager.watch.naked == 0
    assert len(desk.venue.stops()) == 1
    desk.venue.out.append(desk.venue.state(ids[0]))  # it never arrived
    desk.deliver()
    assert desk.manager.questions() == ([], False)
    assert len(desk.manager.orders.live) == 1


def test_where_two_stops_could_both_fill_the_unknown_one_is_waited_for() -> None:
    desk = Desk(frozenset({"stop"}), target_bps=None)
    entry = desk.enter("1", "100")
    desk.outcomes = [Outcome.UNKNOWN]
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.tick(100)
    assert desk.venue.stops() == []
    ids, _fills = desk.manager.questions()
    desk.venue.out.append(desk.venue.state(ids[0]))
    desk.deliver()
    desk.tick(1001)
    desk.deliver()
    assert len(desk.venue.stops()) == 1


# -- remainders --------------------------------------------------------------------------------


def after_the_first_fill(remainder: str) -> tuple[Desk, str]:
    desk = Desk(BOTH, remainder=remainder, remainder_ms=1000, settle_ms=50)
    desk.tick(0, "100")
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.tick(990)
    desk.deliver()
    assert entry in desk.venue.open
    desk.tick(20)
    return desk, entry


def test_a_remainder_is_kept() -> None:
    desk, entry = after_the_first_fill("keep")
    desk.tick(100_000)
    desk.deliver()
    assert entry in desk.venue.open


def test_a_remainder_is_cancelled() -> None:
    desk, entry = after_the_first_fill("cancel")
    desk.deliver()
    assert entry not in desk.venue.open
    desk.tick(1000)
    assert {"kind": "remainder", "id": entry, "left": "2", "policy": "cancel"} in desk.told
    assert not desk.manager.orders.open_entries("buy")


def test_a_remainder_is_chased_with_what_is_left_after_the_cancel() -> None:
    desk, entry = after_the_first_fill("chase")
    # The cancel has reached the venue, and this fill was on its way before it.
    (cancelled,) = desk.venue.out
    fill = type(cancelled)
    assert fill.__name__ == "Cancelled"
    desk.deliver()
    desk.venue.trades += 1
    desk.venue.position += 1
    desk.venue.out.append(ev.Fill(entry, "buy", "0.5", "100", "0", "1.5", "late"))
    desk.deliver()
    desk.tick(60)
    (chase,) = (r for r in desk.venue.requests if isinstance(r, m.New) and r.type == "market")
    assert (chase.qty, chase.side, chase.intent) == ("1.5", "buy", "OPEN")
    desk.tick(1000)
    assert sum(isinstance(r, m.New) and r.type == "market" for r in desk.venue.requests) == 1


def test_what_the_venue_has_counted_and_not_told_is_waited_for_before_a_chase() -> None:
    desk, entry = after_the_first_fill("chase")
    desk.venue.out.clear()
    desk.venue.out.append(ev.Cancelled(entry, "", "2"))
    desk.deliver()
    desk.tick(500)
    assert not any(isinstance(r, m.New) and r.type == "market" for r in desk.venue.requests)
    assert desk.manager.questions() == ([], True)
    desk.venue.out.append(ev.Fills(1, [ev.Fill(entry, "buy", "1", "100", "0", "1", "t9")], ""))
    desk.deliver()
    desk.tick(60)
    (chase,) = (r for r in desk.venue.requests if isinstance(r, m.New) and r.type == "market")
    assert chase.qty == "1"


def test_what_was_filled_while_the_cancel_was_on_its_way_is_not_chased() -> None:
    desk, entry = after_the_first_fill("chase")
    desk.venue.out[:] = [ev.Fill(entry, "buy", "2", "100", "0", "0", "late")]
    desk.deliver()
    desk.tick(1000)
    assert not any(isinstance(r, m.New) and r.type == "market" for r in desk.venue.requests)
    assert [t for t in desk.told if t["kind"] == "remainder"] == [
        {"kind": "remainder", "id": entry, "left": "2", "policy": "chase"}
    ]


def test_after_cancel_entries_nothing_is_chased() -> None:
    desk, _entry = after_the_first_fill("chase")
    desk.manager.cancel_entries(desk.now_ns)
    desk.deliver()
    desk.tick(1000)
    assert not any(isinstance(r, m.New) and r.type == "market" for r in desk.venue.requests)


def test_an_emergency_ends_every_chase() -> None:
    desk, _entry = after_the_first_fill("chase")
    desk.manager.active = False
    desk.deliver()
    desk.tick(1000)
    desk.manager.active = True
    desk.tick(1000)
    assert not any(isinstance(r, m.New) and r.type == "market" for r in desk.venue.requests)


def test_a_chase_that_no_rule_lets_pass_is_said() -> None:
    desk, entry = after_the_first_fill("chase")
    desk.venue.out[:] = [type(desk.venue.out[0])(entry)]
    desk.deliver()
    desk.venue.out.append(ev.Fill(entry, "buy", "1.9996", "100", "0", "0.0004", "late"))
    desk.deliver()
    desk.tick(60)
    said = [t for t in desk.told if t["kind"] == "remainder" and "refused" in t]
    assert said[0]["refused"].startswith("LOT")
