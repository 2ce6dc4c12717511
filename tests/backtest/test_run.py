"""A run: alike with and without the compiled loop, exact to the last digit, blind to the future."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from host.hotpath.forward import Tail, changes

from host.backtest.market import of
from host.backtest.run import Options, Ran, Run
from host.backtest.script import Change
from host.data.reader import Series
from host.modeller.filter import Filter, Fit
from host.modes import TradingMode
from tests.backtest.kit import configured, cut, recorded, run, wandering


def traces(ran: Ran) -> tuple[Any, ...]:
    """All that a run leaves."""
    ledger = ran.ledger
    return (ledger.fills, ledger.rows, ledger.positions, ledger.cash, ran.orders, ran.told,
            ran.alerts, ran.refused, ran.modes, ran.fits, ran.halted_row, ran.halted_by, ran.rows,
            ran.var_share.tobytes())  # fmt: skip


def scripted(series: Series, seed: int) -> list[Change]:
    """Some changes of the mode at random times."""
    rng = random.Random(seed)
    modes = (TradingMode.NORMAL, TradingMode.REDUCED, TradingMode.PAUSED)
    rows = sorted(rng.sample(range(1, series.rows), 4))
    return [Change(int(series.time_ns[row]), rng.choice(modes)) for row in rows]


@pytest.mark.parametrize("kind", ["bar", "trade", "quote"])
@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_loop_changes_nothing(kind: str, seed: int) -> None:
    series = wandering(900, seed, kind, (0.002, 0.01, 0.03, 0.06)[seed])
    wanted = configured(
        entry_pays=bool(seed % 2), strategy={"target_distance_bps": None} if seed == 2 else {}
    )
    told = scripted(series, seed)
    (_m, fast), (_n, slow) = (run(series, wanted, changes=told, fast=f) for f in (True, False))
    assert traces(fast) == traces(slow)
    assert slow.passed == 0 < fast.passed
    assert fast.ledger.fills


def test_recorded_bars_give_the_same_with_and_without_it(capsys: pytest.CaptureFixture) -> None:
    series, wanted = recorded(1_500), configured()
    (_m, fast), (_n, slow) = (run(series, wanted, fast=f) for f in (True, False))
    assert traces(fast) == traces(slow)
    with capsys.disabled():
        print(
            f"\n  {fast.passed} of {fast.rows} rows compiled, {len(fast.ledger.fills)} fills, alike"
        )
    assert fast.passed > 500
    assert fast.fits > 4
    assert fast.refused["FORECAST_STALE"] > 0


def test_latency_is_drawn_from_the_seed_and_goes_row_by_row() -> None:
    series, wanted = wandering(600, 3, "trade", 0.003), configured(entry_pays=False)
    first, again, other = (
        run(series, wanted, latency_ms=100, jitter_ms=2_000, seed=seed)[1] for seed in (1, 1, 2)
    )
    assert traces(first) == traces(again)
    assert first.ledger.fills != other.ledger.fills
    assert first.passed == 0


@pytest.mark.parametrize("kind", ["bar", "trade", "quote"])
def test_equity_is_cash_and_position_at_every_row_exactly(kind: str) -> None:
    series = wandering(700, 5, kind, 0.02)
    market, ran = run(series, configured(entry_pays=False))
    position = cash = Fraction(0)
    fills = iter(ran.ledger.fills)
    fill = next(fills, None)
    checked = 0
    for row in range(ran.rows):
        while fill is not None and fill.row == row:
            signed = Fraction(fill.qty) * (1 if fill.side == "buy" else -1)
            position += signed
            cash -= signed * Fraction(fill.price) + Fraction(fill.fee)
            fill, checked = next(fills, None), checked + 1
        mark = float(market.price[row])
        assert ran.ledger.equity(row, mark) == cash + position * Fraction(mark), row
    assert fill is None
    assert checked == len(ran.ledger.fills) > 10


@pytest.mark.parametrize("fast", [True, False])
def test_nothing_is_known_of_the_future(fast: bool) -> None:
    series, wanted, at = wandering(900, 7, "bar", 0.02), configured(entry_pays=False), 600
    columns = {
        name: np.append(getattr(series, name)[:at], np.round(getattr(series, name)[at:] * 3, 2))
        for name in ("price", "open", "low", "high", "volume")
    }
    other = Series("bars", "bar", series.time_ns, decimals=2, **columns)
    (_m, one), (_n, two) = (run(each, wanted, fast=fast) for each in (series, other))
    before = [[order for order in ran.orders if order["row"] < at] for ran in (one, two)]
    assert before[0] == before[1]
    assert len(before[0]) > 50
    # An order of row `at - 1` meets the changed row; whatever came before does not.
    fills = [[paid for paid in ran.ledger.fills if paid.row < at] for ran in (one, two)]
    assert fills[0] == fills[1]
    assert one.orders != two.orders


def test_nothing_is_traded_at_a_price_of_its_own_row() -> None:
    series = wandering(500, 9, "bar", 0.02)
    _market, ran = run(series, configured(entry_pays=False))
    sent = {order["id"]: order["row"] for order in ran.orders}
    filled = [paid for paid in ran.ledger.fills if paid.id in sent]
    assert len(filled) > 30
    assert all(paid.row > sent[paid.id] for paid in filled)


def test_a_pause_opens_nothing_and_a_reduced_mode_half() -> None:
    series, wanted = wandering(900, 11, "bar", 0.02), configured(entry_pays=False)
    market = of(series, wanted.costs.spread_bps)
    free = Run(market, wanted).go()

    def within(mode: TradingMode) -> Ran:
        steps = [Change(int(market.at_ns[300]), mode)]
        return Run(market, wanted, Options(changes=steps)).go()

    def opened(ran: Ran) -> list[dict[str, Any]]:
        return [o for o in ran.orders if o["intent"] == "OPEN" and 300 <= o["row"] < 900]

    paused, reduced = within(TradingMode.PAUSED), within(TradingMode.REDUCED)
    assert len(opened(free)) > 20
    assert not opened(paused)
    assert paused.refused["MODE"] > 0
    most = wanted.limits.max_order_value_quote
    values = [float(o["qty"]) * float(o["price"]) for o in opened(reduced)]
    assert values
    assert max(values) <= float(most) / 2
    assert [paid for paid in paused.ledger.fills if paid.row > 302 and paid.side == "buy"] == []


def test_an_entry_that_does_not_pay_its_costs_is_not_made() -> None:
    series = wandering(900, 13, "bar", 0.02)
    market = of(series, 2.0)
    eager, careful, never = (
        Run(market, configured(entry_pays=pays, costs={"fee_bps": fee})).go()
        for pays, fee in ((False, 10.0), (True, 10.0), (True, 1000.0))
    )
    opened = [[o for o in ran.orders if o["intent"] == "OPEN"] for ran in (eager, careful, never)]
    assert len(opened[0]) > len(opened[1]) > 0
    assert not opened[2]
    wanted = configured()
    least = wanted.costs.least_edge(10_000.0)
    assert least == pytest.approx(24e-4 + 140 * 86_400 / (365.2425 * 7_200) / 10_000)
    from host.engine.strategy import Features

    features = Features()
    edges = []
    for price in market.price:
        features.update(float(price))
        edges.append(features.edge())
    assert all(edges[order["row"]] > least for order in opened[1])


def test_the_run_ends_where_the_limits_or_the_money_do() -> None:
    series = wandering(900, 17, "bar", 0.03)
    market = of(series, 2.0)
    lost = Run(market, configured(entry_pays=False, limits={"max_loss_quote": 20.0})).go()
    broke = Run(market, configured(entry_pays=False, costs={"monthly_quote": 100_000.0})).go()
    assert "[limits]" in lost.halted_by
    assert "nothing is left" in broke.halted_by
    for ran in (lost, broke):
        assert ran.halted_row is not None
        assert ran.halted_row < ran.rows < market.rows
        assert ran.ledger.positions[-1] == 0
        assert not [order for order in ran.orders if order["row"] > ran.halted_row]


@pytest.mark.parametrize("bars", [1, 24])
def test_the_compiled_forecast_is_the_modeller_s(bars: int) -> None:
    rng = np.random.default_rng(1)
    made = Fit(0.02, 0.05, 0.08, 0.9, 1.7, -2.6495, -3.69, 0.0)
    tail, twin = Tail(bars, 10**18), Filter(made)
    tail.fitted(made, 1)
    for number, change in enumerate(rng.standard_t(4, 2_000).tolist()):
        tail.update(change, number + 2)
        twin.update(change)
        wanted = twin.forecast(0, bars, 1, 0)
        assert (tail.mean_pct, tail.sigma_pct, tail.var_share, tail.cvar_share) == wanted[1:5]
        assert tail.age_s == 0


def test_a_fit_that_is_too_old_is_confirmed_no_more() -> None:
    tail = Tail(1, 100)
    tail.fitted(Fit(0.0, 0.05, 0.08, 0.9, 1.7, -2.6, -3.6, 0.0), 50)
    tail.update(0.1, 150)
    assert tail.age_s == 0
    tail.update(0.1, 151)
    assert tail.age_s == 1 / 1e9


def test_changes_are_those_of_the_feed() -> None:
    price = np.array([10.0, 10.0, 11.0])
    for bars, wanted in ((True, [None, 0.0]), (False, [None, None])):
        change = np.empty(3)
        changes(price, change, bars)
        assert [None if np.isnan(c) else c for c in change[:2]] == wanted
        assert change[2] == pytest.approx(100 * np.log(1.1))
    with pytest.raises(ValueError, match="as many"):
        changes(price, np.empty(2), True)


def test_a_stretch_can_be_cut_out_and_decimals_stay_exact() -> None:
    series = cut(recorded(400), 200, 100)
    assert series.rows == 200
    _market, ran = run(series, configured(entry_pays=False))
    assert all(isinstance(paid.qty, Decimal) for paid in ran.ledger.fills)
