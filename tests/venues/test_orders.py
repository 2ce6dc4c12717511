"""Orders, cancels, fills and questions: what every venue does."""

from decimal import Decimal as D

from tests.venues.stand import Stand
from tests.venues.trader import Trader


def buy(venue: Stand, trader: Trader, name: str, qty: D | None = None) -> None:
    """Buy at the market, and wait until it is done."""
    qty = venue.qty if qty is None else qty
    venue.quote(venue.at(-1), venue.at(1), 10 * qty)
    trader.placed(name, "buy", qty)
    venue.quote(venue.at(-1), venue.at(1), 10 * qty)
    while trader.until("fill", id=name)["left"] != "0":
        pass


def test_a_limit_order_rests_until_it_is_cancelled(venue: Stand, trader: Trader) -> None:
    price = venue.at(-20)
    trader.placed("a.1.1.1", "buy", venue.qty, price)
    (resting,) = trader.open_orders().values()
    assert (resting["side"], resting["reduce_only"]) == ("buy", False)
    assert [D(resting[name]) for name in ("qty", "left", "price")] == [venue.qty, venue.qty, price]
    assert trader.state("a.1.1.1") == "open"
    trader.cancel("a.1.1.1")
    trader.until("cancelled", id="a.1.1.1")
    assert trader.open_orders() == {}
    assert venue.truth().open == {}
    assert trader.state("a.1.1.1") == "cancelled"


def test_a_market_order_fills_no_better_than_the_quote(venue: Stand, trader: Trader) -> None:
    before = trader.position()
    buy(venue, trader, "a.1.1.1")
    trader.quiet()
    fills = trader.told("fill", id="a.1.1.1")
    assert sum(D(fill["qty"]) for fill in fills) == venue.qty
    assert all(D(fill["price"]) >= venue.at(1) and fill["side"] == "buy" for fill in fills)
    state = trader.ask("order", id="a.1.1.1")
    assert (state["state"], D(state["filled"]), D(state["left"])) == ("filled", venue.qty, 0)
    base = trader.ask("rules")["base"]
    kept = sum(D(fill["fee"]) for fill in fills if fill.get("currency") == base)
    assert trader.position() - before == venue.qty - kept
    assert venue.truth().trades == ["a.1.1.1"] * len(fills)


def test_a_resting_order_fills_in_part_and_the_rest_can_be_cancelled(
    venue: Stand, trader: Trader
) -> None:
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    price, quarter = venue.at(-5), venue.qty / 4
    trader.placed("a.1.1.1", "buy", venue.qty, price)
    venue.quote(venue.at(-7), price, quarter)
    fill = trader.until("fill", id="a.1.1.1")
    assert (D(fill["qty"]), D(fill["left"])) == (quarter, 3 * quarter)
    assert D(fill["price"]) <= price
    assert D(trader.open_orders()["a.1.1.1"]["left"]) == 3 * quarter
    assert trader.state("a.1.1.1") == "open"
    trader.cancel("a.1.1.1")
    gone = trader.until("cancelled", id="a.1.1.1")
    assert D(gone.get("filled", quarter)) == quarter
    state = trader.ask("order", id="a.1.1.1")
    assert (state["state"], D(state["filled"])) == ("cancelled", quarter)


def test_the_account_is_told_to_every_trader_and_an_ack_to_its_asker(venue: Stand) -> None:
    one, other = venue.join(), venue.join()
    other.quiet()
    buy(venue, one, "a.1.1.1")
    assert other.until("fill", id="a.1.1.1")["left"] == "0"
    one.placed("a.1.1.2", "buy", venue.qty, venue.at(-20))
    one.cancel("a.1.1.2")
    other.until("cancelled", id="a.1.1.2")
    assert other.told("ack") == []


