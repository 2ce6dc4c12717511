"""A venue that misbehaves: nothing is doubled, nothing is forgotten, and the questions tell the truth."""

from decimal import Decimal as D

import pytest

from tests.venues.stand import Stand
from tests.venues.test_kinds import need
from tests.venues.test_orders import buy
from tests.venues.trader import Trader


def told(venue: Stand, what: str) -> None:
    """Have the venue misbehave, or skip."""
    if what not in venue.misbehaves:
        pytest.skip(f"{venue.name} can not be told: {what}")
    venue.misbehave(what)


def test_a_time_out_after_acceptance_is_unknown_and_then_open(venue: Stand, trader: Trader) -> None:
    told(venue, "timeout_accepted")
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    assert trader.until("unknown", id="a.1.1.1")["op"] == "new"
    assert trader.state("a.1.1.1") == "open"
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    assert trader.until("reject", id="a.1.1.1")["reason"] == "DUPLICATE_ID"
    assert venue.truth().open == {"a.1.1.1": venue.qty}


def test_a_request_that_never_arrives_is_unknown_and_can_be_sent_again(
    venue: Stand, trader: Trader
) -> None:
    told(venue, "timeout_lost")
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    assert trader.until("unknown", id="a.1.1.1")["op"] == "new"
    assert trader.state("a.1.1.1") == "unknown"
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    assert venue.truth().open == {"a.1.1.1": venue.qty}


def test_a_cancel_that_timed_out_was_done(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    told(venue, "timeout_accepted")
    trader.cancel("a.1.1.1")
    trader.until("unknown", "cancelled", id="a.1.1.1")
    assert trader.state("a.1.1.1") == "cancelled"
    assert venue.truth().open == {}


def test_a_cancel_that_got_lost_can_be_sent_again(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    told(venue, "timeout_lost")
    trader.cancel("a.1.1.1")
    assert trader.until("unknown", id="a.1.1.1")["op"] == "cancel"
    assert trader.state("a.1.1.1") == "open"
    trader.cancel("a.1.1.1")
    trader.until("cancelled", id="a.1.1.1")
    assert venue.truth().open == {}


def test_an_amend_that_timed_out_was_done(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "amend")
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    told(venue, "timeout_accepted")
    trader.send(op="amend", id="a.1.1.1", intent="OPEN", qty=2 * venue.qty)
    trader.until("unknown", "amended", id="a.1.1.1")
    assert venue.truth().open == {"a.1.1.1": 2 * venue.qty}


def test_an_oco_that_timed_out_stands_whole(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "oco")
    buy(venue, trader, "a.1.1.1")
    told(venue, "timeout_accepted")
    trader.send(op="oco", id="a.1.1.11", stop_id="a.1.1.12", intent="REDUCE", side="sell",
                qty=venue.qty, price=venue.at(20), stop=venue.at(-20))  # fmt: skip
    for name in ("a.1.1.11", "a.1.1.12"):
        assert trader.until("unknown", id=name)["op"] == "oco"
        assert trader.state(name) == "open"


def test_a_lost_fill_is_in_the_list_and_in_the_position(venue: Stand, trader: Trader) -> None:
    before = trader.position()
    told(venue, "lost_fill")
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.placed("a.1.1.1", "buy", venue.qty)
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.quiet()
    assert trader.state("a.1.1.1") == "filled"
    assert sum(D(fill["qty"]) for fill in trader.fills()) == venue.qty
    assert trader.position() > before


def test_a_fill_told_twice_has_one_name(venue: Stand, trader: Trader) -> None:
    told(venue, "double_fill")
    buy(venue, trader, "a.1.1.1")
    trader.quiet()
    fills = trader.told("fill", id="a.1.1.1")
    once = {fill["trade"]: fill for fill in fills}
    assert sum(D(fill["qty"]) for fill in once.values()) == venue.qty
    assert [fill["trade"] for fill in trader.fills()] == list(once)


@pytest.mark.parametrize("what", ["late_fill", "late_ack"])
def test_events_out_of_their_order_add_up(venue: Stand, trader: Trader, what: str) -> None:
    told(venue, what)
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.new("a.1.1.1", "buy", venue.qty)
    trader.quiet()  # the venue has it, whatever it says
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.placed("a.1.1.2", "buy", venue.qty, venue.at(-20))
    trader.until("ack", id="a.1.1.1")
    trader.until("fill", id="a.1.1.1", left="0")
    trader.quiet()
    assert sum(D(fill["qty"]) for fill in trader.told("fill")) == venue.qty
    assert venue.truth().open == {"a.1.1.2": venue.qty}


def test_in_maintenance_nothing_is_done(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    told(venue, "maintenance")
    trader.new("a.1.1.2", "buy", venue.qty, venue.at(-20))
    answer = trader.until("reject", "unknown", id="a.1.1.2")
    assert answer["ev"] == "unknown" or answer["reason"] == "MAINTENANCE"
    venue.behave()
    assert trader.state("a.1.1.2") == "unknown"
    assert venue.truth().open == {"a.1.1.1": venue.qty}
    trader.cancel("a.1.1.1")
    trader.until("cancelled", id="a.1.1.1")


def test_a_request_that_is_turned_away_first_is_done_once_or_not_at_all(
    venue: Stand, trader: Trader
) -> None:
    told(venue, "throttled")
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    trader.until("ack", "reject", "unknown", id="a.1.1.1")
    stands = trader.state("a.1.1.1") == "open"
    assert venue.truth().open == ({"a.1.1.1": venue.qty} if stands else {})
