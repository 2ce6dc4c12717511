"""What a row does: queue, displayed sizes, trades beside the book, kinds of orders, an OCO's legs."""

from decimal import Decimal as D

import pytest

from host.paper.book import Book
from host.paper.fees import Fees
from host.paper.latency import Latency
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m
from host.venues.capabilities import CAPABILITIES

TICK, MS = D("0.1"), 1_000_000


def quote(bid: str, ask: str, bid_qty: str = "5", ask_qty: str = "5", ms: int = 0) -> Row:
    b, a = D(bid), D(ask)
    return Row(1, a, b, a, b, None, D(bid_qty), D(ask_qty), time_ns=ms * MS)


def trade(price: str, qty: str, ms: int = 0) -> Row:
    p = D(price)
    return Row(1, p, p, p, p, D(qty), beside_book=True, time_ns=ms * MS)


def new(name: str, side: str, qty: str, price: str | None = None, **more: object) -> m.New:
    kind = "market" if price is None else "limit"
    return m.New(name, "OPEN", side, kind, qty, price, **more)  # type: ignore[arg-type]


def oco(qty: str = "4", price: str = "110", stop: str = "90", side: str = "sell") -> m.Oco:
    return m.Oco("t", "s", "REDUCE", side, qty, price, stop)  # type: ignore[arg-type]


def book(can: frozenset[str] = frozenset(CAPABILITIES)) -> Book:
    """A book that has seen a quote of 100 to 100.1."""
    made = Book(Rules(TICK, can=can))
    made.on_row(quote("100", "100.1"))
    return made


def long(qty: str, can: frozenset[str] = frozenset(CAPABILITIES)) -> Book:
    """A book that holds a position."""
    made = book(can)
    made.new(new("in", "buy", qty))
    made.on_row(quote("100", "100.1", ask_qty="100"))
    return made


def filled(events: list[ev.Ev]) -> list[tuple[str, str, str]]:
    return [(e.id, e.qty, e.price) for e in events if isinstance(e, ev.Fill)]


def test_a_market_order_takes_what_is_displayed_and_waits_for_more() -> None:
    venue = book()
    venue.new(new("a", "buy", "8"))
    assert filled(venue.on_row(quote("100", "100.1"))) == [("a", "5", "100.15")]
    # The replayed book shows the same size again: it is the one that was taken.
    assert filled(venue.on_row(quote("100", "100.1"))) == []
    assert filled(venue.on_row(quote("100", "100.1", ask_qty="6"))) == [("a", "1", "100.15")]
    assert filled(venue.on_row(quote("100", "100.2"))) == [("a", "2", "100.25")]


def test_a_size_that_shrinks_leaves_less() -> None:
    venue = book()
    venue.on_row(quote("100", "100.1", ask_qty="2"))
    venue.new(new("a", "buy", "8"))
    assert filled(venue.on_row(quote("100", "100.1", ask_qty="2"))) == [("a", "2", "100.15")]


def test_nothing_is_filled_that_is_less_than_a_lot() -> None:
    venue = Book(Rules(TICK, qty_step=D("0.5")))
    venue.on_row(quote("100", "100.1", ask_qty="1.4"))
    venue.new(new("a", "buy", "2"))
    assert filled(venue.on_row(quote("100", "100.1", ask_qty="1.4"))) == [("a", "1", "100.15")]
    assert filled(venue.on_row(quote("100", "100.1", ask_qty="1.8"))) == [("a", "0.5", "100.15")]
    venue.new(new("b", "buy", "2", "100"))
    venue.on_row(quote("100", "100.2", bid_qty="0.1"))
    assert filled(venue.on_row(trade("100", "0.9"))) == [("b", "0.5", "100")]
    bar = Row(1, D(99), D(99), D(98), D(101), D(14))
    assert filled(venue.on_row(bar)) == [("b", "1", "99")]


def test_an_order_joins_behind_what_is_displayed_and_moves_up_with_trades() -> None:
    venue = book()
    venue.new(new("a", "buy", "2", "100"))
    venue.on_row(quote("100", "100.1", bid_qty="5"))
    assert filled(venue.on_row(trade("100", "4"))) == []
    assert filled(venue.on_row(trade("100", "2.5"))) == [("a", "1.5", "100")]
    assert filled(venue.on_row(trade("100", "3"))) == [("a", "0.5", "100")]


def test_a_queue_whose_size_shrinks_moves_up_no_further_than_that() -> None:
    venue = book()
    venue.new(new("a", "buy", "2", "100"))
    venue.on_row(quote("100", "100.1", bid_qty="5"))
    venue.on_row(quote("100", "100.1", bid_qty="3"))
    venue.on_row(quote("100", "100.1", bid_qty="9"))  # those came behind us
    assert filled(venue.on_row(trade("100", "3"))) == []
    assert filled(venue.on_row(trade("100", "1"))) == [("a", "1", "100")]


