"""Stop and target follow the position, however the venue holds them, and no position is bare for long."""

import os
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.execution.contingent import Held
from host.execution.life import State
from host.execution.order import Order, Role
from host.execution.watch import uncovered
from host.venues import events as ev
from host.venues import messages as m
from tests.execution.venue import EVERYTHING, Desk

EXAMPLES = int(os.environ.get("BOT4_EXECUTION_STEPS", "2000")) // 20
BOTH = frozenset({"amend", "stop", "reduce_only"})
REPLACED = BOTH - {"amend"}
NATIVE = frozenset({"oco", "stop"})
NATIVE_OUO = frozenset({"oco", "ouo", "stop", "amend"})
ONE = frozenset({"stop"})
VENUES = {
    "everything": EVERYTHING,
    "both": BOTH,
    "replaced": REPLACED,
    "native": NATIVE,
    "native, ouo": NATIVE_OUO,
    "native, reduce-only": NATIVE | {"reduce_only"},
    "one": ONE,
    "one, amend": ONE | {"amend"},
}


@pytest.fixture(params=VENUES)
def can(request: pytest.FixtureRequest) -> frozenset[str]:
    return VENUES[request.param]


def resting(desk: Desk) -> dict[str, tuple[str, str]]:
    """What rests at the venue to close the position: {kind: (left, at)}."""
    return {
        "stop" if o.stop else "target" if o.price else "market": (
            m.plain(o.left),
            m.plain(o.stop or o.price or D(0)),
        )
        for o in desk.venue.open.values()
        if o.closes
    }


@pytest.mark.parametrize(
    ("can", "held"),
    [(EVERYTHING, Held.NATIVE), (BOTH, Held.BOTH), (NATIVE, Held.NATIVE), (ONE, Held.ONE)],
)
def test_how_a_venue_holds_the_pair(can: frozenset[str], held: Held) -> None:
    assert Desk(can).manager._protection.held is held
    alone = Desk(can, target_bps=None).manager._protection.held
    assert alone is Held.BOTH  # one stop needs no pair


def test_a_fill_is_protected_at_once_and_grows_with_the_next(can: frozenset[str]) -> None:
    desk = Desk(can)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert resting(desk)["stop"] == ("1", "99")
    assert resting(desk).get("target", ("1", "102")) == ("1", "102")
    assert ("target" in resting(desk)) == (desk.manager._protection.held is not Held.ONE)
    desk.venue.fill(entry, "2", "97")  # average 98
    desk.deliver()
    assert desk.manager.position.average == 98
    # Never further away from the price than it was.
    assert resting(desk)["stop"] == ("3", "99")
    assert resting(desk).get("target", ("3", "99.96")) == ("3", "99.96")
    assert not desk.alarms()


def test_with_loosening_the_stop_follows_the_average(can: frozenset[str]) -> None:
    desk = Desk(can, loosens=True)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.venue.fill(entry, "2", "97")
    desk.deliver()
    assert resting(desk)["stop"] == ("3", "97.02")


def test_a_partial_fill_of_the_target_shrinks_the_stop(can: frozenset[str]) -> None:
    desk = Desk(can)
    desk.hold("3", "100")
    desk.tick(10, "102")
    desk.deliver()
    (target,) = desk.venue.targets() or [o for o in desk.venue.open.values() if o.stop is None]
    desk.venue.fill(target.id, "1", "102")
    desk.deliver()
    desk.tick(10, "101")
    desk.deliver()
    assert resting(desk)["stop"] == ("2", "99")
    assert desk.venue.position == desk.manager.position.qty == 2
    assert not desk.manager.watch.naked


def test_the_end_of_one_is_the_end_of_the_other(can: frozenset[str]) -> None:
    desk = Desk(can)
    desk.hold("3", "100")
    (stop,) = desk.venue.stops()
    desk.venue.fill(stop.id, "3", "98.9")
    desk.deliver()
    assert desk.venue.open == {}
    assert desk.manager.orders.live == {}
    assert desk.manager.position.qty == 0


def test_a_pair_that_is_oco_keeps_the_stops_size_until_the_end() -> None:
    desk = Desk(BOTH, pair="oco")
    desk.hold("3", "100")
    (target,), sent = desk.venue.targets(), len(desk.venue.requests)
    desk.venue.fill(target.id, "1", "102")
    desk.deliver()
    assert resting(desk)["stop"] == ("3", "99")
    assert len(desk.venue.requests) == sent
    desk.venue.fill(target.id, "2", "102")
    desk.deliver()
    assert desk.venue.open == {}


