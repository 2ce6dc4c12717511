"""The measurements of the core measure, and what did not work is no fast call."""

import pytest

from host import pools, queues
from host.hotpath import allocbench, corebench
from host.perf import allocator, core
from host.perf.judging import Missing, call_ns, judge


def test_every_row_of_the_core_has_figures_in_order(capsys: pytest.CaptureFixture) -> None:
    found = core.rows(100)
    with capsys.disabled():
        for row in found:
            print(f"\n  {row['what']}: p50 {row['p50']} p99 {row['p99']} {row['unit']}", end="")
        print()
    for row in found:
        figures = [row["p50"], row["p99"], row["p999"], row["max"]]
        assert figures == sorted(figures, reverse=bool(row["at_least"]))
        assert figures[0] > 0  # type: ignore[operator]
    assert len({row["what"] for row in found}) == len(found)


def test_the_empty_loop_is_subtracted_and_a_limit_can_fail() -> None:
    values = call_ns([64 * ns for ns in (100, 100, 100, 300)], [640, 640, 6_400])
    assert values == [90, 90, 90, 290]
    assert judge("x", values, limit=200)["pass"] is False
    assert judge("x", values, limit=200, judged="p50")["pass"] is True
    assert judge("x", [1, 2, 9], "M/s", 3, "p50", at_least=True)["pass"] is False
    best = judge("x", [1, 8, 9], "M/s", 3, "p50", at_least=True)
    assert (best["pass"], best["p50"], best["max"]) == (True, 8, 1)
    assert judge("x", [1])["pass"] is True


def test_a_call_that_did_nothing_is_an_error() -> None:
    _fd, pool = pools.create(pools.ORDER, 64)
    corebench.pool_fill(pool, 1)
    for timed in (corebench.pool_pairs, corebench.pool_fill):
        with pytest.raises(RuntimeError, match="did not do its work"):
            timed(pool, 1)
    pool.close()
    with pytest.raises(RuntimeError, match="did not do its work"):
        corebench.pool_exhausted(pool, 1)
    _fd, queue = queues.create(1, 32)
    queue.push(b"")
    with pytest.raises(RuntimeError, match="did not do its work"):
        corebench.queue_pairs(queue, 1)


@pytest.mark.skipif(allocator.library() is None, reason="libmimalloc is not installed")
def test_both_allocators_are_measured_each_with_its_own_library() -> None:
    found = {row["what"]: row for row in allocator.rows(10)}
    assert found["allocation, mimalloc"]["p50"] > 0  # type: ignore[operator]
    assert found["allocation, glibc / mimalloc"]["p50"] > 0  # type: ignore[operator]


def test_without_mimalloc_the_rows_are_missing_and_not_glibcs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host.allocator.LIBRARIES", ())
    with pytest.raises(Missing, match="libmimalloc2.0"):
        allocator.rows(10)


@pytest.mark.filterwarnings("ignore")
def test_a_library_that_does_not_load_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="is not what LD_PRELOAD said"):
        allocator.measure(1, "/nonexistent/libmimalloc.so.2")


@pytest.mark.parametrize(
    ("sizes", "order"),
    [([], []), ([0], [0]), ([8, 8], [0, 0]), ([8], [1]), ([8] * 16385, list(range(16385)))],
)
def test_bursts_that_cannot_be(sizes: list[int], order: list[int]) -> None:
    with pytest.raises(ValueError, match="permutation"):
        allocbench.mixed(sizes, order, 1)
