"""Presses, percentiles, attribution and verdict; each gate is shown to fail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.capture import LINES, Capture, from_events
from rig.latency import (
    FAIL,
    PASS,
    TOO_NOISY,
    Judgement,
    Press,
    Probe,
    find_presses,
    judge,
    samples_us,
    stats,
    worst,
)

A, B, HALT, ACK = range(4)
MS = 1_000_000
NAN: Any = math.nan  # also where the types say int: a broken caller must not pass
QUIET = Probe(np.arange(0, 1000 * MS, MS), np.full(1000, 20.0))


def capture(*events: tuple[int, int, int], end_ns: int = 1000 * MS, **initial: int) -> Capture:
    """A capture that starts armed: HALT high, ACK low, contacts closed."""
    levels = {**dict.fromkeys(LINES, 0), "HALT": 1, **initial}
    return from_events(sorted(events), bench="virtual", initial=levels, start_ns=0, end_ns=end_ns)


def one_press(t: int, halt: int = 10_000, ack: int = 60_000) -> list[tuple[int, int, int]]:
    return [(t, A, 1), (t + halt, HALT, 0), (t + ack, ACK, 1)]


def rearm(t: int) -> list[tuple[int, int, int]]:
    return [(t, A, 0), (t + 1000, ACK, 0), (t + 2000, HALT, 1)]


def slow(latency_us: float, at_ns: int = 100 * MS) -> Press:
    return Press(at_ns, at_ns + 10_000, at_ns + round(latency_us * 1000))


def verdict_of(presses, probe=QUIET, **changes) -> Judgement:
    asked = {"asked": len(presses), "bench": "virtual", "orders_after_ack": 0}
    return judge(presses, probe, **{**asked, "audit_verified": True, **changes})


def late_probe(at_ns: int, lateness_us: float) -> Probe:
    return Probe(np.array([0, at_ns]), np.array([10.0, lateness_us]))


def test_two_presses_with_rearm_between():
    found = find_presses(capture(*one_press(1 * MS), *rearm(50 * MS), *one_press(90 * MS)))
    assert found == [
        Press(1 * MS, 1 * MS + 10_000, 1 * MS + 60_000),
        Press(90 * MS, 90 * MS + 10_000, 90 * MS + 60_000),
    ]
    assert (found[0].switch_to_halt_us, found[0].halt_to_ack_us) == (10.0, 50.0)
    assert found[0].switch_to_ack_us == 60.0


def test_bounce_and_the_second_contact_belong_to_the_press():
    bounce = [(MS + 3_000, A, 0), (MS + 5_000, A, 1), (MS + 4_000, B, 1), (20 * MS, B, 0)]
    assert len(find_presses(capture(*one_press(MS), *bounce, (30 * MS, B, 1)))) == 1


def test_contact_b_alone_is_a_press():
    assert find_presses(capture((5, B, 1), (9, HALT, 0), (20, ACK, 1))) == [Press(5, 9, 20)]


def test_halt_in_the_same_sample_as_the_switch_is_a_press_of_zero():
    assert find_presses(capture((5, A, 1), (5, HALT, 0), (20, ACK, 1))) == [Press(5, 5, 20)]


def test_opening_while_not_armed_is_no_press():
    assert find_presses(capture((5, A, 1), (6, A, 0), HALT=0)) == []


def test_missing_edges_stay_in_the_list():
    assert find_presses(capture((5, A, 1))) == [Press(5, None, None)]
    assert find_presses(capture((5, A, 1), (9, HALT, 0))) == [Press(5, 9, None)]
    assert find_presses(capture((5, A, 1), (9, ACK, 1))) == [Press(5, None, 9)]


def test_an_ack_after_the_next_arming_is_not_borrowed():
    late = [(MS, A, 1), (MS + 100, HALT, 0), (2 * MS, A, 0), (3 * MS, HALT, 1)]
    found = find_presses(capture(*late, *one_press(5 * MS)))
    assert [press.t_ack_ns for press in found] == [None, 5 * MS + 60_000]


def test_an_ack_that_was_high_all_along_is_missing():
    assert find_presses(capture((5, A, 1), (9, HALT, 0), ACK=1)) == [Press(5, 9, None)]


def test_stats_by_nearest_rank():
    assert stats(range(1, 101)) == {"p50": 50.0, "p99": 99.0, "p999": 100.0, "max": 100.0, "n": 100}
    assert stats([7.0]) == {"p50": 7.0, "p99": 7.0, "p999": 7.0, "max": 7.0, "n": 1}
    assert stats([1, 2, 3])["p50"] == 2.0


@given(st.lists(st.integers(-1000, 10**9), min_size=1, max_size=300))
def test_stats_are_measured_values_that_cover_their_share(values):
    got = stats(values)
    for name, share in (("p50", 500), ("p99", 990), ("p999", 999), ("max", 1000)):
        assert got[name] in values
        assert 1000 * sum(v <= got[name] for v in values) >= share * len(values)
        assert 1000 * sum(v < got[name] for v in values) < share * len(values)


@pytest.mark.parametrize("samples", [[], [math.nan], [1.0, math.nan], [math.inf]])
def test_no_sample_or_nan_is_not_a_number(samples):
    assert stats(samples) == {"p50": None, "p99": None, "p999": None, "max": None, "n": 0}


def test_a_missing_stage_is_not_counted_as_a_sample():
    got = samples_us([slow(50), Press(5, 9, None)])
    assert [len(got[stage]) for stage in ("switch_to_halt", "halt_to_ack", "switch_to_ack")] == [
        2,
        1,
        1,
    ]


def test_good_presses_pass_up_to_the_limit_itself():
    assert verdict_of([slow(60), slow(1000)]) == Judgement(PASS, [], [])


@pytest.mark.parametrize(
    ("presses", "changes", "why"),
    [
        ([], {}, "0 presses seen"),
        ([], {"asked": 20}, "20 asked for"),
        ([slow(60)], {"asked": 2}, "1 presses seen, 2 asked for"),
        ([Press(5, None, None)], {}, "never came"),
        ([Press(5, 9, None)], {}, "never came"),
        ([Press(5, None, 9)], {}, "never came"),
        ([slow(1020.001)], {}, "nothing excuses it"),
        ([Press(5, 9, NAN)], {}, "nothing excuses it"),
        ([Press(5, NAN, 9)], {}, "nothing excuses it"),
        ([Press(NAN, 9, 9)], {}, "nothing excuses it"),
        ([Press(5, 9, 8)], {}, "nothing excuses it"),
        ([slow(60)], {"orders_after_ack": 1}, "1 orders left after ACK"),
        ([slow(60)], {"orders_after_ack": None}, "could not be checked"),
        ([slow(60)], {"audit_verified": False}, "audit"),
        ([slow(60)], {"audit_verified": None}, "audit"),
        ([slow(60)], {"limit_us": math.nan}, "limit"),
        ([slow(60)], {"limit_us": math.inf}, "limit"),
        ([slow(60)], {"probe": Probe(np.array([]), np.array([]))}, "probe"),
        ([slow(60)], {"probe": Probe(np.array([1]), np.array([math.nan]))}, "probe"),
        ([slow(60)], {"probe": Probe(np.array([1, 2]), np.array([5.0]))}, "probe"),
    ],
)
def test_each_gate_can_fail(presses, changes, why):
    got = verdict_of(presses, **changes)
    assert got.verdict == FAIL
    assert any(why in reason for reason in got.reasons)


def test_a_late_machine_makes_the_run_noisy_and_not_good():
    got = verdict_of([slow(60), slow(1500)], late_probe(100 * MS, 500.0))
    assert got.verdict == TOO_NOISY
    assert [m.as_dict() for m in got.misses] == [
        {"press": 1, "kind": "machine", "latency_us": 1500.0, "probe_us": 500.0}
    ]
    assert len(got.reasons) == 1


@pytest.mark.parametrize(
    ("probe", "verdict"),
    [
        (late_probe(100 * MS, 499.9), FAIL),  # not late enough
        (late_probe(95 * MS, 500), TOO_NOISY),  # first instant that counts
        (late_probe(95 * MS - 1, 500), FAIL),
        (late_probe(100 * MS + 1_500_000 + 5 * MS, 500), TOO_NOISY),  # last one: 5 ms after ACK
        (late_probe(100 * MS + 1_500_000 + 5 * MS + 1, 500), FAIL),
    ],
)
def test_edges_of_attribution(probe, verdict):
    assert verdict_of([slow(1500)], probe).verdict == verdict


def test_one_unexplained_press_among_explained_ones_fails():
    presses = [slow(1500), slow(1500, at_ns=300 * MS)]
    got = verdict_of(presses, late_probe(100 * MS, 9000.0))
    assert got.verdict == FAIL
    assert [miss.kind for miss in got.misses] == ["machine", "unexplained"]


def test_many_misses_are_all_listed_but_not_all_told():
    got = verdict_of([Press(k, k, None) for k in range(50)])
    assert len(got.misses) == 50
    assert got.reasons[9:] == ["press 10: HALT or ACK never came", "40 more such presses"]


def test_nothing_is_excused_on_the_physical_bench():
    noisy = late_probe(100 * MS, 9000.0)
    assert verdict_of([slow(1500)], noisy, bench="physical").verdict == FAIL


def test_the_worst_verdict_wins():
    assert worst([PASS, PASS]) == PASS
    assert worst([PASS, TOO_NOISY]) == TOO_NOISY
    assert worst([FAIL, TOO_NOISY, PASS]) == FAIL
    assert worst([]) == FAIL
    assert worst([PASS, "fine"]) == FAIL


TIMES = st.integers(0, 3 * MS) | st.sampled_from([None, math.nan])
ANY_PRESS = st.builds(Press, st.integers(0, MS), TIMES, TIMES)
FINE_PRESS = st.builds(Press, st.just(MS), st.just(MS), st.integers(MS, 2 * MS))
LATE = st.floats(0, 5000) | st.just(math.nan)


def mostly(good, *bad):
    """One of `bad` in a fifth of the cases, so that whole runs often pass."""
    return st.integers(0, 9).flatmap(lambda k: st.sampled_from(bad) if k < 2 else st.just(good))


@given(
    st.lists(FINE_PRESS, max_size=4),
    st.lists(ANY_PRESS, max_size=1),
    st.lists(LATE, max_size=4),
    st.integers(0, 5),
    mostly(0, 1, None),
    mostly(True, False, None),
    mostly(1000.0, math.nan),
)
@settings(max_examples=500, deadline=None)
def test_pass_needs_everything_seen_and_good(fine, odd, late, asked, leaked, verified, limit_us):
    presses = fine + odd
    got = judge(
        presses,
        Probe(np.arange(len(late)) * 100_000, np.array(late)),
        asked=asked,
        bench="virtual",
        orders_after_ack=leaked,
        audit_verified=verified,
        limit_us=limit_us,
    )
    enough = bool(presses) and len(presses) == asked
    sound = leaked == 0 and leaked is not None and verified is True and limit_us == 1000.0
    probed = bool(late) and not any(map(math.isnan, late))
    fast = all(
        None not in (p.t_halt_ns, p.t_ack_ns)
        and p.t_switch_ns <= p.t_halt_ns <= p.t_ack_ns <= p.t_switch_ns + MS
        for p in presses
    )
    assert (got.verdict == PASS) == (enough and sound and probed and fast)
    assert (got.verdict == PASS) == (not got.reasons)
