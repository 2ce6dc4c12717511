"""Sizes, memory and handles that cannot be: each refused with its code, nothing read out of bounds."""

import mmap
import os
import random

import numpy as np
import pytest
from host.hotpath.decision import Decision
from host.hotpath.pool import ObjectPool, plan
from host.hotpath.queue import Queue
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words

from host import identity, outcomes, pools, queues, segments, shm
from host.decisions import Thresholds
from host.segments import SegmentError


@pytest.mark.parametrize("slots", [0, -1, (1 << 24) + 1, 10**30, 1.0, True, None, "7"])
def test_sizes_that_cannot_be(slots: object) -> None:
    for make in (lambda: pools.create(pools.TICK, slots), lambda: queues.create(slots, 8)):  # type: ignore[arg-type]
        with pytest.raises(SegmentError, match="BAD_SIZE") as refused:
            make()
        assert refused.value.code == outcomes.BAD_SIZE
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("dtype", ["i4", "O", "S4104", "S12", "S0"])
def test_records_that_cannot_be(dtype: str) -> None:
    with pytest.raises(SegmentError, match="BAD_SIZE"):
        pools.create(np.dtype(dtype), 10)


def test_queues_that_cannot_be() -> None:
    for cells, size in ((3, 8), (8, 0), (8, 9), (8, 1 << 20)):
        with pytest.raises(SegmentError, match="BAD_SIZE"):
            queues.create(cells, size)


def test_more_than_this_machine_has() -> None:
    with pytest.raises(SegmentError, match="this machine has"):
        pools.create(np.dtype("V4096"), (1 << 24) - 1)


def memory(changes: dict[int, int], kind: int = segments.KIND_POOL) -> mmap.mmap:
    """A pool or queue of which some words are not as they should be."""
    made = (
        pools.create(pools.TICK, 70) if kind == segments.KIND_POOL else queues.create(4, 8, False)
    )
    mapping = made[1].buffer
    for word, value in changes.items():
        Words(mapping, True).store(word, value)
    return mapping


@pytest.mark.parametrize(
    ("word", "value", "code"),
    [
        (segments.W_MAGIC, 0, outcomes.HALF_MADE),
        (segments.W_MAGIC, 1, outcomes.OTHER_VERSION),
        (segments.W_VERSION, 2, outcomes.OTHER_VERSION),
        (segments.W_KIND, 7, outcomes.OTHER_KIND),
        (segments.W_DIGEST, 7, outcomes.OTHER_RECORD),
        (segments.W_BYTES, 64, outcomes.CUT_SHORT),
        (segments.W_ITEMS, 0, outcomes.OTHER_RECORD),
        (segments.W_ITEMS, 2**63, outcomes.OTHER_RECORD),
        (segments.W_ITEMS, 7000, outcomes.CUT_SHORT),
        (segments.W_ITEM_BYTES, 32, outcomes.OTHER_RECORD),
    ],
)
def test_a_header_that_is_not_ours(word: int, value: int, code: int) -> None:
    with pytest.raises(SegmentError) as refused:
        ObjectPool(memory({word: value}), pools.TICK)
    assert refused.value.code == code


def test_any_damaged_header_is_refused_or_harmless() -> None:
    rng, refused = random.Random(5), set()
    for kind in (segments.KIND_POOL, segments.KIND_QUEUE):
        for _try in range(300):
            damage = {rng.randrange(7): rng.getrandbits(rng.choice([1, 8, 30, 64]))}
            mapping = memory(damage, kind)
            try:
                pool = ObjectPool(mapping, pools.TICK) if kind == segments.KIND_POOL else None
                queue = Queue(mapping) if kind == segments.KIND_QUEUE else None
            except SegmentError as error:
                refused.add(error.code)
                continue
            if pool is not None:
                assert pool.acquire() > 0
            if queue is not None:
                assert queue.push(b"x") == 0
    assert {outcomes.HALF_MADE, outcomes.OTHER_KIND, outcomes.CUT_SHORT} < refused


def test_any_damage_inside_a_segment_stays_inside() -> None:
    """Other members can write anything: the answers may be wrong, no read is out of bounds."""
    rng = random.Random(5)
    for _try in range(300):
        mapping = memory({})
        with ObjectPool(mapping, pools.TICK) as pool:
            words = Words(mapping, True)
            for _word in range(20):
                at = rng.randrange(segments.W_DATA, plan(70, pools.TICK.itemsize)[3])
                words.store(at, rng.choice([0, 2**64 - 1, rng.getrandbits(64)]))
            for _call in range(100):
                handle = pool.acquire()
                if handle < 0:
                    break
                assert pool.index(handle) < 70
                pool.records[pool.index(handle)]["price"] = 1.0
        mapping = memory({}, segments.KIND_QUEUE)
        with Queue(mapping) as queue:
            words = Words(mapping, True)
            for at in rng.sample(range(segments.W_DATA, words.count), 8):
                words.store(at, rng.choice([0, 2**64 - 1, rng.getrandbits(64)]))
            for _call in range(3):
                assert len(queue.pop()[1]) <= 8


