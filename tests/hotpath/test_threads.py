"""Threads on one mapping: the same races as between processes, where a thread sanitizer sees them.

`make sanitize` runs this file on instrumented builds; nothing in it takes the GIL while it races.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from host.hotpath.pool import ObjectPool
from host.hotpath.queue import Queue
from host.hotpath.ring import Ring
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words

from host import layout, pools, segments
from host.hotpath import corebench
from host.hotpath import pool as pool_module
from host.hotpath import queue as queue_module

PAIRS = int(os.environ.get("BOT4_THREAD_PAIRS", "100000"))
THREADS = 4


def heap_pool(slots: int) -> bytearray:
    """A pool in memory of the heap, where an address sanitizer knows the end of it."""
    dtype = pools.SIGNAL
    buffer = bytearray(8 * pool_module.plan(slots, dtype.itemsize)[-1])
    header = (segments.KIND_POOL, slots, dtype.itemsize, segments.digest(dtype), len(buffer))
    segments.finish(buffer, header)
    return buffer


def heap_queue(cells: int, message_bytes: int) -> bytearray:
    buffer = bytearray(8 * queue_module.plan(cells, message_bytes))
    header = (segments.KIND_QUEUE, cells, message_bytes, 0, len(buffer))
    segments.finish(buffer, header)
    return buffer


def test_pool() -> None:
    for slots in (70, 5000):
        buffer = heap_pool(slots)
        views = [ObjectPool(buffer, pools.SIGNAL) for _ in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as executor:
            jobs = [
                executor.submit(corebench.churn, view, PAIRS, 64, seed)
                for seed, view in enumerate(views)
            ]
            assert [job.result()[:2] for job in jobs] == [(0, 0)] * THREADS
        assert views[0].owned() == {}
        assert len({views[0].acquire() & 0xFFFFFF for _ in range(slots)}) == slots


def test_queue() -> None:
    buffer = heap_queue(64, 16)
    queue, *producers = (Queue(buffer) for _ in range(THREADS))
    with ThreadPoolExecutor(THREADS) as executor:
        count = len(producers)
        drained = executor.submit(corebench.drain, queue, count, count * PAIRS // 4)
        for number, producer in enumerate(producers):
            executor.submit(corebench.cross, producer, PAIRS // 4, number)
        assert drained.result()[0] == 0


def test_seqlock() -> None:
    words = Words(bytearray(64 * 8), True)
    seqlock = Seqlock(words, 8, 3)
    seqlock.publish([0.5, 0.5, 0.5])
    now_ns = time.monotonic_ns()
    with ThreadPoolExecutor(THREADS) as executor:
        jobs = [executor.submit(corebench.seqlock_writes, seqlock, now_ns, PAIRS // 64)]
        readers = [Seqlock(words, 8, 3) for _ in range(2)]
        jobs += [executor.submit(reads, reader, now_ns) for reader in readers]
        assert all(job.result() for job in jobs)


def reads(seqlock: Seqlock, now_ns: int) -> bool:
    for _read in range(PAIRS // 64):
        code, _age_ns, values = seqlock.read(2**62, now_ns)
        assert code != 0 or values == (0.5, 0.5, 0.5)
    return True


def test_ring() -> None:
    words = Words(bytearray(8 * (layout.RING_FIRST_WORD + 4 * layout.SLOT_WORDS)), True)
    ring = Ring(words, layout.RING_HEAD, layout.RING_FIRST_WORD, 4)
    with ThreadPoolExecutor(2) as executor:
        written = executor.submit(lambda: [ring.push(b"%0600d" % n) for n in range(PAIRS // 20)])
        at = lost = seen = 0
        while at < PAIRS // 20:
            messages, at, more = ring.read(at)
            lost, seen = lost + more, seen + len(messages)
            assert all(len(message) == 600 for message in messages)
        written.result()
    assert lost + seen == PAIRS // 20
