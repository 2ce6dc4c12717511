"""Stops, post-only, immediate-or-cancel, amends and OCOs: what a venue says that it can."""

from decimal import Decimal as D

import pytest

from tests.venues.stand import Stand
from tests.venues.test_orders import buy
from tests.venues.trader import Trader

REDUCE = {"intent": "REDUCE", "reduce_only": True}


def need(can: frozenset[str], *words: str) -> None:
    """Skip where the venue does not have it; test_what_is_not_there covers that."""
    missing = [word for word in words if word not in can]
    if missing:
        pytest.skip(f"the venue can not: {', '.join(missing)}")


def stop(trader: Trader, name: str, qty: D, at: D) -> None:
    """Send a protective stop below."""
    trader.new(name, "sell", qty, type="stop", stop=at, **REDUCE)


def oco(venue: Stand, trader: Trader, qty: D) -> None:
    """Bracket a long position: a target above, a stop below."""
    trader.send(op="oco", id="a.1.1.11", stop_id="a.1.1.12", intent="REDUCE", side="sell", qty=qty,
                price=venue.at(20), stop=venue.at(-20))  # fmt: skip


def bracketed(venue: Stand, trader: Trader) -> None:
    """Buy, and have the bracket accepted."""
    buy(venue, trader, "a.1.1.1")
    oco(venue, trader, venue.qty)
    for name in ("a.1.1.11", "a.1.1.12"):
        trader.until("ack", id=name)


def test_what_is_not_there_is_refused_and_nothing_else_is_done(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    buy(venue, trader, "a.1.1.1")
    if "stop" not in can:
        stop(trader, "a.1.1.2", venue.qty, venue.at(-20))
        assert trader.until("reject", id="a.1.1.2")["reason"] == "NOT_SUPPORTED"
    for name, word, more in (
        ("a.1.1.3", "post_only", {"post_only": True}),
        ("a.1.1.4", "ioc", {"tif": "ioc"}),
    ):
        if word not in can:
            trader.new(name, "buy", venue.qty, venue.at(-20), **more)
            assert trader.until("reject", id=name)["reason"] == "NOT_SUPPORTED"
    if "oco" not in can:
        oco(venue, trader, venue.qty)
        for name in ("a.1.1.11", "a.1.1.12"):
            assert trader.until("reject", id=name)["reason"] == "NOT_SUPPORTED"
    if "amend" not in can:
        trader.placed("a.1.1.5", "buy", venue.qty, venue.at(-20))
        trader.send(op="amend", id="a.1.1.5", intent="OPEN", price=venue.at(-21))
        assert trader.until("amend_reject", id="a.1.1.5")["reason"] == "NOT_SUPPORTED"
        trader.cancel("a.1.1.5")
    if "deadman" not in can:
        trader.send(op="deadman", req=77, timeout_ms=60_000)
        assert trader.until("reject")["reason"] == "NOT_SUPPORTED"
    trader.quiet()
    assert venue.truth().open == {}


def test_a_stop_rests_until_the_market_comes_to_it(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "stop", "reduce_only")
    buy(venue, trader, "a.1.1.1")
    stop(trader, "a.1.1.2", venue.qty, venue.at(-20))
    trader.until("ack", id="a.1.1.2")
    venue.quote(venue.at(-19), venue.at(-17), 10 * venue.qty)
    assert D(trader.open_orders()["a.1.1.2"]["stop"]) == venue.at(-20)
    venue.quote(venue.at(-25), venue.at(-23), 10 * venue.qty)
    venue.quote(venue.at(-25), venue.at(-23), 10 * venue.qty)
    fill = trader.until("fill", id="a.1.1.2", left="0")
    assert D(fill["price"]) <= venue.at(-20)
    assert venue.truth().open == {}


def test_a_post_only_order_never_takes(venue: Stand, trader: Trader, can: frozenset[str]) -> None:
    need(can, "post_only")
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(5), post_only=True)
    assert trader.until("reject", id="a.1.1.1")["reason"] == "POST_ONLY_WOULD_TAKE"
    trader.placed("a.1.1.2", "buy", venue.qty, venue.at(-5), post_only=True)
    venue.quote(venue.at(-7), venue.at(-5), 10 * venue.qty)
    fill = trader.until("fill", id="a.1.1.2", left="0")
    assert fill["maker"]
    assert venue.truth().trades == ["a.1.1.2"] * len(trader.told("fill"))


def test_what_an_immediate_order_does_not_get_at_once_is_cancelled(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "ioc")
    venue.quote(venue.at(-1), venue.at(1), venue.qty / 4)
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(1), tif="ioc")
    trader.placed("a.1.1.2", "buy", venue.qty, venue.at(-20), tif="ioc")
    venue.quote(venue.at(-1), venue.at(1), venue.qty / 4)
    for name in ("a.1.1.1", "a.1.1.2"):
        trader.until("cancelled", id=name)
    trader.quiet()
    assert sum(D(fill["qty"]) for fill in trader.told("fill")) == venue.qty / 4
    assert {fill["id"] for fill in trader.told("fill")} == {"a.1.1.1"}
    assert venue.truth().open == {}


