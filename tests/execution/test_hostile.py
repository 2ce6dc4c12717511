"""Malformed, late, contradictory and hostile events: no exception, no wrong position, an alarm."""

import os
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host.execution.alarms import AGAIN_NS, CODES, Alarms
from host.execution.life import State
from host.venues import events as ev
from tests.execution.venue import Desk

EXAMPLES = int(os.environ.get("BOT4_EXECUTION_STEPS", "2000")) // 10
BOTH = frozenset({"amend", "stop", "reduce_only"})
IDS = st.sampled_from(
    ["trend.1.1.1", "trend.1.1.2", "trend.1.1.3", "somebody", "", "x" * 65, "\n", "é"]
)
NUMBERS = st.sampled_from(
    [
        "0",
        "1",
        "3",
        "-1",
        "0.5",
        "1e9",
        "NaN",
        "Infinity",
        "",
        "1" * 21,
        "99999999999999999999",
        "٣",
        "-0",
    ]
)
REASONS = st.sampled_from(
    ["", "DUPLICATE_ID", "UNKNOWN_ORDER", "MAINTENANCE", "BAD_MESSAGE", "x" * 999]
)
SIDES = st.sampled_from(["buy", "sell"])
MAYBE = st.none() | NUMBERS
LISTED = st.builds(ev.OpenOrder, IDS, SIDES, NUMBERS, NUMBERS, MAYBE, st.booleans(), MAYBE)
# Well-formed lies: whatever they do to the orders, nobody has executed anything.
LIES: st.SearchStrategy[ev.Ev] = st.one_of(
    st.builds(ev.Ack, IDS),
    st.builds(ev.Reject, st.none() | IDS, REASONS),
    st.builds(ev.Cancelled, IDS, REASONS, NUMBERS),
    st.builds(ev.CancelReject, IDS, REASONS),
    st.builds(ev.CancelledAll, st.lists(IDS, max_size=4)),
    st.builds(ev.OpenOrders, st.just(1), st.lists(LISTED, max_size=3)),
    st.builds(ev.Amended, IDS, NUMBERS, MAYBE, MAYBE),
    st.builds(ev.AmendReject, IDS, REASONS),
    st.builds(ev.Unknown, IDS, st.sampled_from(["new", "oco", "cancel", "amend", "?"]), REASONS),
    st.builds(ev.OrderState, st.just(1), IDS,
              st.sampled_from(["open", "filled", "cancelled", "rejected", "unknown"]), NUMBERS, NUMBERS),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def malformed(draw: st.DrawFn) -> dict[str, Any]:
    """A lie or a fill as a packet, with one field gone or of another kind, or any object at all."""
    if draw(st.booleans()):
        return draw(st.dictionaries(st.text(max_size=6) | st.just("ev"), JSON, max_size=4))
    fill = st.builds(ev.Fill, IDS, SIDES, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.text(max_size=3))
    packet: dict[str, Any] = msgspec.to_builtins(draw(LIES | fill))
    key = draw(st.sampled_from(sorted(packet)))
    if draw(st.booleans()):
        del packet[key]
    else:
        packet[key] = draw(JSON.filter(lambda value: not isinstance(value, str)))
    return packet


def wrong(fill: ev.Fill, how: int) -> ev.Fill:
    """A fill that cannot be."""
    other = "sell" if fill.side == "buy" else "buy"
    change: dict[str, Any] = [
        {"side": other, "trade": "w"},
        {"qty": "1000000", "trade": "w"},
        {"qty": "-1", "trade": "w"},
        {"qty": "0", "trade": "w"},
        {"price": "0", "trade": "w"},
        {"price": "1e2", "trade": "w"},
        {"fee": "NaN", "trade": "w"},
        {"fee": "1000000000", "trade": "w"},
        {"left": "-1", "trade": "w"},
        {"id": "somebody", "trade": "w"},
        {"currency": "$", "trade": "w"},
        {"trade": "é"},
        {"price": "1"},
        {},
    ][how]
    return msgspec.structs.replace(fill, **change)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("lie"), LIES),
        st.tuples(st.just("malformed"), malformed()),
        st.tuples(st.just("wrong fill"), st.integers(0, 13)),
        st.tuples(
            st.sampled_from(["enter", "fill", "deliver", "late", "tick"]), st.integers(0, 99)
        ),
    ),
    max_size=40,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(acts=ACTS)
