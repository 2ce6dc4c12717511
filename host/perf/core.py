"""What the compiled core costs: pools, decision, seqlock, queue, ring.

Limits are the blueprint's: pool acquire and release alone p99 <= 100 ns, from 2 and 4 processes
p50 <= 150 ns, decision p99 <= 200 ns, 5 million internal operations a second.
"""

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection

from host import layout, pools, queues, shm
from host.decisions import Thresholds
from host.hotpath.corebench import (
    decisions,
    empty,
    operations,
    pool_exhausted,
    pool_fill,
    pool_pairs,
    queue_pairs,
    seqlock_reads,
    seqlock_writes,
)
from host.hotpath.decision import Decision
from host.hotpath.pool import ObjectPool
from host.hotpath.seqlock import Seqlock
from host.perf.judging import call_ns, judge
from host.perf.timing import Row, empty_batches, python_batches

BATCHES = 20_000
POOL_NS, SHARED_POOL_NS, DECISION_NS, OPERATIONS_M_PER_S = 100.0, 150.0, 200.0, 5.0
FORECAST = (0.01, 0.02, 0.5)
MESSAGE = b"x" * 300  # about as long as an event in JSON
FAR_NS = 1 << 62

context = multiprocessing.get_context("fork")


def rows(batches: int = BATCHES) -> list[Row]:
    """Measure. Raises RuntimeError when a call did not do its work, OSError without memory."""
    compiled_loop, python_loop = empty(batches), empty_batches(batches)
    fd, orders = pools.create(*pools.SIZES["orders"], shared=True, prefault=True)
    small_fd, small = pools.create(pools.ORDER, 64, shared=True)
    found = [
        judge("empty loop, compiled", call_ns(compiled_loop, ())),
        judge("empty loop, from Python", call_ns(python_loop, ())),
        *pool_rows(orders, compiled_loop, python_loop, batches),
        *(
            shared_pool_row(fd, "acquire + release", processes, batches, SHARED_POOL_NS)
            for processes in (2, 4)
        ),
        *(shared_pool_row(small_fd, "of one word", processes, batches) for processes in (2, 4)),
        *tick_rows(compiled_loop),
        *decision_rows(orders, compiled_loop, python_loop, batches),
        *message_rows(compiled_loop, python_loop, batches),
    ]
    orders.close()
    small.close()
    os.close(fd)
    os.close(small_fd)
    return found


def pool_rows(
    pool: ObjectPool, compiled_loop: list[int], python_loop: list[int], batches: int
) -> list[Row]:
    """One process alone."""

    def pair() -> None:
        pool.release(pool.acquire())

    compiled = call_ns(pool_pairs(pool, batches), compiled_loop)
    return [
        judge("pool acquire + release", compiled, limit=POOL_NS),
        judge("pool acquire + release, from Python",
              call_ns(python_batches(pair, (), batches), python_loop)),
    ]  # fmt: skip


def shared_pool_row(
    fd: int, where: str, processes: int, batches: int, limit_ns: float | None = None
) -> Row:
    """Several processes at once, each with batches of its own.

    In a pool of 64 slots they fight for the same word all the time: the worst that can be. That is
    told and has no limit: it is the time in which two cores hand a cache line to and fro.
    """
    children = []
    for _process in range(processes):
        ours, theirs = context.Pipe()
        child = context.Process(target=pairs, args=(theirs, fd, batches), daemon=True)
        child.start()
        theirs.close()
        children.append((child, ours))
    values: list[float] = []
    try:
        for _child, pipe in children:
            pipe.recv()
        for _child, pipe in children:
            pipe.send("go")
        for _child, pipe in children:
            values += call_ns(*pipe.recv())
    except EOFError:
        raise RuntimeError("a process of the measurement has died") from None
    for child, _pipe in children:
        child.join()
    what = f"pool {where}, {processes} processes"
    return judge(what, values, limit=limit_ns, judged="p50")


def pairs(pipe: Connection, fd: int, batches: int) -> None:
    """The work of one process: tell when ready, wait for the start, send (batches, empty loop)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends us
    with pools.attach(fd, pools.ORDER) as pool:
        loop = empty(batches)
        pipe.send("ready")
        pipe.recv()
        pipe.send((pool_pairs(pool, batches), loop))


def tick_rows(compiled_loop: list[int]) -> list[Row]:
    """The largest pool: its memory, filled to the last slot, and asked for one more."""
    dtype, slots = pools.SIZES["ticks"]
    _fd, pool = pools.create(dtype, slots)
    batches = slots // 64
    return [
        judge("tick pool of 10,000,000", [len(pool.buffer) / 1e6], "MB", 400.0, "max"),
        judge("tick acquire, fresh memory",
              call_ns(pool_fill(pool, batches), compiled_loop)),
        judge("tick acquire when exhausted", call_ns(pool_exhausted(pool, 200), ())),
    ]  # fmt: skip


def decision_rows(
    pool: ObjectPool, compiled_loop: list[int], python_loop: list[int], batches: int
) -> list[Row]:
    """Decision and seqlock, and both with a pool as the engine uses them."""
    page = shm.create(layout.KIND_MODELLER, "perf-forecast")
    seqlock = Seqlock(page.words, layout.FORECAST, len(layout.FORECAST_FIELDS))
    now_ns = time.monotonic_ns()
    seqlock.publish(FORECAST, now_ns)
    decision = Decision(Thresholds(0.2, 0.05, 0.3, 0.1))
    inputs = (*FORECAST, 0.0, 0)
    worked = operations(pool, decision, seqlock, now_ns, batches)
    per_s = [1e3 / max(ns, 1e-3) for ns in call_ns(worked, compiled_loop)]
    found = [
        judge("decision", call_ns(decisions(decision, batches), compiled_loop),
              limit=DECISION_NS),
        judge("decision, from Python",
              call_ns(python_batches(decision, inputs, batches), python_loop)),
        judge("internal operations", per_s, "M/s", OPERATIONS_M_PER_S, "p50", at_least=True),
        judge("forecast read",
              call_ns(seqlock_reads(seqlock, now_ns, batches), compiled_loop)),
        judge("forecast read, from Python",
              call_ns(python_batches(seqlock.read, (FAR_NS,), batches), python_loop)),
        judge("forecast write",
              call_ns(seqlock_writes(seqlock, now_ns, batches), compiled_loop)),
    ]  # fmt: skip
    page.close()
    return found


def message_rows(compiled_loop: list[int], python_loop: list[int], batches: int) -> list[Row]:
    """The queue, and the ring that the recorder reads."""
    _fd, queue = queues.create(1024, 32)
    page = shm.create(layout.KIND_ENGINE, "perf-ring")
    found = [
        judge("queue push + pop, 32 bytes",
              call_ns(queue_pairs(queue, batches), compiled_loop)),
        judge("ring push from Python, 300 bytes",
              call_ns(python_batches(page.ring.push, (MESSAGE,), batches), python_loop)),
    ]  # fmt: skip
    page.close()
    return found