def test_an_order_is_amended_in_its_place(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "amend")
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    trader.send(op="amend", id="a.1.1.1", intent="OPEN", price=venue.at(-10), qty=2 * venue.qty)
    amended = trader.until("amended", id="a.1.1.1")
    assert (D(amended["price"]), D(amended["qty"])) == (venue.at(-10), 2 * venue.qty)
    assert venue.truth().open == {"a.1.1.1": 2 * venue.qty}
    venue.quote(venue.at(-12), venue.at(-10), venue.qty)
    assert D(trader.until("fill", id="a.1.1.1")["left"]) == venue.qty


def test_an_amend_that_can_not_be_leaves_the_order_as_it_was(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "amend")
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-5))
    venue.quote(venue.at(-7), venue.at(-5), venue.qty / 2)
    trader.until("fill", id="a.1.1.1")
    for change, reason in (
        ({"qty": venue.qty / 4}, "BELOW_FILLED_QTY"),
        ({"price": venue.at(-5) + venue.tick / 2}, "OFF_TICK"),
        ({"price": "nan"}, "BAD_PRICE"),
        ({"qty": "0"}, "BAD_QTY"),
    ):
        trader.send(op="amend", id="a.1.1.1", intent="OPEN", **change)
        assert trader.until("amend_reject", id="a.1.1.1")["reason"] == reason
    trader.send(op="amend", id="a.1.1.9", intent="OPEN", qty=venue.qty)
    assert trader.until("amend_reject", id="a.1.1.9")["reason"] == "UNKNOWN_ORDER"
    assert D(trader.open_orders()["a.1.1.1"]["price"]) == venue.at(-5)
    assert venue.truth().open == {"a.1.1.1": venue.qty / 2}


def test_cancelling_one_leg_of_an_oco_cancels_the_other(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "oco")
    bracketed(venue, trader)
    assert venue.truth().open == {"a.1.1.11": venue.qty, "a.1.1.12": venue.qty}
    trader.cancel("a.1.1.11")
    for name in ("a.1.1.11", "a.1.1.12"):
        trader.until("cancelled", id=name)
    assert venue.truth().open == {}


def test_the_end_of_the_target_is_the_end_of_the_stop(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "oco")
    bracketed(venue, trader)
    venue.quote(venue.at(20), venue.at(22), 10 * venue.qty)
    fill = trader.until("fill", id="a.1.1.11", left="0")
    assert D(fill["price"]) == venue.at(20), "the bid and the limit are one price"
    trader.until("cancelled", id="a.1.1.12")
    venue.quote(venue.at(-30), venue.at(-28), 10 * venue.qty)
    trader.quiet()
    assert trader.told("fill", id="a.1.1.12") == []
    assert venue.truth().open == {}


def test_the_stop_ends_the_target(venue: Stand, trader: Trader, can: frozenset[str]) -> None:
    need(can, "oco")
    bracketed(venue, trader)
    for _ in range(2):
        venue.quote(venue.at(-25), venue.at(-23), 10 * venue.qty)
    trader.until("fill", id="a.1.1.12", left="0")
    trader.until("cancelled", id="a.1.1.11")
    assert venue.truth().open == {}


def test_the_stop_shrinks_with_each_part_of_the_target(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "oco", "ouo")
    bracketed(venue, trader)
    venue.quote(venue.at(20), venue.at(22), venue.qty / 4)
    trader.until("fill", id="a.1.1.11")
    assert D(trader.until("amended", id="a.1.1.12")["qty"]) == venue.qty * 3 / 4
    assert set(venue.truth().open.values()) == {venue.qty * 3 / 4}


def test_an_oco_comes_whole_or_not_at_all(
    venue: Stand, trader: Trader, can: frozenset[str]
) -> None:
    need(can, "oco")
    bracketed(venue, trader)
    oco(venue, trader, venue.qty)
    for name in ("a.1.1.11", "a.1.1.12"):
        assert trader.until("reject", id=name)["reason"] == "DUPLICATE_ID"
    trader.send(op="oco", id="a.1.1.21", stop_id="a.1.1.22", intent="REDUCE", side="sell",
                qty=venue.qty, price=venue.at(20) + venue.tick / 2, stop=venue.at(-20))  # fmt: skip
    for name in ("a.1.1.21", "a.1.1.22"):
        assert trader.until("reject", id=name)["reason"] == "OFF_TICK"
    assert venue.truth().open == {"a.1.1.11": venue.qty, "a.1.1.12": venue.qty}