@example(
    acts=[
        ("enter", 0),
        ("lie", ev.Amended("trend.1.1.1", "1", None, None)),
        ("fill", 3),
        ("fill", 3),
    ]
)
@example(acts=[("malformed", {"ev": []}), ("malformed", {"ev": {"a": {}}}), ("malformed", {})])
def test_nothing_raises_and_the_position_is_what_was_executed(acts: list[tuple[str, Any]]) -> None:
    desk = Desk(BOTH, per_s=1000, burst=1000)
    desk.tick(1, "100")
    fills: list[ev.Fill] = []
    for what, chance in acts:
        rests = list(desk.venue.open.values())
        match what:
            case "lie" | "malformed":
                before = sum(desk.manager.alarms.counts.values())
                desk.manager.hear(chance, desk.now_ns)
                if what == "malformed" and not reads(chance):
                    assert sum(desk.manager.alarms.counts.values()) == before + 1
            case "wrong fill" if fills:
                position = desk.manager.position.qty
                desk.manager.hear(wrong(fills[-1], chance), desk.now_ns)
                assert desk.manager.position.qty == position
            case "enter" if len(rests) < 8:
                desk.enter(str(1 + chance % 9), "100", "buy")
            case "fill" if rests:
                order = rests[chance % len(rests)]
                desk.venue.fill(
                    order.id, min(order.left, D(1)), order.price or order.stop or D(100)
                )
                fills += [e for e in desk.venue.out if isinstance(e, ev.Fill) and e not in fills]
                desk.deliver()
            case "late":
                desk.venue.out.reverse()
            case "deliver":
                desk.deliver()
            case "tick":
                desk.tick(chance * 100, "100")
        assert desk.manager.position.qty == sum_of(fills, desk)
    desk.deliver()
    assert desk.manager.position.qty == desk.venue.position
    assert desk.manager.position.cash == desk.venue.cash
    assert all(order.id in desk.manager.orders.live for order in desk.manager.orders.unknown())


def sum_of(fills: list[ev.Fill], desk: Desk) -> D:
    """What has been executed and told."""
    waiting = {event for event in desk.venue.out if isinstance(event, ev.Fill)}
    told = [f for f in fills if f not in waiting]
    return sum((D(f.qty) if f.side == "buy" else -D(f.qty) for f in told), D(0))


def reads(packet: dict[str, Any]) -> bool:
    """True for what is a message after all, ours or not."""
    try:
        msgspec.convert(packet, ev.Ack | ev.Reject | ev.Fill | ev.Cancelled | ev.CancelReject
                        | ev.CancelledAll | ev.OpenOrders | ev.Amended | ev.AmendReject | ev.Unknown
                        | ev.OrderState | ev.Fills | ev.Position | ev.Mark | ev.Rules | ev.Deadman
                        | ev.Welcome | ev.End)  # fmt: skip
    except msgspec.ValidationError:
        return str(packet.get("ev")) in {
            "welcome", "end", "position", "mark", "rules", "deadman", "bar", "trade", "quote"
        }  # fmt: skip
    return True


WRONG_ALARMS = ["CONTRADICTION", "OVERFILL", *["BAD_EVENT"] * 7, "FOREIGN_ORDER", "BAD_EVENT",
                "BAD_EVENT", "TRADE_CONTRADICTS", None]  # fmt: skip


@pytest.mark.parametrize(("how", "alarm"), list(enumerate(WRONG_ALARMS)))
def test_each_wrong_fill_has_its_alarm(how: int, alarm: str | None) -> None:
    desk = Desk(BOTH)
    desk.hold("3", "100")
    fill = ev.Fill("trend.1.1.1", "buy", "3", "100", "0", "0", "t1")
    desk.manager.hear(wrong(fill, how), desk.now_ns)
    assert desk.alarms() == ({} if alarm is None else {alarm: 1})
    assert desk.manager.position.qty == 3
    assert desk.manager.orders.duplicates == (alarm in (None, "TRADE_CONTRADICTS"))


def test_too_many_currencies_and_too_many_pieces_are_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host.execution.orders.MOST_TRADES", 40)
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    for number in range(50):
        fill = ev.Fill(
            entry, "buy", "0.01", "100", "0.0001", "0.5", f"p{number}", f"C{number % 45}"
        )
        desk.manager.hear(fill, desk.now_ns)
    assert len(desk.manager.position.fees) == 32
    assert desk.manager.position.executions <= 40
    assert set(desk.alarms()) >= {"BAD_EVENT"}


def test_an_answer_that_does_not_come_is_an_alarm_and_a_question() -> None:
    desk = Desk(BOTH, answer_ms=100, resolve_ms=1000)
    entry = desk.enter("1", "100")
    desk.venue.out.clear()
    desk.tick(101)
    assert desk.manager.questions() == ([entry], False)
    assert desk.alarms() == {"NO_ANSWER": 1}
    desk.tick(1001)
    assert desk.alarms() == {"NO_ANSWER": 1, "UNRESOLVED": 1}
    desk.venue.out.append(desk.venue.state(entry))
    desk.deliver()
    assert desk.manager.questions() == ([], False)
    assert desk.manager.orders.live[entry].state is State.OPEN


def test_a_fill_that_was_lost_is_asked_for_and_an_alarm() -> None:
    desk = Desk(BOTH, owed_ms=100)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    lost = desk.venue.out.pop()
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    assert desk.manager.questions() == ([], True)
    desk.tick(200)
    assert desk.alarms() == {"LOST_FILL": 1}
    desk.manager.hear(ev.Fills(1, [lost], ""), desk.now_ns)  # type: ignore[list-item]
    assert desk.manager.questions() == ([], False)
    assert desk.manager.position.qty == 2