def test_a_trade_through_our_price_fills_no_more_than_was_traded() -> None:
    venue = book()
    venue.new(new("a", "buy", "2", "100"))
    venue.new(new("b", "buy", "2", "99.9"))
    assert filled(venue.on_row(trade("99.8", "3"))) == [("a", "2", "100"), ("b", "1", "99.9")]


def test_a_price_behind_the_touch_has_an_unknown_queue_until_it_is_seen() -> None:
    venue = book()
    venue.new(new("a", "buy", "1", "99.9"))
    venue.on_row(quote("100", "100.1"))
    assert filled(venue.on_row(trade("99.9", "50"))) == []
    venue.on_row(quote("99.9", "100.1", bid_qty="2"))
    assert filled(venue.on_row(trade("99.9", "2.5"))) == [("a", "0.5", "99.9")]


def test_inside_the_spread_nobody_is_before_us() -> None:
    venue = Book(Rules(TICK))
    venue.on_row(quote("100", "100.5"))
    venue.new(new("a", "sell", "1", "100.3"))
    venue.on_row(quote("100", "100.5"))
    assert filled(venue.on_row(trade("100.3", "0.25"))) == [("a", "0.25", "100.3")]


def test_a_trade_beside_the_book_takes_no_market_order_and_triggers_a_stop() -> None:
    venue = long("2")
    venue.new(new("m", "buy", "1"))
    venue.new(m.New("s", "REDUCE", "sell", "stop", "2", None, True, "95"))
    assert venue.on_row(trade("94.9", "9")) == []
    events = venue.on_row(quote("94.8", "94.9"))
    assert filled(events) == [("m", "1", "94.95"), ("s", "2", "94.75")]


def test_an_order_that_crosses_pays_as_taker_and_one_that_waited_as_maker() -> None:
    venue = book()
    venue.new(new("a", "buy", "1", "100.2"))
    venue.new(new("b", "buy", "1", "99"))
    (taker,) = venue.on_row(quote("100", "100.1"))
    (maker,) = venue.on_row(quote("98.8", "98.9"))
    assert isinstance(taker, ev.Fill)
    assert isinstance(maker, ev.Fill)
    assert (taker.price, taker.maker, maker.price, maker.maker) == ("100.1", False, "98.9", True)


def test_a_post_only_order_that_a_blind_venue_took_is_cancelled_when_it_would_take() -> None:
    venue = Book(Rules(TICK))
    assert venue.new(new("a", "buy", "1", "101", post_only=True)) == ev.Ack("a")
    gone = ev.Cancelled("a", m.POST_ONLY_WOULD_TAKE)
    assert venue.on_row(quote("100", "100.1")) == [gone]


@pytest.mark.parametrize("ouo", [True, False])
def test_both_legs_of_an_oco_never_close_more_than_one(ouo: bool) -> None:
    venue = long("4", frozenset(CAPABILITIES) - (set() if ouo else {"ouo"}))
    assert venue.oco(oco()) == [ev.Ack("t"), ev.Ack("s")]
    events = venue.on_row(quote("110", "110.1", bid_qty="3"))
    assert filled(events) == [("t", "3", "110")]
    assert any(isinstance(event, ev.Amended) for event in events) == ouo
    events = venue.on_row(quote("89", "89.1"))
    assert [(name, qty) for name, qty, _price in filled(events)] == [("s", "1")]
    assert venue.position == 0
    assert venue.open_orders() == []


def test_the_legs_of_an_oco_stand_on_either_side_and_have_two_names() -> None:
    venue = long("4")
    for wrong in (oco(price="80"), m.Oco("t", "t", "REDUCE", "sell", "4", "110", "90")):
        assert {e.reason for e in venue.oco(wrong) if isinstance(e, ev.Reject)} == {m.BAD_MESSAGE}
    (why, _) = venue.oco(oco(price="90", stop="110", side="buy"))
    assert why == ev.Reject("t", m.REDUCE_ONLY_WOULD_INCREASE)
    assert venue.open_orders() == []


def test_an_amended_order_loses_its_place_only_when_it_asks_for_more() -> None:
    venue = book()
    for name in ("a", "b"):
        venue.new(new(name, "buy", "2", "99"))
    venue.amend(m.Amend("a", "OPEN", "1"))
    assert filled(venue.on_row(trade("98", "1"))) == [("a", "1", "99")]
    for name in ("c", "d"):
        venue.new(new(name, "buy", "2", "99.5"))
    venue.amend(m.Amend("c", "OPEN", "3"))
    assert filled(venue.on_row(trade("98", "2"))) == [("d", "2", "99.5")]


