"""Figures: what was earned, paid and risked adds up, against plain sums of our own."""

from __future__ import annotations

import math
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.backtest import charts, figures
from host.backtest.account import account
from host.backtest.figures import Curve
from host.backtest.market import Market, of
from host.backtest.page import page
from host.backtest.run import Options, Run
from host.backtest.shown import text
from host.data.reader import Series
from host.ledger.statistics import YEAR_DAYS, sharpe
from tests.backtest.kit import HOUR_NS, START_NS, configured, wandering

DAY_NS = 24 * HOUR_NS


def curve(net: list[float], step_ns: int = DAY_NS, held: float = 1.0) -> Curve:
    """A curve of these equities, one a step, from a capital of 100."""
    equity = np.array(net)
    highest = np.maximum.accumulate(np.maximum(equity, 100.0))
    at_ns = START_NS + np.arange(1, len(net) + 1) * step_ns
    ones = np.full(len(net), held)
    return Curve(at_ns, np.full(len(net), 10.0), ones, equity, equity, 1 - equity / highest, 100.0)


@pytest.mark.parametrize("seed", range(3))
def test_gross_less_every_cost_is_net(seed: int) -> None:
    wanted = configured(entry_pays=False)
    market = of(wandering(1_200, seed, "bar", 0.02), wanted.costs.spread_bps)
    told, found = account(market, wanted, Options(), Run(market, wanted).go(), 1)
    costs = told["costs"]
    paid = sum(costs[name] for name in ("fees", "spread", "slippage", "fixed"))
    assert costs["net"] == pytest.approx(costs["gross"] - paid)
    assert all(costs[name] > 0 for name in ("fees", "spread", "slippage", "fixed"))
    assert costs["net"] == pytest.approx(sum(month["net"] for month in told["months"]))
    month_costs = sum(month["costs"] for month in told["months"])
    assert month_costs == pytest.approx(paid, rel=1e-9)
    assert sum(month["fills"] for month in told["months"]) == told["orders"]["fills"]
    assert told["equity"]["net"] == pytest.approx(float(found.net[-1]))


def test_without_costs_in_the_price_the_fills_are_dearer_by_exactly_them() -> None:
    """The same market fill with and without spread and slippage: the difference is what is told."""
    series = wandering(900, 21, "bar", 0.02)
    wanted = configured(entry_pays=False)
    ran = Run(of(series, 2.0), wanted).go()
    market = [paid for paid in ran.ledger.fills if paid.slippage]
    assert market
    for paid in market:
        assert paid.spread + paid.slippage > 0
        first = D(repr(float(series.open[paid.row])))  # type: ignore[index]
        sign = 1 if paid.side == "buy" else -1
        if paid.role == "exit":
            worse = sign * (paid.price - first) * paid.qty
            assert worse == paid.spread + paid.slippage


@settings(deadline=None)
@given(st.lists(st.floats(1, 1000), min_size=4, max_size=60))
def test_days_are_what_the_equity_says(net: list[float]) -> None:
    days, returns = figures.daily(curve(net))
    assert len(days) == len(net)
    assert math.fsum(returns) == pytest.approx((net[-1] - 100) / 100)
    # Hours of the same days end as the days do.
    hourly = np.repeat(net, 24).tolist()
    _days, again = figures.daily(curve(hourly, HOUR_NS))
    assert again.tolist() == returns.tolist()


def test_the_ratio_is_the_ledger_s_and_trials_only_lower_it() -> None:
    rng = np.random.default_rng(2)
    returns = rng.normal(0.001, 0.01, 300)
    one, many = figures.skill(returns, 1), figures.skill(returns, 100)
    wanted = sharpe(returns.tolist())
    assert wanted is not None
    assert one.ratio == many.ratio == wanted
    assert one.deflated == wanted.psr
    assert many.deflated is not None
    assert many.deflated < wanted.psr
    assert wanted.annual == pytest.approx(wanted.ratio * math.sqrt(YEAR_DAYS))
    assert figures.skill(np.zeros(300), 1).ratio is None


def flat(price: np.ndarray) -> Market:
    """The market of these prices, as bars."""
    at_ns = START_NS + np.arange(len(price)) * DAY_NS
    ends = dict.fromkeys(("open", "low", "high", "volume"), price)
    return of(Series("flat", "bar", at_ns, price, 2, **ends), 0.0)


def test_of_ticks_a_bar_is_a_change_of_the_price() -> None:
    series = wandering(400, 3, "trade", 0.01)
    market = of(series, 0.0)
    found = curve([100.0] * 400)
    found = Curve(found.at_ns, market.price, found.position, found.venue, found.net,
                  found.drawdown, 100.0)  # fmt: skip
    told = figures.breaches(found, market, np.full(400, 1e-9), 1)
    moved = np.flatnonzero(np.diff(market.price)) + 1
    falls = int((np.diff(market.price[moved]) < 0).sum())
    assert (told["all"]["n"], told["all"]["breaches"]) == (len(moved) - 1, falls)


def test_breaches_are_counted_over_stretches_that_do_not_overlap() -> None:
    found = curve([100.0] * 200)
    price = np.full(200, 100.0)
    price[50:] = 90.0  # one fall of 10 %
    found = Curve(found.at_ns, price, found.position, found.venue, found.net, found.drawdown, 100.0)
    rows = flat(price)
    for bars, n in ((1, 198), (10, 19)):
        told = figures.breaches(found, rows, np.full(200, 0.05), bars)
        assert told["all"]["breaches"] == told["held"]["breaches"] == 1
        assert told["all"]["n"] == n
        assert (told["all"]["kupiec_p"] is None) == (n < 100)
    unknown = figures.breaches(found, rows, np.full(200, math.nan), 1)
    assert unknown["all"]["n"] == 0
    assert figures.breaches(found, rows, np.full(200, 0.2), 1)["all"]["breaches"] == 0


def test_targets_are_told_and_a_miss_is_a_miss() -> None:
    poor = figures.targets(curve([100.0, 70.0]), figures.skill(np.zeros(2), 1), None)
    assert [row["met"] for row in poor] == [False, False, False]
    good = figures.skill(np.tile([0.01, 0.002], 50), 1)
    rich = figures.targets(curve([100.0, 101.0]), good, 0.6)
    assert [row["met"] for row in rich] == [True, True, True]


def test_page_and_text_hold_everything_and_load_nothing() -> None:
    wanted = configured(entry_pays=False)
    market = of(wandering(1_200, 5, "bar", 0.02), 2.0)
    told, found = account(market, wanted, Options(), Run(market, wanted).go(), 3)
    told["data"]["source"] = "<script>alert(1)</script>"
    made = page(told, found)
    assert "<script" not in made
    assert "http" not in made.replace("http-equiv", "")
    assert made.count("<svg") == 5
    assert "NaN" not in made
    assert all(len(line) < 80 for line in text(told).splitlines())


def test_no_peak_is_lost_in_a_picture() -> None:
    values = np.zeros(50_000)
    values[31_234], values[7] = 5.0, -3.0
    _at, drawn = charts.thin(np.arange(50_000), values)
    assert (drawn.max(), drawn.min()) == (5.0, -3.0)
    assert len(drawn) <= 2 * charts.COLUMNS
