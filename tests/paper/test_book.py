"""The paper book: fills are honest, and the account always adds up."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.paper import orders
from host.paper.admission import MAX_OPEN_ORDERS
from host.paper.book import Book
from host.paper.fees import MAKER_FEE_BPS, TAKER_FEE_BPS
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m

TICK = D("0.01")
HALF = TICK / 2


def bar(number: int, open_: str, low: str, high: str, volume: str | None = None) -> Row:
    first = D(open_)
    return Row(number, first, first, D(low), D(high), None if volume is None else D(volume))


def order(
    order_id: str,
    side: str,
    qty: str = "1",
    price: str | None = None,
    reduce_only: bool = False,
    kind: str | None = None,
) -> m.New:
    kind = kind or ("market" if price is None else "limit")
    return m.New(order_id, "OPEN", side, kind, qty, price, reduce_only)  # type: ignore[arg-type]


def test_a_market_order_fills_at_the_next_open_half_a_tick_worse() -> None:
    book = Book(Rules(TICK))
    book.new(order("b", "buy"))
    book.new(order("s", "sell"))
    bought, sold = book.on_row(bar(1, "100", "90", "110"))
    assert isinstance(bought, ev.Fill)
    assert isinstance(sold, ev.Fill)
    assert (bought.price, sold.price) == ("100.005", "99.995")
    assert D(bought.fee) == D("100.005") * TAKER_FEE_BPS / 10_000


def test_a_quote_fills_buyers_at_the_ask_and_sellers_at_the_bid() -> None:
    book = Book(Rules(TICK))
    book.new(order("b", "buy"))
    book.new(order("s", "sell"))
    fills = book.on_row(Row(1, D(11), D(9), D(11), D(9), None))
    assert [f.price for f in fills if isinstance(f, ev.Fill)] == ["11.005", "8.995"]


def test_a_limit_rests_until_a_row_reaches_it() -> None:
    book = Book(Rules(TICK))
    book.new(order("a", "buy", price="99"))
    assert book.on_row(bar(1, "100", "99.5", "101")) == []
    (fill,) = book.on_row(bar(2, "100", "99", "101"))
    assert isinstance(fill, ev.Fill)
    assert (fill.price, fill.left) == ("99", "0")
    assert D(fill.fee) == 99 * MAKER_FEE_BPS / 10_000


def test_a_gap_through_a_limit_fills_at_the_open() -> None:
    book = Book(Rules(TICK))
    book.new(order("b", "buy", price="99"))
    book.new(order("s", "sell", price="50"))
    bought, sold = book.on_row(bar(1, "90", "80", "95"))
    assert isinstance(bought, ev.Fill)
    assert isinstance(sold, ev.Fill)
    assert (bought.price, sold.price) == ("90", "90")


def test_a_row_fills_a_tenth_of_its_volume_in_all_by_price_then_age() -> None:
    book = Book(Rules(TICK))
    book.new(order("late", "buy", "5", "98"))
    book.new(order("best", "buy", "5", "99"))
    book.new(order("same", "buy", "5", "99"))
    fills = [f for f in book.on_row(bar(1, "97", "97", "97", "70")) if isinstance(f, ev.Fill)]
    assert [(f.id, f.qty, f.left) for f in fills] == [("best", "5", "0"), ("same", "2", "3")]
    assert book.on_row(bar(2, "97", "97", "97", "0")) == []
    assert [o.id for o in book.open_orders()] == ["late", "same"]


def test_reduce_only_is_refused_flat_clipped_long_and_cancelled_when_done() -> None:
    book = Book(Rules(TICK))
    refused = book.new(order("r0", "sell", reduce_only=True))
    assert refused == ev.Reject("r0", m.REDUCE_ONLY_WOULD_INCREASE)
    book.new(order("in", "buy", "2"))
    book.on_row(bar(1, "100", "100", "100"))
    assert isinstance(book.new(order("wrong", "buy", reduce_only=True)), ev.Reject)
    book.new(order("r1", "sell", "5", reduce_only=True))
    book.new(order("r2", "sell", "1", reduce_only=True))
    fill, first, second = book.on_row(bar(2, "100", "100", "100"))
    assert isinstance(fill, ev.Fill)
    assert (fill.id, fill.qty, fill.left) == ("r1", "2", "3")
    assert first == ev.Cancelled("r1", m.NOTHING_TO_REDUCE, "2")
    assert second == ev.Cancelled("r2", m.NOTHING_TO_REDUCE)
    assert book.position == 0
    assert book.open_orders() == []


def stop_order(
    order_id: str, side: str, qty: str, stop: str | None, reduce_only: bool = True
) -> m.New:
    return m.New(order_id, "REDUCE", side, "stop", qty, None, reduce_only, stop)  # type: ignore[arg-type]


def test_a_stop_rests_until_a_row_reaches_it_and_a_gap_fills_at_the_open() -> None:
    book = Book(Rules(TICK))
    book.new(order("in", "buy", "2"))
    book.on_row(bar(1, "100", "100", "100"))
    book.new(stop_order("near", "sell", "1", "95"))
    book.new(stop_order("far", "sell", "1", "90"))
    assert [o.stop for o in book.open_orders()] == ["95", "90"]
    assert book.on_row(bar(2, "100", "95.01", "101")) == []
    (near,) = book.on_row(bar(3, "96", "94", "97"))
    assert isinstance(near, ev.Fill)
    assert (near.id, near.price) == ("near", "94.995")
    (far,) = book.on_row(bar(4, "80", "79", "81"))
    assert isinstance(far, ev.Fill)
    assert (far.id, far.price, book.position) == ("far", "79.995", 0)


def test_a_triggered_stop_without_room_goes_on_as_a_market_order() -> None:
    book = Book(Rules(TICK))
    book.new(order("in", "buy", "2"))
    book.on_row(bar(1, "100", "100", "100"))
    book.new(stop_order("s", "sell", "2", "95"))
    assert book.on_row(bar(2, "96", "94", "97", "0")) == []
    first, second = (book.on_row(bar(n, "110", "109", "111", "10"))[0] for n in (3, 4))
    assert isinstance(first, ev.Fill)
    assert isinstance(second, ev.Fill)
    assert (first.price, first.left, second.left) == ("109.995", "1", "0")


def test_a_stop_must_only_reduce_and_name_its_price() -> None:
    book = Book(Rules(TICK))
    book.new(order("in", "buy", "2"))
    book.on_row(bar(1, "100", "100", "100"))
    assert book.new(stop_order("a", "sell", "1", None)) == ev.Reject("a", m.BAD_PRICE)
    assert book.new(stop_order("b", "sell", "1", "95", False)) == ev.Reject("b", m.BAD_MESSAGE)
    assert book.new(stop_order("c", "buy", "1", "95")) == ev.Reject(
        "c", m.REDUCE_ONLY_WOULD_INCREASE
    )
    limit = m.New("d", "OPEN", "buy", "limit", "1", "99", False, "95")
    assert book.new(limit) == ev.Reject("d", m.BAD_PRICE)


def test_an_order_below_the_smallest_notional_is_refused() -> None:
    book = Book(Rules(TICK, min_notional=D(10)))
    assert book.new(order("blind", "buy", "0.01")) == ev.Ack("blind")
    book.on_row(bar(1, "100", "100", "100"))
    assert book.mark == 100
    assert book.new(order("a", "buy", "0.09")) == ev.Reject("a", m.BELOW_MIN_NOTIONAL)
    assert book.new(order("b", "buy", "0.1")) == ev.Ack("b")
    assert book.new(order("c", "buy", "0.1", "99")) == ev.Reject("c", m.BELOW_MIN_NOTIONAL)


def test_bad_orders_are_refused_with_their_code() -> None:
    book = Book(Rules(TICK))
    assert book.new(order("a", "buy")) == ev.Ack("a")
    assert book.new(order("a", "buy")) == ev.Reject("a", m.DUPLICATE_ID)
    for number, qty in enumerate(["0", "-1", "", "1e3", "nan", "0.000000001", "1_0", "٣", " 1"]):
        assert book.new(order(f"q{number}", "buy", qty)) == ev.Reject(f"q{number}", m.BAD_QTY)
    for number, price in enumerate(["0", "-1", "x", "Infinity"]):
        assert book.new(order(f"p{number}", "buy", "1", price)) == ev.Reject(
            f"p{number}", m.BAD_PRICE
        )
    assert book.new(order("l", "buy", kind="limit")) == ev.Reject("l", m.BAD_PRICE)
    assert book.new(order("k", "buy", price="1", kind="market")) == ev.Reject("k", m.BAD_PRICE)


def test_cancel_takes_an_order_off_and_an_id_is_never_used_again() -> None:
    book = Book(Rules(TICK))
    book.new(order("a", "buy", price="99"))
    book.new(order("b", "sell"))
    assert book.cancel("a") == [ev.Cancelled("a")]
    assert book.cancel("a") == [ev.CancelReject("a", m.UNKNOWN_ORDER)]
    assert book.cancel_all() == [ev.CancelledAll(["b"])]
    assert book.on_row(bar(1, "50", "1", "200")) == []
    assert book.new(order("a", "buy")) == ev.Reject("a", m.DUPLICATE_ID)


def test_a_full_book_refuses_more() -> None:
    book = Book(Rules(TICK))
    for number in range(MAX_OPEN_ORDERS):
        assert isinstance(book.new(order(f"o{number}", "buy", price="1")), ev.Ack)
    assert book.new(order("x", "buy")) == ev.Reject("x", m.TOO_MANY_ORDERS)


cents = st.integers(1, 40).map(lambda n: D(n) / 4)
quantities = st.integers(1, 20).map(lambda n: str(D(n) / 4))
news = st.tuples(
    st.just("new"),
    st.sampled_from(["buy", "sell"]),
    quantities,
    st.one_of(st.none(), cents.map(str)),
    st.booleans(),
)
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
rows = st.tuples(
    st.just("row"), cents, cents, cents, st.one_of(st.none(), st.integers(0, 60).map(D))
)
steps = st.lists(st.one_of(news, news, rows, cancels, st.just(("cancel_all",))), max_size=60)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_whatever_happens_the_account_adds_up(script: list[tuple]) -> None:
    book = Book(Rules(TICK))
    accepted: dict[str, tuple[m.New, int]] = {}
    filled: dict[str, D] = {}
    gone: set[str] = set()
    position = cash = D(0)
    row_number = 0
    for index, step in enumerate(script):
        if step[0] == "new":
            message = order(f"o{index}", *step[1:])
            if isinstance(book.new(message), ev.Ack):
                accepted[message.id] = (message, row_number)
        elif step[0] == "cancel":
            (answer,) = book.cancel(f"o{step[1]}")
            if isinstance(answer, ev.Cancelled):
                gone.add(answer.id)
        elif step[0] == "cancel_all":
            (answer,) = book.cancel_all()
            assert isinstance(answer, ev.CancelledAll)
            gone.update(answer.ids)
        else:
            low, first, high = sorted(step[1:4])
            row_number += 1
            used = D(0)
            for event in book.on_row(Row(row_number, first, first, low, high, step[4])):
                assert isinstance(event, ev.Cancelled | ev.Fill)
                assert event.id not in gone
                if isinstance(event, ev.Cancelled):
                    gone.add(event.id)
                    continue
                message, seen_row = accepted[event.id]
                qty, price = D(event.qty), D(event.price)
                signed = qty if event.side == "buy" else -qty
                assert row_number > seen_row, "filled on a row that was already out"
                if message.reduce_only:
                    assert abs(position + signed) < abs(position)
                    assert (position + signed) * position >= 0
                if message.price is None:
                    assert price == first + HALF if signed > 0 else price == first - HALF
                else:
                    assert low <= price <= high
                    limit = D(message.price)
                    assert price <= limit if signed > 0 else price >= limit
                filled[event.id] = filled.get(event.id, D(0)) + qty
                assert filled[event.id] + D(event.left) == D(message.qty)
                position += signed
                cash -= signed * price + D(event.fee)
                used += qty
                assert D(event.fee) > 0
            assert step[4] is None or used <= step[4] / 10
        assert book.position == position
        assert book.cash == cash
    for event_id, total in filled.items():
        assert 0 < total <= D(accepted[event_id][0].qty)
    still_open = {o.id: D(o.left) for o in book.open_orders()}
    for order_id, (message, _) in accepted.items():
        left = D(message.qty) - filled.get(order_id, D(0))
        expected_open = order_id not in gone and left > 0
        assert (order_id in still_open) == expected_open
        assert not expected_open or still_open[order_id] == left


def test_what_is_remembered_of_the_past_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "REMEMBERED", 50)
    book = Book(Rules(TICK))
    for number in range(400):
        book.new(order(f"o{number}", "buy", price="99"))
        if number % 3 == 0:
            book.cancel_all()
        elif number % 3 == 1:
            book.cancel(f"o{number}")
        else:
            book.on_row(bar(number, "98", "98", "98"))
    gone = [n for n in range(400) if book.state(1, f"o{n}").state == "unknown"]
    assert gone == list(range(350 - len(book.open_orders())))
    assert book.new(order("o399", "buy")) == ev.Reject("o399", m.DUPLICATE_ID)
    assert book.new(order("o0", "buy")) == ev.Ack("o0")