def test_what_turns_out_never_to_have_been_missing_is_not_asked_for_any_more() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("3", "100")
    desk.manager.hear(ev.Cancelled(entry, "", "2"), desk.now_ns)
    assert desk.manager.questions() == ([], True)
    for order in desk.manager.orders.owing():
        desk.manager.orders.settle(order)
    assert desk.manager.questions() == ([], False)
    desk.tick(10_000)
    assert not desk.alarms()


def test_a_bad_fill_in_a_listing_hides_no_other() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("3", "100")
    good = [ev.Fill(entry, "buy", "1", "100", "0", str(2 - n), f"t{n}") for n in range(3)]
    bad = msgspec.structs.replace(good[1], price="NaN", trade="bad")
    desk.manager.hear(ev.Fills(1, [good[0], bad, good[1], wrong(bad, 9), good[2]], ""), 1)
    assert desk.manager.position.qty == 3
    assert desk.alarms() == {"BAD_EVENT": 1}


def test_a_fill_of_an_order_that_was_cancelled_counts_and_one_long_after_it_does_not() -> None:
    desk = Desk(BOTH)
    desk.manager.orders._keep = 2
    entry = desk.enter("1", "100")
    desk.venue.open.clear()
    desk.venue.out.append(ev.Cancelled(entry))
    desk.deliver()
    desk.manager.hear(ev.Fill(entry, "buy", "0.5", "100", "0", "0.5", "a"), desk.now_ns)
    assert desk.manager.position.qty == D("0.5")
    for _ in range(9):
        other = desk.enter("1", "90")
        desk.deliver()
        desk.manager.cancel(other, desk.now_ns)
        desk.deliver()
    assert desk.manager.orders.find(entry) is None
    desk.manager.hear(ev.Fill(entry, "buy", "0.5", "100", "0", "0", "b"), desk.now_ns)
    assert desk.manager.position.qty == D("0.5")
    assert desk.alarms() == {"FOREIGN_ORDER": 1}


def test_a_rejection_of_a_packet_that_may_have_been_a_cancel_is_a_question() -> None:
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    desk.deliver()
    desk.manager.cancel(entry, desk.now_ns)
    desk.venue.out.clear()
    desk.manager.hear(ev.Reject(entry, "MAINTENANCE"), desk.now_ns)
    assert desk.manager.questions() == ([entry], False)


@pytest.mark.parametrize("kind", [ev.CancelReject, ev.AmendReject])
@pytest.mark.parametrize(("reason", "asked"), [("UNKNOWN_ORDER", True), ("NO", False)])
def test_no_such_order_is_a_question_and_any_other_refusal_leaves_it_open(
    kind: type[ev.CancelReject] | type[ev.AmendReject], reason: str, asked: bool
) -> None:
    desk = Desk(BOTH)
    entry = desk.enter("1", "100")
    desk.deliver()
    desk.manager.cancel(entry, desk.now_ns)
    desk.venue.out.clear()
    desk.manager.hear(kind(entry, reason), desk.now_ns)
    assert desk.manager.questions() == ([entry] if asked else [], False)
    order = desk.manager.orders.live[entry]
    still = State.OPEN if kind is ev.CancelReject else State.CANCELLING
    assert order.state is (State.UNKNOWN if asked else still)


@pytest.mark.parametrize("qty", ["0.5", "3.001", "99999999999999999999"])
def test_an_amend_to_less_than_is_filled_or_more_than_was_asked_is_not_believed(qty: str) -> None:
    desk = Desk(BOTH)
    entry = desk.enter("3", "100")
    desk.venue.fill(entry, "1", "100")
    desk.deliver()
    desk.manager.hear(ev.Amended(entry, qty, "100", None), desk.now_ns)
    listed = ev.OpenOrder(entry, "buy", qty, "0.1", "100", False)
    desk.manager.hear(ev.OpenOrders(1, [listed]), desk.now_ns)
    assert desk.manager.orders.live[entry].qty == 3
    assert desk.alarms()["CONTRADICTION"] >= 1
    desk.venue.fill(entry, "2", "100")
    desk.deliver()
    assert entry not in desk.manager.orders.live


def test_alarms_are_counted_and_told_once_a_second() -> None:
    told: list[dict[str, Any]] = []
    alarms = Alarms(lambda kind, **data: told.append({"kind": kind, **data}))
    for at in range(1000):
        alarms("BAD_EVENT", at * AGAIN_NS // 500, why="x" * 999)
    assert alarms.counts["BAD_EVENT"] == 1000
    assert [t["count"] for t in told] == [1, 501]
    assert len(told[0]["why"]) == 200
    with pytest.raises(ValueError, match="no alarm"):
        alarms("NONSENSE", 0)
    assert "BAD_EVENT" in CODES
