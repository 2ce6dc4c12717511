"""The rules that a venue names are kept, and an order that breaks one is refused by its name."""

from decimal import Decimal as D

import pytest

from host.venues.capabilities import CAPABILITIES
from tests.venues.stand import Stand
from tests.venues.trader import Trader


def refused(trader: Trader, name: str, *order: object, **more: object) -> str:
    """Send an order that breaks a rule; return why it is refused."""
    trader.new(name, *order, **more)  # type: ignore[arg-type]
    return str(trader.until("reject", id=name)["reason"])


def test_the_rules_are_whole(venue: Stand, trader: Trader) -> None:
    rules = trader.ask("rules")
    assert (D(rules["tick"]), D(rules["qty_step"])) == (venue.tick, venue.lot)
    assert 0 < D(rules["min_qty"]) <= venue.qty / 4 <= venue.qty <= D(rules["max_qty"])
    assert 0 <= D(rules["min_notional"]) <= venue.price * venue.qty / 4
    assert rules["base"]
    assert rules["quote"]
    assert set(rules["can"]) <= CAPABILITIES.keys()


def test_what_is_off_the_grid_is_refused(venue: Stand, trader: Trader) -> None:
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    off_tick = venue.at(-20) + venue.tick / 2
    assert refused(trader, "a.1.1.1", "buy", venue.qty, off_tick) == "OFF_TICK"
    off_lot = venue.qty + venue.lot / 2
    assert refused(trader, "a.1.1.2", "buy", off_lot, venue.at(-20)) == "OFF_LOT"
    assert venue.truth().open == {}


def test_what_is_too_small_or_too_large_is_refused(venue: Stand, trader: Trader) -> None:
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    rules, price = trader.ask("rules"), venue.at(-20)
    least, most = D(rules["min_notional"]), D(rules["max_qty"])
    if least > 0:
        too_little = (least / price // venue.lot) * venue.lot - venue.lot
        small = refused(trader, "a.1.1.1", "buy", max(too_little, D(rules["min_qty"])), price)
        assert small in ("BELOW_MIN_NOTIONAL", "BELOW_MIN_QTY")
    assert refused(trader, "a.1.1.2", "buy", most + venue.lot, price) == "ABOVE_MAX_QTY"
    assert venue.truth().open == {}


def test_a_price_beyond_the_band_is_refused(venue: Stand, trader: Trader) -> None:
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    band = trader.ask("rules")["band"]
    if not band:
        pytest.skip(f"{venue.name} has no price band")
    ticks = int(venue.price * (1 + D(band)) / venue.tick) + 10
    assert refused(trader, "a.1.1.1", "sell", venue.qty, ticks * venue.tick) == "BEYOND_PRICE_BAND"


@pytest.mark.parametrize("qty", ["0", "-1", "", "1e3", "nan", "Infinity", "0x1", " 1", "1_0"])
def test_a_quantity_that_is_none_is_refused(venue: Stand, trader: Trader, qty: str) -> None:
    assert refused(trader, "a.1.1.1", "buy", qty, venue.at(-20)) == "BAD_QTY"
    assert venue.truth().open == {}


@pytest.mark.parametrize("price", ["0", "-1", "", "nan", "1,5"])
def test_a_price_that_is_none_is_refused(venue: Stand, trader: Trader, price: str) -> None:
    assert refused(trader, "a.1.1.1", "buy", venue.qty, price) == "BAD_PRICE"
    assert venue.truth().open == {}


def test_an_order_of_a_kind_needs_its_own_price(venue: Stand, trader: Trader) -> None:
    price, qty = venue.at(-20), venue.qty
    assert refused(trader, "a.1.1.1", "buy", qty, price, type="market") == "BAD_PRICE"
    assert refused(trader, "a.1.1.2", "buy", qty, None, type="limit") == "BAD_PRICE"
    assert refused(trader, "a.1.1.3", "buy", qty, price, post_only=True, tif="ioc") == "BAD_MESSAGE"
    assert venue.truth().open == {}


def test_a_reduce_only_order_never_opens(venue: Stand, trader: Trader, can: frozenset[str]) -> None:
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    more = {"reduce_only": True, "intent": "REDUCE"}
    if "reduce_only" not in can:
        assert refused(trader, "a.1.1.1", "sell", venue.qty, None, **more) == "NOT_SUPPORTED"
        return
    why = refused(trader, "a.1.1.1", "sell", venue.qty, None, **more)
    assert why == "REDUCE_ONLY_WOULD_INCREASE"
    trader.placed("a.1.1.2", "buy", venue.qty)
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.until("fill", id="a.1.1.2", left="0")
    why = refused(trader, "a.1.1.3", "buy", venue.qty, None, **more)
    assert why == "REDUCE_ONLY_WOULD_INCREASE"
    before = trader.position()
    trader.new("a.1.1.4", "sell", 3 * venue.qty, None, **more)
    trader.quiet()
    venue.quote(venue.at(-1), venue.at(1), 10 * venue.qty)
    trader.until("fill", "reject", id="a.1.1.4")
    trader.quiet()
    assert 0 <= trader.position() <= before
    assert sum(D(fill["qty"]) for fill in trader.told("fill", id="a.1.1.4")) <= venue.qty
