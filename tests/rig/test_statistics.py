"""Intervals cover what they promise, on exact binomials and on samples of a known distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as distributions

from rig import latency
from rig.statistics import (
    CONFIDENCE,
    confidence,
    difference,
    failure_bound,
    presses_needed,
    quantile_interval,
    shift,
)


@given(n=st.integers(1, 5000), p=st.sampled_from([0.5, 0.9, 0.99, 0.999]))
@settings(max_examples=200, deadline=None)
def test_the_interval_covers_the_quantile_as_promised_and_not_needlessly(n: int, p: float) -> None:
    low, high = quantile_interval(range(1, n + 1), p)  # a sample is its own rank
    below = distributions.binom(n, p)
    outside = (1 - CONFIDENCE) / 2
    if low is not None:
        assert below.cdf(low - 1) <= outside + 1e-12  # the low end is above the quantile
    assert below.cdf(low or 0) > outside  # one rank higher would promise too much
    if high is not None:
        assert below.sf(high - 1) <= outside + 1e-12
        assert below.sf(high - 2) > outside
    else:
        assert below.sf(n - 1) > outside


def test_intervals_hold_on_samples_of_a_known_distribution() -> None:
    rng = np.random.default_rng(7)
    true = -math.log(1 - 0.99)
    held = 0
    for _ in range(400):
        low, high = quantile_interval(rng.exponential(size=800), 0.99)
        assert low is not None
        assert high is not None
        held += low <= true <= high
    assert held >= 0.93 * 400


@pytest.mark.parametrize(("p", "needed"), [(0.5, 6), (0.99, 368), (0.999, 3688)])
def test_the_tail_has_an_end_from_the_needed_number_on(p: float, needed: int) -> None:
    assert presses_needed(p) == needed
    assert quantile_interval(range(needed), p).high is not None
    assert quantile_interval(range(needed - 1), p).high is None


@pytest.mark.parametrize("samples", [[], [math.nan], [1.0, math.inf]])
def test_what_is_not_measured_has_no_interval(samples: list[float]) -> None:
    assert quantile_interval(samples, 0.5) == (None, None)


def test_clean_presses_bound_the_failure_rate_by_the_rule_of_three() -> None:
    for n in (100, 1000, 10_000):
        bound = failure_bound(0, n)
        assert bound == pytest.approx(1 - 0.05 ** (1 / n))
        assert bound == pytest.approx(3 / n, rel=0.02)
    assert failure_bound(0, 0) is None
    assert failure_bound(5, 5) == 1.0


@given(n=st.integers(1, 400), data=st.data())
@settings(max_examples=100, deadline=None)
def test_the_failure_bound_is_exact(n: int, data: st.DataObject) -> None:
    failures = data.draw(st.integers(0, n - 1))
    bound = failure_bound(failures, n)
    assert bound is not None
    assert distributions.binom.cdf(failures, n, bound) == pytest.approx(1 - CONFIDENCE)


@pytest.mark.parametrize(("p", "n"), [(0.5, 60), (0.99, 600)])
def test_the_interval_of_a_difference_holds_also_in_the_tail(p: float, n: int) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        found = difference(rng.lognormal(4, 0.3, n), rng.lognormal(4, 0.3, 3 * n), p)
        assert found is not None
        assert found.low <= found.value <= found.high
        held += found.low <= 0 <= found.high
    assert held >= 0.95 * 300


def test_a_difference_is_found_and_too_few_samples_have_none() -> None:
    a = np.arange(500.0)
    found = difference(a, a + 100, 0.5)
    assert found is not None
    assert found.value == 100
    assert 0 < found.low < 100 < found.high
    assert difference(a, a[:5], 0.5) is None
    assert difference(a, a, 0.999) is None


def test_a_shift_is_found_and_equal_samples_have_none() -> None:
    rng = np.random.default_rng(5)
    a = rng.lognormal(4, 0.3, 500)
    assert shift(a, a + 10).p_value < 1e-6
    assert shift(a, a + 10).b_slower > 0.5
    assert shift(a, rng.lognormal(4, 0.3, 500)).p_value > 0.01
    assert shift(np.ones(5), np.ones(9)) == (1.0, 0.5)


def test_confidence_tells_of_each_stage_and_of_the_failures() -> None:
    told = confidence({"switch_to_ack": np.arange(200.0)}, failures=0, presses=200)
    assert told["percentiles_us"]["switch_to_ack"]["p999"]["high"] is None
    assert told["percentiles_us"]["switch_to_ack"]["p999"]["needs"] == 3688
    assert told["percentiles_us"]["switch_to_ack"]["p50"]["high"] is not None
    assert told["failure_rate_at_most"] == failure_bound(0, 200)
    assert set(told["percentiles_us"]["switch_to_ack"]) == set(latency.PERMILLE) - {"max"}
