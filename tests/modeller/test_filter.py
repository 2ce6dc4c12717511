"""One bar at a time, over several, and what of the feed is a bar."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.modeller.filter import Filter, Fit
from host.modeller.history import History

FIT = Fit(0.05, 0.02, 0.08, 0.9, 1.5, -2.6495, -3.69, 0.01)


def test_an_update_is_the_recursion() -> None:
    now = Filter(FIT)
    now.update(-2.05)
    assert now.variance == pytest.approx(0.02 + 0.08 * 2.1**2 + 0.9 * 1.5, rel=1e-15)


@given(st.floats(1e-3, 100.0), st.integers(1, 500))
def test_several_bars_are_the_sum_of_what_is_expected_of_each(variance: float, bars: int) -> None:
    now, total, each = Filter(FIT), 0.0, variance
    now.variance = variance
    for _bar in range(bars):
        total += each
        each = FIT.omega + (FIT.alpha + FIT.beta) * each
    mean, found = now.over(bars)
    assert found == pytest.approx(total, rel=1e-9)
    assert mean == bars * FIT.mean


def test_the_shares_are_of_the_side_that_loses_more() -> None:
    told = Filter(FIT).forecast(12, 1, 3, 0)
    sigma = math.sqrt(1.5)
    assert told.var_share == pytest.approx(math.expm1((0.05 + sigma * 2.6495) / 100))  # a short one
    assert told.usable()
    assert (told.row, told.fits, told.failures) == (12, 3, 0)


def bar(row: int, time_ns: int, close: float) -> dict:
    return {"ev": "bar", "row": row, "time_ns": time_ns, "close": close}


def test_bars_give_log_returns_and_a_replay_that_begins_again_gives_none() -> None:
    history = History(3)
    rows = [
        (0, 10, 100.0),
        (1, 20, 101.0),
        (2, 30, 101.0),
        (3, 10, 50.0),
        (4, 20, 51.0),
        (5, 30, 52.0),
    ]
    found = [history.take(bar(*row)) for row in rows]
    assert found[0] is None
    assert found[2] == 0.0  # a bar without a change is a bar
    assert found[3] is None
    assert history.count == 4
    assert list(history.returns) == pytest.approx(
        [0.0, 100 * math.log(1.02), 100 * math.log(52 / 51)]
    )
    assert history.since(3) == [history.returns[-1]]
    assert history.since(4) == []
    assert history.since(0) == list(history.returns)
    assert history.row == 5


def test_of_ticks_only_changes_count() -> None:
    history = History(9)
    for row, price in enumerate([1.0, 1.0, 1.0, 1.5]):
        history.take({"ev": "trade", "row": row, "time_ns": row, "price": price})
    history.take({"ev": "quote", "row": 4, "time_ns": 4, "bid": 1.0, "ask": 2.0})
    assert list(history.returns) == pytest.approx([100 * math.log(1.5)])
    assert history.row == 4
