"""Every feature: the same one by one and all at once, blind to the future, forgetful of its start."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.data.reader import BadData, Series, read
from host.engine import strategy
from host.features import SETS, FeatureSet
from host.features.bar import bars
from host.features.checks import looks_ahead, part, remembers


@cache
def market() -> Series:
    pytest.importorskip("arch")
    return read("sp500")


def walk(rows: int, seed: int, volatility: float = 0.01) -> Series:
    draw = np.random.default_rng(seed)
    price = 100 * np.exp(np.cumsum(draw.normal(0, volatility, rows)))
    opened = np.concatenate([[100.0], price[:-1]])
    high, low = np.maximum(opened, price) * 1.001, np.minimum(opened, price) * 0.999
    return Series(
        "walk", "bar", np.arange(rows) * 10**9, price, 8, opened, high, low, draw.exponential(1, rows)
    )  # fmt: skip


def one_by_one(features: FeatureSet, series: Series) -> np.ndarray:
    making = features.incremental()
    nothing = (np.nan,) * len(features.names)
    return np.array([making.take(bar) or nothing for bar in bars(series)])


each_set = pytest.mark.parametrize("name", SETS)


@each_set
def test_one_by_one_and_all_at_once_agree_to_the_last_bit(name: str) -> None:
    features = SETS[name]
    whole = features.batch(market())
    assert np.isfinite(whole[100:]).all()
    assert np.array_equal(one_by_one(features, market()), whole, equal_nan=True)


@each_set
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(0, 10**6), st.sampled_from([0.0, 1e-6, 0.01, 0.5]))
def test_they_agree_on_any_series(name: str, rows: int, seed: int, volatility: float) -> None:
    series = walk(rows, seed, volatility)
    features = SETS[name]
    assert np.array_equal(one_by_one(features, series), features.batch(series), equal_nan=True)


def test_the_engines_set_is_what_its_twin_in_python_makes() -> None:
    twin, found = strategy.Features(), []
    for price in market().price.tolist():
        twin.update(price)
        found.append(strategy.model_row(twin) or (np.nan,) * 4)
    assert SETS["engine"].names == strategy.MODEL_FEATURES
    assert np.array_equal(np.array(found), SETS["engine"].batch(market()), equal_nan=True)


@each_set
def test_the_future_is_not_in_it(name: str) -> None:
    assert looks_ahead(SETS[name], market()) == []


@each_set
def test_the_start_is_forgotten(name: str, capsys: pytest.CaptureFixture) -> None:
    features, series = SETS[name], market()
    assert remembers(features, series, [1, 7, 500, 2_400]) == []
    late = features.batch(part(series, 2_400, series.rows))[features.looks_back_rows :]
    off = np.nanmax(np.abs(late - features.batch(series)[2_400 + features.looks_back_rows :]))
    with capsys.disabled():
        print(f"\n  {name}: {features.looks_back_rows} rows after a start off by at most {off:.1e}")


# --- that the checks can fail --------------------------------------------------------------------


def planted(column: str) -> FeatureSet:
    """The engine's set with one column that is not what it should be."""
    good = SETS["engine"]

    def batch(series: Series) -> np.ndarray:
        rows = good.batch(series)
        rows[:, 2] = column_of(series)
        return rows

    def column_of(series: Series) -> np.ndarray:
        return {
            "next": lambda: np.append(series.price[1:], 0.0),
            "centred": lambda: np.convolve(series.price, np.ones(3) / 3, "same"),
            "scaled": lambda: series.price / series.price.max(),
            "filled": lambda: np.full(series.rows, series.price[-1]),
            "counted": lambda: np.arange(series.rows, dtype=float),
            "since_start": lambda: series.price / series.price[0],
        }[column]()

    return replace(good, batch=batch)


@pytest.mark.parametrize("fault", ["next", "centred", "scaled", "filled"])
def test_a_planted_look_into_the_future_is_found(fault: str) -> None:
    assert looks_ahead(planted(fault), market()) == ["sigma"]


@pytest.mark.parametrize("fault", ["counted", "since_start"])
def test_a_planted_memory_of_the_start_is_found(fault: str) -> None:
    assert remembers(planted(fault), market(), [500]) == ["sigma"]


def test_trades_have_no_windows_of_bars() -> None:
    ticks = Series("ticks", "trade", np.arange(9), np.ones(9), 0, qty=np.ones(9))
    with pytest.raises(BadData, match="bars are needed"):
        SETS["windows"].batch(ticks)