def test_a_request_takes_its_time_and_a_fill_may_be_faster() -> None:
    venue = Book(Rules(TICK), latency=Latency(10))
    venue.on_row(quote("100", "100.1", ms=0))
    venue.new(new("a", "buy", "1", "100.2"))
    assert venue.on_row(quote("100", "100.1", ms=9)) == []
    assert filled(venue.on_row(quote("100", "100.1", ms=10))) == [("a", "1", "100.1")]
    venue.new(new("b", "buy", "1", "99"))
    venue.on_row(quote("100", "100.1", ms=20))
    assert venue.cancel("b") == []
    assert filled(venue.on_row(quote("98.8", "98.9", ms=29))) == [("b", "1", "98.9")]
    assert venue.on_row(quote("98.8", "98.9", ms=30)) == [ev.CancelReject("b", m.UNKNOWN_ORDER)]


def test_what_is_sent_after_a_cancel_all_is_not_cancelled_by_it() -> None:
    venue = Book(Rules(TICK), latency=Latency(10))
    venue.on_row(quote("100", "100.1"))
    venue.new(new("a", "buy", "1", "99"))
    venue.cancel_all()
    venue.new(new("b", "buy", "1", "99"))
    assert venue.on_row(quote("100", "100.1", ms=10)) == [ev.CancelledAll(["a"])]
    assert [order.id for order in venue.open_orders()] == ["b"]
    venue.cancel("b")
    assert venue.no_more_rows() == [ev.Cancelled("b")]


def test_latency_keeps_the_order_of_requests_and_is_the_same_with_each_seed() -> None:
    def arrivals(seed: int) -> list[tuple[int, int]]:
        line, came = Latency(5, 20, seed), []
        for number in range(50):
            line.carry(number * MS, lambda number=number: came.append((number, now)))  # type: ignore[misc]
        for now in range(0, 100 * MS, MS):
            line.arrive(now)
        return came

    assert arrivals(1) == arrivals(1) != arrivals(2)
    assert [number for number, _at in arrivals(3)] == list(range(50))
    assert all(at - number * MS >= 5 * MS for number, at in arrivals(3))


@pytest.mark.parametrize(
    ("fees", "side", "fee", "currency", "position", "cash"),
    [
        (Fees(D(2), D(5)), "buy", "0.1", "", "2", "-200.1"),
        (Fees(D(2), D(5), "received"), "buy", "0.001", "BTC", "1.999", "-200"),
        (Fees(D(2), D(5), "received"), "sell", "0.1", "", "-2", "199.9"),
        (Fees(D(2), D(5), "BNB", D(400)), "buy", "0.00025", "BNB", "2", "-200"),
        (Fees(D(2), D(-5)), "buy", "-0.1", "", "2", "-199.9"),
        (Fees(D(2), D("0.0000333")), "buy", "0.00000067", "", "2", "-200.00000067"),
        (Fees(D(2), D("-0.0000333")), "buy", "-0.00000066", "", "2", "-199.99999934"),
    ],
)
def test_fees_are_exact_in_every_currency_and_rounded_against_the_client(
    fees: Fees, side: str, fee: str, currency: str, position: str, cash: str
) -> None:
    venue = Book(Rules(TICK, base="BTC"), fees, slip_ticks=D(0))
    venue.new(new("a", side, "2"))
    (fill,) = venue.on_row(quote("100", "100"))
    assert isinstance(fill, ev.Fill)
    assert (fill.fee, fill.currency) == (fee, currency)
    assert (venue.position, venue.cash) == (D(position), D(cash))


def test_executions_are_listed_in_pages_whose_cursors_are_their_names() -> None:
    venue = book()
    for number in range(900):
        venue.new(new(f"o{number}", "buy", "1"))
        venue.on_row(quote("100", "100.1", ask_qty=str(10 + number * 2)))
    seen, since, pages = [], "", 0
    while True:
        page = venue.account.page(1, since)
        assert page is not None
        seen += [fill.id for fill in page.fills]
        pages += 1
        assert len(m.encode(page)) < 256 * 1024
        if not page.next:
            break
        since = page.next
    assert (seen, pages) == ([f"o{number}" for number in range(900)], 3)
    for wrong in ("x", "t", "t-1", "t1x", "t٣", "T1", " t1"):
        assert venue.account.page(1, wrong) is None
    for beyond in ("t900", "t901", "t" + "9" * 60):
        assert venue.account.page(1, beyond) == ev.Fills(1, [], "", beyond)


def test_a_thousand_orders_of_the_longest_names_fit_into_one_answer() -> None:
    venue = book()
    longest = "999999999999.99999999"
    for number in range(1000):
        name = f"{number:064d}"
        assert venue.new(m.New(name, "OPEN", "sell", "limit", "0.00000001", "1000.1")) == ev.Ack(
            name
        )
    for order in venue.orders.open.values():
        order.qty = order.left = D(longest)
        order.price = order.stop = D(longest)
    assert len(m.encode(ev.OpenOrders(2**53, venue.open_orders()))) <= 256 * 1024
    assert len(m.encode(ev.CancelledAll(list(venue.orders.open)))) <= 256 * 1024