def test_a_venue_that_shrinks_the_sibling_itself_is_not_asked_to() -> None:
    desk = Desk(EVERYTHING)
    desk.hold("3", "100")
    (target,), sent = desk.venue.targets(), len(desk.venue.requests)
    desk.venue.fill(target.id, "1", "102")
    desk.deliver()
    assert resting(desk) == {"stop": ("2", "99"), "target": ("2", "102")}
    assert len(desk.venue.requests) == sent


def test_a_native_pair_that_loses_one_half_is_made_anew() -> None:
    desk = Desk(NATIVE)
    desk.hold("3", "100")
    stop, target = desk.venue.stops()[0], desk.venue.targets()[0]
    target.sibling = ""
    desk.venue._gone(target)  # the target ends, and the venue leaves the stop
    stop.sibling = ""
    desk.deliver()
    assert resting(desk) == {"stop": ("3", "99"), "target": ("3", "102")}
    assert desk.manager.watch.gaps == 2  # entry, and the replacement


@pytest.mark.parametrize("can", [NATIVE, NATIVE | {"reduce_only"}])
def test_a_pair_with_the_price_not_between_is_no_pair(can: frozenset[str]) -> None:
    desk = Desk(can)
    desk.tick(0, "103")  # beyond the target of what is bought at 100
    desk.hold("1", "100")
    assert not any(isinstance(r, m.Oco) for r in desk.venue.requests)
    # Where both could fill, profit is taken at once; elsewhere the stop rests as well.
    assert sorted(resting(desk)) == (["stop", "target"] if "reduce_only" in can else ["market"])
    desk.tick(2000, "101")
    desk.deliver()
    desk.tick(2000, "101")
    desk.deliver()
    assert resting(desk) == {"stop": ("1", "99"), "target": ("1", "102")}


def test_a_flip_takes_stop_and_target_to_the_other_side(can: frozenset[str]) -> None:
    desk = Desk(can)
    desk.hold("1", "100")
    flip = m.New(desk.new_id(), "OPEN", "sell", "limit", "3", "101")
    for order in list(desk.venue.open.values()):
        order.sibling = ""
    desk.manager.sent(flip, desk.now_ns)
    desk.venue.take(flip)
    desk.venue.fill(flip.id, "3", "101")
    desk.deliver()
    assert desk.venue.position == -2
    found = {o.side for o in desk.venue.open.values()}
    assert found == {"buy"}
    assert resting(desk)["stop"] == ("2", "102.01")


def test_the_gap_between_fill_and_stop_is_measured_and_told() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver(7)  # ack, fill, ack of the target or the stop
    assert desk.manager.watch.gaps == 1
    (told,) = (t for t in desk.told if t["kind"] == "naked")
    assert told == {"kind": "naked", "ms": 7.0, "qty": "1"}
    assert desk.manager.watch.longest_ns == 7_000_000


@pytest.mark.parametrize(("can", "bare"), [(BOTH, "1"), (REPLACED, "1"), (ONE, "3")])
def test_while_a_stop_is_replaced_what_it_covered_is_bare_only_where_it_must_go_first(
    can: frozenset[str], bare: str
) -> None:
    desk = Desk(can, target_bps=None)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "2", "100")
    desk.deliver()
    desk.venue.fill(entry, "1", "100")
    desk.deliver(3)
    assert resting(desk) == {"stop": ("3", "99")}
    gaps = [(t["qty"], t["ms"]) for t in desk.told if t["kind"] == "naked"]
    assert gaps[1:] == [(bare, 6.0 if can == ONE else 3.0)]


def test_a_refused_stop_is_tried_again_and_a_bare_position_is_an_alarm() -> None:
    desk = Desk(BOTH, retry_ms=100, naked_ms=250)
    entry = desk.enter("1", "100")
    desk.venue.refuse = ["NO"] * 6
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert desk.alarms() == {"STOP_REFUSED": 1, "TARGET_REFUSED": 1}
    desk.tick(50)
    desk.deliver()
    assert len(desk.venue.requests) == 3  # not yet
    for _ in range(4):
        desk.tick(101)
        desk.deliver()
    assert desk.alarms()["NAKED"] >= 1
    assert not desk.manager.watch.naked
    assert resting(desk)["stop"] == ("1", "99")