def test_the_same_id_is_one_order_however_often_it_comes(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    for _ in range(3):
        trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
        assert trader.until("reject", id="a.1.1.1")["reason"] == "DUPLICATE_ID"
    assert venue.truth().open == {"a.1.1.1": venue.qty}
    trader.cancel("a.1.1.1")
    trader.until("cancelled", id="a.1.1.1")
    trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    assert trader.until("reject", id="a.1.1.1")["reason"] == "DUPLICATE_ID"
    assert venue.truth().open == {}


def test_the_same_id_twice_in_one_breath_is_one_order(venue: Stand, trader: Trader) -> None:
    for _ in range(2):
        trader.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
    trader.until("ack", id="a.1.1.1")
    assert trader.until("reject", id="a.1.1.1")["reason"] == "DUPLICATE_ID"
    assert venue.truth().open == {"a.1.1.1": venue.qty}


def test_a_second_cancel_and_one_of_nothing_change_nothing(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    trader.placed("a.1.1.2", "buy", venue.qty, venue.at(-21))
    trader.cancel("a.1.1.1")
    trader.until("cancelled", id="a.1.1.1")
    for name in ("a.1.1.1", "a.1.1.3"):
        trader.cancel(name)
        assert trader.until("cancel_reject", id=name)["reason"] == "UNKNOWN_ORDER"
    assert len(trader.told("cancelled")) == 1
    assert venue.truth().open == {"a.1.1.2": venue.qty}


def test_an_order_that_filled_can_not_be_cancelled(venue: Stand, trader: Trader) -> None:
    buy(venue, trader, "a.1.1.1")
    trader.cancel("a.1.1.1")
    assert trader.until("cancel_reject", id="a.1.1.1")["reason"] == "UNKNOWN_ORDER"
    assert trader.state("a.1.1.1") == "filled"


def test_cancel_all_takes_every_order_and_names_them(venue: Stand, trader: Trader) -> None:
    other = venue.join()
    other.quiet()
    names = [f"a.1.1.{n}" for n in range(1, 6)]
    for n, name in enumerate(names):
        trader.placed(name, "buy", venue.qty, venue.at(-20 - n))
    other.send(op="cancel_all", intent="CANCEL")
    for client in (trader, other):
        assert set(client.until("cancelled_all")["ids"]) == set(names)
    assert venue.truth().open == {}
    assert {trader.state(name) for name in names} == {"cancelled"}


def test_an_order_that_never_was_is_unknown(trader: Trader) -> None:
    answer = trader.ask("order", id="a.1.1.99")
    assert (answer["state"], D(answer["filled"])) == ("unknown", 0)


def test_every_execution_is_listed_once_in_order_from_any_cursor(
    venue: Stand, trader: Trader
) -> None:
    names = [f"a.1.1.{n}" for n in range(1, 4)]
    for name in names:
        buy(venue, trader, name)
    trader.quiet()
    listed = trader.fills()
    assert [fill["trade"] for fill in listed] == [fill["trade"] for fill in trader.told("fill")]
    assert len({fill["trade"] for fill in listed}) == len(listed)
    assert list(dict.fromkeys(fill["id"] for fill in listed)) == names
    assert all(D(fill["qty"]) > 0 and D(fill["price"]) > 0 and fill["fee"] for fill in listed)
    page = trader.ask("fills", since="")
    if page["next"]:
        rest = trader.fills(page["next"])
        assert [fill["trade"] for fill in page["fills"] + rest] == [f["trade"] for f in listed]


def test_what_follows_the_last_execution_can_be_asked_for_later(
    venue: Stand, trader: Trader
) -> None:
    buy(venue, trader, "a.1.1.1")
    page = trader.ask("fills", since="")
    while page["next"]:
        page = trader.ask("fills", since=page["next"])
    since = page.get("upto", "")
    buy(venue, trader, "a.1.1.2")
    later = trader.fills(since)
    assert {fill["id"] for fill in later} == ({"a.1.1.2"} if since else {"a.1.1.1", "a.1.1.2"})


def test_the_mark_is_in_the_market(venue: Stand, trader: Trader) -> None:
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    mark = trader.ask("mark")
    assert venue.at(-1) <= D(mark["price"]) <= venue.at(1)
    assert D(mark["tick"]) == venue.tick


def test_fees_name_their_currency(venue: Stand, trader: Trader) -> None:
    buy(venue, trader, "a.1.1.1")
    for fill in trader.fills():
        D(fill["fee"])
        assert fill.get("currency", "") == "" or fill["currency"].isalnum()
