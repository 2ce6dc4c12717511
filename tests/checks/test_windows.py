"""Rolling windows against the plain definition: never less strict, at most one part late."""

import math

from hypothesis import given
from hypothesis import strategies as st

from host.engine.checks.windows import BUCKETS, Average, Count, Highest

WINDOW_S = 1.0
WINDOW_NS = 1_000_000_000
PART_NS = WINDOW_NS // BUCKETS
STEPS = st.lists(
    st.tuples(st.integers(0, 300_000_000), st.integers(-50, 50).map(float)), max_size=80
)


@given(STEPS)
def test_a_count_is_never_too_small_and_forgets_after_one_part_more(steps: list) -> None:
    count, now_ns, times = Count(WINDOW_S), 0, []
    for gap_ns, _value in steps:
        now_ns += gap_ns
        count.add(now_ns)
        times.append(now_ns)
        seen = count.within(now_ns)
        assert seen >= sum(now_ns - t < WINDOW_NS for t in times)
        assert seen <= sum(now_ns - t < WINDOW_NS + PART_NS for t in times)
    count.clear()
    assert count.within(now_ns) == 0


@given(STEPS)
def test_the_highest_is_never_too_low_and_was_seen_within_one_part_more(steps: list) -> None:
    highest, now_ns, seen = Highest(WINDOW_S), 0, []
    for gap_ns, value in steps:
        now_ns += gap_ns
        seen.append((now_ns, value))
        found = highest.add(value, now_ns)
        assert found >= max(v for t, v in seen if now_ns - t < WINDOW_NS)
        assert found in {v for t, v in seen if now_ns - t < WINDOW_NS + PART_NS}


@given(STEPS)
def test_a_mean_lies_within_what_was_seen_and_an_empty_window_has_none(steps: list) -> None:
    average, now_ns, seen = Average(WINDOW_S), 0, []
    assert average.mean(0) is None
    for gap_ns, value in steps:
        now_ns += gap_ns
        average.add(value, now_ns)
        seen.append((now_ns, value))
        mean = average.mean(now_ns)
        recent = [v for t, v in seen if now_ns - t < WINDOW_NS + PART_NS]
        assert mean is not None
        assert min(recent) - 1e-9 <= mean <= max(recent) + 1e-9
    assert average.mean(now_ns + 2 * WINDOW_NS) is None


def test_a_mean_of_values_a_part_apart_is_exact() -> None:
    average = Average(WINDOW_S)
    for n in range(1000):
        average.add(float(n), n * 10_000_000)
    # The last 100 values are within one second.
    assert math.isclose(average.mean(999 * 10_000_000) or 0.0, sum(range(900, 1000)) / 100)


def test_a_high_is_forgotten_also_when_it_falls_without_a_pause() -> None:
    highest = Highest(WINDOW_S)
    for n in range(3_000):
        found = highest.add(-float(n), n * 1_000_000)
    assert found <= -(2_999 - 1_000 - 5)


def test_memory_has_a_bound_whatever_arrives() -> None:
    count, average, highest = Count(WINDOW_S), Average(WINDOW_S), Highest(WINDOW_S)
    for n in range(20_000):
        now_ns = n * 100_000
        count.add(now_ns)
        average.add(1.0, now_ns)
        highest.add(float(-n), now_ns)
        count.within(now_ns)
        average.mean(now_ns)
    assert max(len(w._parts) for w in (count, average, highest)) <= BUCKETS + 2