def test_a_price_beyond_the_stop_is_left_at_market() -> None:
    desk = Desk(BOTH)
    desk.tick(1, "98")  # below the stop of what is bought at 100
    entry = desk.enter("1", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    exits = [r for r in desk.venue.requests if isinstance(r, m.New) and r.intent == "REDUCE"]
    assert [(r.type, r.side, r.qty, r.reduce_only) for r in exits] == [
        ("market", "sell", "1", True)
    ]


def test_dust_is_said_and_not_bare_for_ever() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    desk.venue.out.append(ev.Fill(entry, "buy", "0.0004", "100", "0", "0.9996", "d"))
    desk.deliver()
    assert desk.alarms() == {"DUST": 1}
    assert not desk.manager.watch.naked
    desk.tick(1000)
    assert desk.alarms() == {"DUST": 1}
    assert len(desk.venue.requests) == 1


def test_what_is_worth_less_than_the_least_order_is_dust() -> None:
    desk = Desk(BOTH, min_notional=D(5))
    entry = desk.enter("1", "100")
    desk.venue.fill(entry, "0.05", "100")  # at the stop it would be worth 4.95
    desk.deliver()
    assert desk.alarms() == {"DUST": 1}
    assert not desk.manager.watch.naked
    assert resting(desk) == {}
    desk.venue.fill(entry, "0.01", "100")
    desk.deliver()
    assert resting(desk) == {"stop": ("0.06", "99"), "target": ("0.06", "102")}


def test_what_a_fee_in_base_leaves_of_a_lot_is_not_bare() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    desk.venue.out.append(ev.Fill(entry, "buy", "1", "100", "0.0005", "0", "t", "BTC"))
    desk.deliver()
    desk.tick(10_000)
    assert desk.manager.position.qty == D("0.9995")
    assert resting(desk)["stop"] == ("0.999", "99")
    assert not desk.manager.watch.naked
    assert not desk.alarms()


def test_an_amend_that_is_refused_is_followed_by_a_replacement_and_not_by_itself() -> None:
    desk = Desk(BOTH, target_bps=None)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.venue.refuse_amends = True
    desk.venue.fill(entry, "2", "100")
    desk.deliver()
    assert sum(isinstance(r, m.Amend) for r in desk.venue.requests) == 1
    assert resting(desk) == {"stop": ("3", "99")}
    assert not desk.manager.watch.naked


def test_a_cancel_that_is_refused_is_not_sent_again_at_once() -> None:
    desk = Desk(BOTH, retry_ms=100)
    desk.hold("1", "100")
    (stop,), (target,) = desk.venue.stops(), desk.venue.targets()
    desk.venue.refuse_cancels = True
    desk.venue.fill(stop.id, "1", "99")
    desk.deliver()
    for _ in range(5):
        desk.tick(10)
        desk.deliver()
    assert sum(isinstance(r, m.Cancel) for r in desk.venue.requests) == 1
    desk.venue.refuse_cancels = False
    desk.tick(100)
    desk.deliver()
    assert desk.venue.open == {}
    assert target.id not in desk.manager.orders.live


def test_a_position_above_the_largest_order_is_protected_as_far_as_that_goes() -> None:
    desk = Desk(BOTH, max_qty=D(2), naked_ms=100)
    for _ in range(2):
        desk.hold("2", "100")
    assert resting(desk) == {"stop": ("2", "99"), "target": ("2", "102")}
    desk.tick(200)
    assert desk.manager.watch.naked == 2
    assert desk.alarms() == {"NAKED": 1}


def test_where_one_can_rest_the_other_waits_until_it_is_gone() -> None:
    desk = Desk(ONE)
    desk.hold("1", "100")
    sent = len(desk.venue.requests)
    desk.tick(1, "102.5")  # the target's price
    desk.tick(1, "102.5")
    assert [type(r) for r in desk.venue.requests[sent:]] == [m.Cancel]
    desk.deliver()
    (out,) = desk.venue.requests[sent + 1 :]
    assert isinstance(out, m.New)
    assert (out.type, out.qty, out.reduce_only) == ("market", "1", False)


def test_while_nobody_knows_of_one_half_the_other_is_left_alone() -> None:
    desk = Desk(NATIVE)
    desk.hold("1", "100")
    stop, target = desk.venue.stops()[0], desk.venue.targets()[0]
    stop.sibling = target.sibling = ""
    desk.manager.lost(stop.id, desk.now_ns)
    desk.venue._gone(target)
    sent = len(desk.venue.requests)
    desk.deliver()
    desk.tick(2000)
    assert len(desk.venue.requests) == sent
    assert desk.manager.questions() == ([stop.id], False)
    desk.venue.out.append(desk.venue.state(stop.id))
    desk.deliver()
    assert resting(desk) == {"stop": ("1", "99"), "target": ("1", "102")}


def test_of_a_stop_that_is_being_amended_the_smaller_quantity_counts() -> None:
    stop = Order("s", "sell", D(3), Role.STOP, None, D(99), state=State.OPEN, filled=D(1))
    assert uncovered(D(3), [stop]) == 1
    stop.state, stop.change = State.AMENDING, m.Amend("s", "REDUCE", "2")
    assert uncovered(D(3), [stop]) == 2
    stop.change = m.Amend("s", "REDUCE", "9")
    assert uncovered(D(3), [stop]) == 1
    assert uncovered(D(-3), [stop]) == 3
    stop.state = State.CANCELLING
    assert uncovered(D(3), [stop]) == 3
    assert uncovered(D(0), []) == 0


def test_in_an_emergency_nothing_is_placed_and_the_watch_goes_on() -> None:
    desk = Desk(BOTH, naked_ms=100)
    entry = desk.enter("1", "100")
    desk.manager.active = False
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.tick(200)
    assert len(desk.venue.requests) == 1
    assert desk.manager.watch.naked == 1
    assert desk.alarms() == {"NAKED": 1}
    desk.manager.active = True
    desk.tick(1)
    desk.deliver()
    assert resting(desk)["stop"] == ("1", "99")


# -- whatever happens at the venue -------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["enter", "fill", "fill", "fill", "deliver", "one", "price", "cancel", "tick"]
        ),
        st.integers(0, 1000),
    ),
    max_size=40,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=EXAMPLES,
)
@given(steps=STEPS)
def test_once_all_is_told_stops_cover_the_position_and_nothing_rests_when_flat(
    can: frozenset[str], steps: list[tuple[str, int]]
) -> None:
    desk = Desk(can, per_s=1000, burst=1000, reserve=10)
    venue = desk.venue
    desk.tick(1, "100")
    for what, chance in steps:
        rests = list(venue.open.values())
        match what:
            case "enter" if len(rests) < 6:
                # Elsewhere nobody can keep an entry of the other side from crossing with a stop.
                both = "reduce_only" in can
                side: m.Side = "sell" if both and chance % 2 else "buy"
                price = "100" if side == "buy" else "100.5"
                request = m.New(desk.new_id(), "OPEN", side, "limit", str(1 + chance % 9), price)
                desk.manager.enter(request, desk.now_ns)
            case "fill" if rests:
                order = rests[chance % len(rests)]
                lots = max(D("0.001"), (order.left / (1 + chance % 3)).quantize(D("0.001")))
                at = order.stop or order.price or D(100)
                venue.fill(order.id, min(order.left, lots), at)
            case "cancel" if rests and not rests[chance % len(rests)].sibling:
                venue._gone(rests[chance % len(rests)])
            case "deliver":
                desk.deliver()
            case "one" if venue.out:
                desk.manager.hear(venue.out.pop(0), desk.now_ns)
            case "price":
                desk.tick(1, str(98 + chance % 5))
            case "tick":
                desk.tick(chance % 50)
        if not venue.out:  # what is on its way to us we cannot know
            assert venue.overreach() <= 0
    desk.manager.cancel_entries(desk.now_ns)
    desk.tick(1, "100")
    for _ in range(30):
        desk.deliver()
        venue.out += [venue.state(order.id) for order in desk.manager.orders.unknown()]
        desk.tick(1001, "100")
    desk.deliver()
    assert desk.manager.position.qty == venue.position
    covered = sum((o.left for o in venue.stops()), D(0))
    assert covered == abs(venue.position)
    assert desk.manager.watch.naked == 0
    if not venue.position:
        assert venue.open == {}
    assert not any(o.state is State.UNKNOWN for o in desk.manager.orders.live.values())
    assert not desk.manager.orders.refused
