"""The back-tests: against values worked by hand, and against forecasts known to be right or wrong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from host.models import quantile, tail_mean
from host.risk import coverage, severity

LEVEL = 0.01


@given(st.integers(1, 5_000), st.data())
def test_kupiec_is_the_ratio_of_two_binomials(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    ratio = -2 * (stats.binom.logpmf(x, n, LEVEL) - stats.binom.logpmf(x, n, x / n))
    assert coverage.kupiec(x, n, LEVEL) == pytest.approx(stats.chi2.sf(ratio, 1), abs=1e-6)


def test_the_textbook_region_of_kupiec() -> None:
    # Kupiec 1995, table: one year at 99 %: fewer than 7 violations are not rejected at 95 %.
    assert coverage.kupiec(6, 255, LEVEL) > 0.05 > coverage.kupiec(7, 255, LEVEL)
    assert coverage.kupiec(10, 146, LEVEL) < 1e-4  # HS250 in 2008-09, of the note


def test_violations_in_pairs_are_found_and_those_of_two_files_are_no_pair() -> None:
    hits = np.zeros(1_000, dtype=bool)
    hits[[100, 101, 400, 401, 700, 701, 800, 801, 900, 901]] = True
    assert coverage.independence([hits]) < 1e-6
    assert coverage.christoffersen([hits], LEVEL) < 1e-6
    apart = np.zeros(1_000, dtype=bool)
    apart[::100] = True
    assert coverage.independence([apart]) > 0.05
    last, first = np.zeros(500, dtype=bool), np.zeros(500, dtype=bool)
    last[-1] = first[0] = True
    assert coverage.independence([last, first]) > coverage.independence([np.append(last, first)])


def test_christoffersen_by_hand() -> None:
    hits = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 0], dtype=bool)  # 00: 4, 01: 2, 10: 2, 11: 1
    log = math.log
    apart = 4 * log(4 / 6) + 2 * log(2 / 6) + 2 * log(2 / 3) + log(1 / 3)
    ratio = 2 * (apart - 6 * log(6 / 9) - 3 * log(3 / 9))
    assert coverage.independence([hits]) == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-9)


@pytest.mark.parametrize("count", [0, 4, 5, 9, 10, 60])
def test_the_traffic_light(count: int) -> None:
    hits = np.zeros(400, dtype=bool)
    hits[:100] = True  # before the last 250 days
    hits[len(hits) - count :] = True
    zone = "green" if count < 5 else "yellow" if count < 10 else "red"
    assert coverage.traffic_light(hits) == (zone, count)
    with pytest.raises(ValueError, match="250"):
        coverage.traffic_light(hits[:249])


def test_crises_are_counted_where_the_data_reach_and_never_judged() -> None:
    days = np.arange(np.datetime64("2020-03-01"), np.datetime64("2021-01-01"))
    hits = days == np.datetime64("2020-03-12")
    found = coverage.crises(days.astype("datetime64[ns]"), hits, LEVEL)
    assert [(each["window"][:7], each["violations"], each["n"]) for each in found] == [
        ("2020-03", 1, 92)
    ]
    assert set(found[0]) == {"window", "n", "violations", "expected"}


# -- how badly ------------------------------------------------------------------------------


def simulated(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, n) * math.sqrt(0.5)


def z2(returns: np.ndarray, scale: float) -> float:
    low, mean = (np.full(len(returns), scale * of(4.0, LEVEL)) for of in (quantile, tail_mean))
    return severity.acerbi_szekely(returns, low, mean, LEVEL)


def test_z2_is_zero_for_the_truth_and_negative_for_losses_that_are_too_large() -> None:
    found = [z2(simulated(2_500, seed), 1.0) for seed in range(200)]
    print(f"Z2 of the truth: mean {np.mean(found):+.3f}, 5 % below {np.quantile(found, 0.05):+.2f}")
    assert abs(np.mean(found)) < 0.05
    assert np.quantile(found, 0.05) > -0.7
    assert z2(simulated(100_000, 1), 0.7) < -0.7
    assert z2(simulated(100_000, 1), 3.7469 / 2.6495) > 0.5  # the raw quantile


def test_z2_wants_a_tail_that_is_a_loss() -> None:
    with pytest.raises(ValueError, match="no loss"):
        severity.acerbi_szekely(np.ones(3), np.zeros(3), np.zeros(3), LEVEL)


@given(st.floats(-0.5, 0.5).filter(lambda off: abs(off) > 0.05))
def test_the_pinball_loss_is_least_at_the_quantile(off: float) -> None:
    returns = simulated(200_000, 3)
    best = np.quantile(returns, LEVEL)
    right = severity.pinball(returns, np.full(len(returns), best), LEVEL).mean()
    assert right < severity.pinball(returns, np.full(len(returns), best * (1 + off)), LEVEL).mean()


def test_diebold_mariano_rejects_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    shocks = random.standard_normal((1_000, 801))
    gains = shocks[:, 1:] + 0.5 * shocks[:, :-1]  # dependent in time
    share = np.mean([severity.diebold_mariano(each) < 0.05 for each in gains])
    print(f"rejected {100 * share:.1f} % of 1000 at 5 %")
    assert 0.03 < share < 0.08
    assert severity.diebold_mariano(gains[0] + 0.5) < 1e-6
    assert math.isnan(severity.diebold_mariano(np.zeros(100)))


def test_assets_that_fall_together_are_no_more_evidence_than_one() -> None:
    gains = np.random.default_rng(4).standard_normal(500) + 0.05
    times = np.arange(500)
    pooled = severity.by_time([times] * 6, [gains] * 6)
    assert severity.diebold_mariano(pooled) == pytest.approx(severity.diebold_mariano(gains))
    later = severity.by_time([times, times[250:]], [gains, gains[250:] + 1])
    assert later[:250] == pytest.approx(gains[:250])
    assert later[250:] == pytest.approx(gains[250:] + 0.5)