def test_descriptors_that_are_not_segments() -> None:
    unsealed = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 1 << 16)
    page = shm.create(2, "test")

    for fd, code in (
        (unsealed, outcomes.NOT_SEALED),
        (os.open("/dev/null", os.O_RDWR), outcomes.NOT_SEALED),
        (10_000, outcomes.NOT_SEALED),
    ):
        with pytest.raises(SegmentError) as refused:
            pools.attach(fd, pools.TICK)
        assert refused.value.code == code
    with pytest.raises(OSError, match="not permitted"):
        pools.attach(page.fd, pools.TICK)  # a page of one writer cannot be mapped for a second
    fd, queue = queues.create(4, 8)
    with pytest.raises(SegmentError, match="OTHER_KIND"):
        pools.attach(fd, pools.TICK)
    fd, _pool = pools.create(pools.TICK, 10, shared=True)
    with pytest.raises(SegmentError, match="OTHER_RECORD"):
        pools.attach(fd, pools.ORDER)
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(fd, 0)


def test_handles_that_are_not_ours() -> None:
    fd, mine = pools.create(pools.TICK, 100, shared=True)
    other = pools.attach(fd, pools.TICK)
    handle = mine.acquire()
    for wrong in (0, 1, -1, 100, -(2**63), (1 << 24) | 100, (5 << 24) | 0xFFFFFF):
        assert mine.release(wrong) == -outcomes.NO_SUCH_SLOT
    assert other.release(handle) == -outcomes.FOREIGN_SLOT
    assert other.check(handle) == -outcomes.FOREIGN_SLOT
    assert mine.release(handle) == 0
    assert mine.release(handle) == -outcomes.GIVEN_BACK
    again = mine.acquire()
    assert mine.index(again) == mine.index(handle)
    assert mine.release(handle) == -outcomes.GIVEN_BACK, "of an earlier owner of the same slot"
    assert mine.check(again) == 0


def test_a_segment_has_room_for_64() -> None:
    _fd, pool = pools.create(pools.TICK, 10)
    others = [ObjectPool(pool.buffer, pools.TICK) for _ in range(segments.MEMBERS - 1)]
    with pytest.raises(SegmentError, match="NO_ROOM"):
        ObjectPool(pool.buffer, pools.TICK)
    others[7].close()
    with ObjectPool(pool.buffer, pools.TICK) as again:
        assert again.member == 9


def test_a_child_of_a_fork_is_no_member() -> None:
    _fd, pool = pools.create(pools.TICK, 10, shared=True)
    _fd, queue = queues.create(4, 8)
    handle = pool.acquire()
    child = os.fork()
    if child == 0:
        answers = (
            pool.acquire(),
            pool.release(handle),
            pool.heal(),
            queue.push(b"x"),
            queue.pop()[0],
        )
        os._exit(0 if set(answers) == {-outcomes.NOT_A_MEMBER} and pool.close() == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.release(handle) == 0


def test_identity_of_the_living_the_dead_and_the_undead() -> None:
    me = identity.identity()
    assert me & ((1 << identity.PID_BITS) - 1) == os.getpid()
    assert identity.alive(me)
    assert not identity.alive(me + (1 << identity.PID_BITS)), "the same pid, started later"
    assert not identity.alive(0)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert identity.identity(child) == 0, "a zombie runs no more"
    os.waitpid(child, 0)
    assert identity.identity(child) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("enter_edge", 0.0), ("enter_edge", float("nan")), ("enter_edge", float("inf")),
        ("exit_edge", -1.0), ("exit_edge", 2.0), ("enter_signal", 1.1), ("most_sigma", 1e7),
        ("most_sigma", "x"), ("most_sigma", True),
    ],
)  # fmt: skip
def test_thresholds_that_cannot_be(field: str, value: object) -> None:
    good = Thresholds(1.0, 0.5, 0.5, 0.1)
    Decision(good)
    with pytest.raises(ValueError, match=f"^{field} "):
        Decision(good._replace(**{field: value}))


def test_seqlocks_that_cannot_be() -> None:
    words = Words(mmap.mmap(-1, 4096), True)
    for first, count in ((0, 0), (0, 17), (-1, 1), (511, 1)):
        with pytest.raises((ValueError, IndexError)):
            Seqlock(words, first, count)
    seqlock = Seqlock(words, 0, 2)
    for values in ((1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(ValueError, match="values, not 2"):
            seqlock.publish(values)
