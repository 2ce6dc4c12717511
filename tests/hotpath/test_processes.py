"""Several processes at one pool; some of them killed in the middle."""

import os
import random
import time
from multiprocessing.connection import Connection

import pytest
from host.hotpath.pool import ObjectPool, plan
from host.hotpath.words import Words

from host import outcomes, pools, segments
from host.hotpath import corestress
from tests.hotpath.children import FOREVER, KILLS, PAIRS, PROCESSES, kill, start

RECORD = pools.SIGNAL


def churn(pipe: Connection, fd: int, pairs: int, held: int) -> None:
    """Take and give back `pairs` times; say that we begin, and what was wrong."""
    with pools.attach(fd, RECORD) as pool:
        pipe.send(pool.member)
        pipe.send(corestress.churn(pool, pairs, held, os.getpid()))


def churn_on(pipe: Connection, fd: int) -> None:
    """The same until told to stop."""
    total = [0, 0, 0]
    with pools.attach(fd, RECORD) as pool:
        pipe.send(pool.member)
        while not pipe.poll():
            found = corestress.churn(pool, 5_000, 16, os.getpid())
            total = [a + b for a, b in zip(total, found, strict=True)]
        pipe.send(total)


def everything(pool: ObjectPool) -> set[int]:
    """Take all that the pool has, give it back, return the indices."""
    handles = []
    while (handle := pool.acquire()) > 0:
        handles.append(handle)
    found = {pool.index(handle) for handle in handles}
    assert len(found) == len(handles)
    assert not any(pool.release(handle) for handle in handles)
    return found


def half_done(pool: ObjectPool) -> int:
    """Count slots whose bit does not say what their state says: somebody was between the two."""
    words = Words(pool.buffer)
    _full, taken, states, *_rest = plan(pool.items, pool.item_bytes)
    return sum(
        (words.load(taken + index // 64) >> index % 64 & 1)
        != (words.load(states + index) & 0xFF != 0)
        for index in range(pool.items)
    )


@pytest.mark.parametrize("slots", [100, 20_000])
def test_no_slot_is_handed_out_twice(slots: int, capsys: pytest.CaptureFixture) -> None:
    fd, pool = pools.create(RECORD, slots, shared=True)
    each = PAIRS // PROCESSES // 2
    children = [start(churn, fd, each, 64) for _ in range(PROCESSES)]
    for _child, pipe in children:
        pipe.recv()
    found = [pipe.recv() for _child, pipe in children]
    for child, _pipe in children:
        child.join(10)
    exhausted = sum(row[2] for row in found)
    with capsys.disabled():
        pairs = each * PROCESSES
        print(
            f"\n  {2 * pairs} operations on {slots} slots, {exhausted} times exhausted, 0 doubled"
        )
    assert [row[:2] for row in found] == [(0, 0)] * PROCESSES
    assert pool.owned() == {}
    assert everything(pool) == set(range(slots))


def test_a_slot_that_two_have_is_found() -> None:
    fd, pool = pools.create(RECORD, 64, shared=True)
    children = [start(churn, fd, 2_000_000, 64) for _ in range(2)]
    for _child, pipe in children:
        pipe.recv()
    words = Words(pool.buffer, True)
    _full, taken, states, records, _end = plan(64, RECORD.itemsize)
    while not all(pipe.poll() for _child, pipe in children):
        for word in (taken, *range(states, records)):
            words.store(word, 0)  # as if nobody had anything
    assert sum(pipe.recv()[0] for _child, pipe in children) > 0
    for child, _pipe in children:
        child.join(10)


def test_kill_in_mid_operation_loses_and_doubles_nothing(capsys: pytest.CaptureFixture) -> None:
    slots, rng = 128, random.Random(2)
    fd, pool = pools.create(RECORD, slots, shared=True)
    survivor, survived = start(churn_on, fd)
    survived.recv()
    between = left = 0
    for _kill in range(KILLS):
        child, pipe = start(churn, fd, FOREVER, 64)
        member = pipe.recv()
        time.sleep(rng.uniform(0, 0.002))
        kill(child)
        pipe.close()
        between += half_done(pool) > 0
        before = pool.owned().get(member, 0)
        healed = pool.heal()
        assert healed == before, "what the dead one had, and nothing else"
        left += healed
    survived.send("stop")
    doubled, refused, _exhausted = survived.recv()
    survivor.join(10)
    with capsys.disabled():
        print(f"\n  {KILLS} kills, {left} slots left behind, {between} times between two steps")
    assert (doubled, refused) == (0, 0)
    assert left > 0
    assert pool.owned() == {}
    assert everything(pool) == set(range(slots))
    assert half_done(pool) == 0


def test_two_that_heal_at_once_give_back_once() -> None:
    fd, pool = pools.create(RECORD, 200_000, shared=True)
    child, pipe = start(churn, fd, FOREVER, 4096)
    member = pipe.recv()
    time.sleep(0.01)
    kill(child)
    left = pool.owned()[member]
    children = [start(heal, fd) for _ in range(2)]
    answers = [pipe.recv() for _child, pipe in children] + [pool.heal()]
    assert sum(answer for answer in answers if answer > 0) == left
    assert set(answers) <= {left, 0, -outcomes.BUSY}
    for child, _pipe in children:
        child.join(10)


def heal(pipe: Connection, fd: int) -> None:
    with pools.attach(fd, RECORD) as pool:
        pipe.send(pool.heal())


def test_who_dies_while_healing_is_followed_by_the_next() -> None:
    fd, pool = pools.create(RECORD, 64, shared=True)
    child, pipe = start(churn, fd, FOREVER, 64)
    member = pipe.recv()
    kill(child)
    words = Words(pool.buffer, True)
    dead = words.load(segments.W_MEMBERS + member - 1)
    words.store(segments.W_HEALER, dead)
    assert pool.heal() >= 0
    words.store(segments.W_HEALER, words.load(segments.W_MEMBERS))  # ours: alive
    assert pool.heal() == -outcomes.BUSY
