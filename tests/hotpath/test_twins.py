"""The compiled core answers what its twins answer, over random inputs; INPUTS of them each."""

import mmap
import random

import pytest
from host.hotpath.decision import Decision
from host.hotpath.pool import ObjectPool
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words
from hypothesis import given, settings
from hypothesis import strategies as st

from host import outcomes, pools, queues
from host.decisions import Thresholds
from tests.hotpath import twins
from tests.hotpath.twins import INPUTS

UNTIMED = settings(deadline=None)
FLOATS = st.one_of(st.floats(), st.sampled_from(twins.ODD))
POSITIVE = st.floats(1e-6, 1.0)
THRESHOLDS = st.builds(Thresholds, st.floats(0.5, 5), st.floats(1e-3, 0.5), POSITIVE, POSITIVE,
                       st.booleans())  # fmt: skip


@UNTIMED
@given(THRESHOLDS, FLOATS, FLOATS, FLOATS, FLOATS, st.integers(-(2**63), 2**63 - 1))
def test_decision_on_any_number(
    thresholds: Thresholds, expected: float, sigma: float, signal: float, held: float, mode: int
) -> None:
    inputs = expected, sigma, signal, held, mode
    assert Decision(thresholds)(*inputs) == twins.decide(thresholds, *inputs)


@UNTIMED
@given(THRESHOLDS, st.floats(-0.1, 0.1), POSITIVE, st.floats(-1, 1), st.sampled_from([0.0, 1, -1]),
       st.integers(0, 3))  # fmt: skip
def test_decision_on_numbers_of_models(
    thresholds: Thresholds, expected: float, sigma: float, signal: float, held: float, mode: int
) -> None:
    inputs = expected, sigma, signal, held, mode
    assert Decision(thresholds)(*inputs) == twins.decide(thresholds, *inputs)


def test_decision_in_bulk(capsys: pytest.CaptureFixture) -> None:
    rng = random.Random(6)
    seen: dict[int, int] = {}
    for number in range(INPUTS):
        if number % 1000 == 0:
            enter = rng.uniform(0.01, 2)
            short = rng.random() < 0.5
            leave, agree, calm = (rng.uniform(0.01, 1) for _ in range(3))
            thresholds = Thresholds(enter, enter * leave, agree, 2 * calm, short)
            decision = Decision(thresholds)
        expected, sigma, signal, held = (twins.any_number(rng) for _ in range(4))
        if rng.random() < 0.75:
            sigma, signal = abs(sigma), max(-1.0, min(1.0, signal))
        inputs = expected, sigma, signal, held * rng.randint(0, 1), rng.randint(-1, 4)
        answer = decision(*inputs)
        assert answer == twins.decide(thresholds, *inputs), (thresholds, inputs)
        seen[answer] = seen.get(answer, 0) + 1
    with capsys.disabled():
        print(f"\n  {INPUTS} decisions like the twin's: {dict(sorted(seen.items()))}")
    assert len(seen) == 10, "every action and every refusal was reached"


def play_pool(rng: random.Random, slots: int, steps: int) -> None:
    """Three members do at random what members do, and what they should not."""
    _fd, first = pools.create(pools.SIGNAL, slots)
    views = [first, *(ObjectPool(first.buffer, pools.SIGNAL) for _ in range(2))]
    twin = twins.Pool(slots)
    handles = [0]
    for _step in range(steps):
        at = rng.randrange(3)
        view, what = views[at], rng.random()
        if what < 0.45:
            handle = view.acquire()
            twin.acquired(handle, view.member)
            handles.append(handle)
        elif what < 0.97:
            handle = rng.choice(handles)
            if rng.random() < 0.1:
                wild = rng.getrandbits(63)
                handle = rng.choice([wild, -wild, handle ^ 1, handle + (1 << 24)])
            if handle not in twin.past or rng.random() < 0.1:
                assert view.check(handle) == twin.check(handle, view.member)
            assert view.release(handle) == twin.release(handle, view.member)
        elif what < 0.98:
            assert view.close() == twin.left(view.member or at + 1)
            assert view.acquire() == view.release(handles[-1]) == -outcomes.NOT_A_MEMBER
            views[at] = ObjectPool(first.buffer, pools.SIGNAL)
        else:
            assert view.heal() == 0, "nobody is dead"
    expected: dict[int, int] = {}
    for owner in twin.owner.values():
        expected[owner] = expected.get(owner, 0) + 1
    assert views[0].owned() == expected


def test_pool_in_bulk(capsys: pytest.CaptureFixture) -> None:
    rng, done = random.Random(7), 0
    while done < INPUTS:
        play_pool(rng, rng.choice([1, 2, 63, 64, 65, 100, 4096, 5000]), 1000)
        done += 1000
    with capsys.disabled():
        print(f"\n  {done} pool operations like the twin's")


@UNTIMED
@given(st.integers(1, 200), st.randoms(use_true_random=False))
def test_pool_of_any_size(slots: int, rng: random.Random) -> None:
    play_pool(rng, slots, 60)


def test_pool_fills_to_the_last_slot_and_empties_again() -> None:
    for slots in (1, 64, 65, 4096, 4097, 300_000):
        _fd, pool = pools.create(pools.TICK, slots)
        handles = [pool.acquire() for _ in range(slots)]
        assert {pool.index(handle) for handle in handles} == set(range(slots))
        assert pool.acquire() == -outcomes.EXHAUSTED
        assert pool.refused == 1
        assert not any(pool.release(handle) for handle in handles)
        assert pool.owned() == {}


def test_queue_in_bulk(capsys: pytest.CaptureFixture) -> None:
    rng, done = random.Random(8), 0
    while done < INPUTS:
        cells, size = 1 << rng.randrange(5), 8 * rng.randint(1, 4)
        _fd, queue = queues.create(cells, size, shared=False)
        twin = twins.Queue(cells, size)
        for _step in range(500):
            if rng.random() < 0.55:
                message = rng.randbytes(rng.randrange(size + 2))
                assert queue.push(message) == twin.push(message)
            else:
                assert queue.pop() == twin.pop()
        assert queue.refused == twin.refused
        done += 500
    with capsys.disabled():
        print(f"\n  {done} queue operations like the twin's")


@UNTIMED
@given(st.lists(FLOATS, min_size=1, max_size=16), st.integers(1, 2**63), st.integers(0, 2**63),
       st.integers(0, 2**63))  # fmt: skip
def test_seqlock_gives_back_every_number_and_its_age(
    values: list[float], written_ns: int, now_ns: int, most_ns: int
) -> None:
    seqlock = Seqlock(Words(mmap.mmap(-1, 4096), True), 8, len(values))
    assert seqlock.read(most_ns, now_ns) == (-outcomes.NEVER_WRITTEN, 0, ())
    seqlock.publish(values, written_ns)
    now_ns = now_ns or 1
    code, age_ns, found = seqlock.read(most_ns, now_ns)
    if written_ns > now_ns:
        assert (code, age_ns, found) == (-outcomes.FROM_THE_FUTURE, 0, ())
    elif now_ns - written_ns > most_ns:
        assert (code, age_ns, found) == (-outcomes.TOO_OLD, now_ns - written_ns, ())
    else:
        assert (code, age_ns) == (0, now_ns - written_ns)
        assert repr(list(found)) == repr(values), "to the last bit"
