"""Several processes at one queue or one seqlock; some of them killed in the middle."""

import os
import random
import time
from multiprocessing.connection import Connection

import pytest
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words

from host import layout, outcomes, queues, segments, shm
from host.hotpath import corestress
from tests.hotpath.children import FOREVER, KILLS, PAIRS, kill, start


def produce(pipe: Connection, fd: int, producer: int, messages: int) -> None:
    with queues.attach(fd) as queue:
        pipe.send(queue.member)
        pipe.send(corestress.cross(queue, messages, producer))


@pytest.mark.parametrize("producers", [1, 4])
def test_queue_keeps_every_message_in_order(producers: int, capsys: pytest.CaptureFixture) -> None:
    each = max(50_000, PAIRS // 20)
    fd, queue = queues.create(64, 16)
    children = [start(produce, fd, number, each) for number in range(producers)]
    for _child, pipe in children:
        pipe.recv()
    wrong, idle = corestress.drain(queue, producers, producers * each)
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
    seqlock = Seqlock(page.words, layout.FORECAST, 16)
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
        seqlock = Seqlock(page.words, layout.FORECAST, 16)
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
    seqlock = Seqlock(page.words, layout.FORECAST, 2)
    seqlock.publish([1.0, 2.0])
    page.words.store(layout.FORECAST, 3)
    assert seqlock.read(10**9)[0] == -outcomes.TORN
    seqlock.publish([3.0, 4.0])
    assert seqlock.read(10**9)[2] == (3.0, 4.0)
