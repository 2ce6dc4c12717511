"""Closed trades: against a plain sum of money over every stretch from flat to flat."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from host.ledger.trips import Trips


def fill(side: str, qty: str, price: str, fee: str = "0", currency: str = "") -> dict[str, str]:
    return {"side": side, "qty": qty, "price": price, "fee": fee, "currency": currency}


def test_a_trade_ends_when_the_position_is_flat() -> None:
    trips = Trips()
    for event in (
        fill("buy", "1", "100", "0.5"),
        fill("buy", "1", "102"),
        fill("sell", "2", "101.2"),
    ):
        assert trips.closed == 0
        trips.take(event)
    # 202.4 - 202 - 0.5: the fee decides.
    assert (trips.closed, trips.won, trips.fees) == (1, 0, Fraction("0.5"))


def test_a_turn_ends_one_trade_and_begins_another() -> None:
    trips = Trips()
    trips.take(fill("buy", "1", "100"))
    trips.take(fill("sell", "3", "110", "0.3"))
    assert (trips.closed, trips.won) == (1, 1)
    trips.take(
        fill("buy", "2", "110")
    )  # the short earned nothing, and its share of the fee is lost
    assert (trips.closed, trips.won) == (2, 1)


def test_a_fee_in_another_currency_is_counted_and_no_money() -> None:
    trips = Trips()
    trips.take(fill("buy", "1", "100", "0.01", "BNB"))
    trips.take(fill("sell", "1", "100.001"))
    assert (trips.closed, trips.won, trips.fees, trips.foreign_fees) == (1, 1, 0, 1)


Fill = st.tuples(
    st.sampled_from(("buy", "sell")),
    st.integers(1, 5),
    st.integers(90, 110),
    st.integers(0, 9),
)


@given(st.lists(Fill, max_size=40))
def test_it_equals_a_sum_over_each_stretch(fills: list[tuple[str, int, int, int]]) -> None:
    trips = Trips()
    position = money = fees = Fraction(0)
    closed = won = 0
    for side, qty, price, tenths in fills:
        fee = Fraction(tenths) / 10
        trips.take(fill(side, str(qty), str(price), str(fee)))
        fees += fee
        signed = Fraction(qty if side == "buy" else -qty)
        # One unit at a time: it can turn nothing, only reach zero.
        for _unit in range(qty):
            unit = signed / qty
            position += unit
            money -= unit * price + fee / qty
            if position == 0:
                closed, won, money = closed + 1, won + (money > 0), Fraction(0)
    assert (trips.closed, trips.won, trips.fees) == (closed, won, fees)
