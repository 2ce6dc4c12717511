"""Several processes at one pool, one queue, one seqlock; some of them killed in the middle.

BOT4_POOL_PAIRS: acquire and release pairs of all processes together (`make hotpath-long`: 50,000,000).
"""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest
from host.hotpath.pool import ObjectPool, plan
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words

from host import layout, outcomes, pools, queues, segments, shm
from host.hotpath import corebench

PAIRS = int(os.environ.get("BOT4_POOL_PAIRS", "1000000"))
PROCESSES, KILLS = 4, 200
RECORD = pools.SIGNAL
FOREVER = 1 << 62
context = multiprocessing.get_context("fork")


def start(work: Callable, *arguments: object) -> tuple[multiprocessing.Process, Connection]:
    """Run `work(pipe, *arguments)` in a child; return it and our end of its pipe."""
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    child.start()
    theirs.close()
    return child, ours


def kill(child: multiprocessing.Process) -> None:
    """SIGKILL, and wait for it."""
    child.kill()
    child.join(10)
    assert child.exitcode == -signal.SIGKILL


def churn(pipe: Connection, fd: int, pairs: int, held: int) -> None:
    """Take and give back `pairs` times; say that we begin, and what was wrong."""
    with pools.attach(fd, RECORD) as pool:
        pipe.send(pool.member)
        pipe.send(corebench.churn(pool, pairs, held, os.getpid()))


def churn_on(pipe: Connection, fd: int) -> None:
    """The same until told to stop."""
    total = [0, 0, 0]
    with pools.attach(fd, RECORD) as pool:
        pipe.send(pool.member)
        while not pipe.poll():
            found = corebench.churn(pool, 5_000, 16, os.getpid())
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


def produce(pipe: Connection, fd: int, producer: int, messages: int) -> None:
    with queues.attach(fd) as queue:
        pipe.send(queue.member)
        pipe.send(corebench.cross(queue, messages, producer))


@pytest.mark.parametrize("producers", [1, 4])
def test_queue_keeps_every_message_in_order(producers: int, capsys: pytest.CaptureFixture) -> None:
    each = max(50_000, PAIRS // 20)
    fd, queue = queues.create(64, 16)
    children = [start(produce, fd, number, each) for number in range(producers)]
    for _child, pipe in children:
        pipe.recv()
    wrong, idle = corebench.drain(queue, producers, producers * each)
    full = sum(pipe.recv() for _child, pipe in children)
    with capsys.disabled():
        total = producers * each
        print(f"\n  {total} messages of {producers}: {full} times full, {idle} times empty")
    assert wrong == 0
    assert queue.refused == full, "back-pressure is counted"
    assert queue.pop() == (-outcomes.EMPTY, b"")


def test_a_killed_producer_neither_blocks_nor_breaks_the_order(
    capsys: pytest.CaptureFixture,
) -> None:
    # Long messages: most of the time one is being written.
    fd, queue = queues.create(1 << 10, 1 << 14)
    rng = random.Random(4)
    unfinished = received = 0
    for _kill in range(KILLS):
        child, pipe = start(produce, fd, 0, FOREVER)
        pipe.recv()
        while queue.pop()[0]:
            time.sleep(0)
        time.sleep(rng.uniform(0, 0.0002))
        kill(child)
        expected = 1
        while True:
            code, message = queue.pop()
            if code == -outcomes.EMPTY:
                break
            if code == -outcomes.UNFINISHED:
                unfinished += 1
                assert queue.heal() == 1
                continue
            assert code == 0
            assert int.from_bytes(message[8:16], "little") == expected
            expected += 1
        queue.heal()
        received += expected
    with capsys.disabled():
        print(f"\n  {KILLS} producers killed, {unfinished} in a message, {received} messages")
    assert queue.abandoned == unfinished > 0


@pytest.mark.parametrize("tail_moved", [False, True])
def test_a_message_that_is_never_finished_is_passed_over(tail_moved: bool) -> None:
    fd, queue = queues.create(4, 16)
    child, pipe = start(produce, fd, 0, 1)
    member = pipe.recv()
    pipe.recv()
    child.join(10)
    assert queue.pop()[0] == 0
    words = Words(queue.buffer, True)
    words.store(segments.W_MEMBERS + member - 1, 1)  # a process that is not there,
    words.store(segments.W_DATA + 4, member << 2 | 1)  # and its cell, half written
    if tail_moved:
        words.store(segments.W_TAIL, 2)
        assert queue.push(b"behind") == 0
    assert queue.pop()[0] == -outcomes.UNFINISHED
    assert queue.heal() == 1
    if not tail_moved:
        assert queue.pop()[0] == -outcomes.EMPTY
        assert queue.push(b"behind") == 0
    assert queue.pop() == (0, b"behind")
    assert queue.abandoned == 1


def publish(pipe: Connection, page_fd: int) -> None:
    page = shm.create(layout.KIND_MODELLER, "test")
    seqlock = Seqlock(page.words, layout.MODELLER_FORECAST, 16)
    seqlock.publish([0.0] * 16)
    pipe.send(page.fd)
    number = 0
    while True:
        number += 1
        seqlock.publish([float(number)] * 16)


def test_no_read_is_torn_and_a_killed_writer_is_noticed(capsys: pytest.CaptureFixture) -> None:
    reads = torn = 0
    for _kill in range(10):
        child, pipe = start(publish, 0)
        fd = os.open(f"/proc/{child.pid}/fd/{pipe.recv()}", os.O_RDONLY)
        page = shm.attach(fd, layout.KIND_MODELLER)
        seqlock = Seqlock(page.words, layout.MODELLER_FORECAST, 16)
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            code, _age_ns, values = seqlock.read(10**9)
            reads += 1
            torn += code == -outcomes.TORN
            assert code == -outcomes.TORN or len(set(values)) == 1
        kill(child)
        time.sleep(0.002)
        assert seqlock.read(1_000_000)[0] in (-outcomes.TORN, -outcomes.TOO_OLD)
        with pytest.raises(PermissionError):
            seqlock.publish([1.0] * 16)
        page.close()
    with capsys.disabled():
        print(f"\n  {reads} reads, {torn} gave up, none mixed")
    assert reads > torn


def test_a_write_that_was_cut_off_is_torn_until_the_next_one() -> None:
    page = shm.create(layout.KIND_MODELLER, "test")
    seqlock = Seqlock(page.words, layout.MODELLER_FORECAST, 2)
    seqlock.publish([1.0, 2.0])
    page.words.store(layout.MODELLER_FORECAST, 3)
    assert seqlock.read(10**9)[0] == -outcomes.TORN
    seqlock.publish([3.0, 4.0])
    assert seqlock.read(10**9)[2] == (3.0, 4.0)
