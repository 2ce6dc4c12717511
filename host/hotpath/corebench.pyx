# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Loops over the core in compiled code, timed, for `bot4 perf`.

Each returns the nanoseconds of every batch of 64 calls; what it needs is made before. RuntimeError
when a call did not do what is measured.
"""

from libc.stdint cimport int64_t, uint64_t

from host.hotpath.atomics cimport bot4_now_ns, bot4_peek, bot4_word
from host.hotpath.decision cimport Decision
from host.hotpath.pool cimport ObjectPool
from host.hotpath.queue cimport Queue
from host.hotpath.seqlock cimport MOST_VALUES, Seqlock

from host import outcomes

cdef enum:
    BATCH = 64
    MESSAGE_BYTES = 32
cdef int R_EXHAUSTED = outcomes.EXHAUSTED


def empty(int batches):
    """The loop around one look at a word of its own."""
    cdef bot4_word word = 0
    cdef uint64_t began_ns
    cdef int batch, call
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                bot4_peek(&word)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return taken


def pool_pairs(ObjectPool pool not None, int batches):
    """Acquire and release of one slot."""
    cdef uint64_t began_ns, failed = 0
    cdef int batch, call
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                failed |= pool.give(pool.take())
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def pool_fill(ObjectPool pool not None, int batches):
    """Acquire without release, slot after slot over fresh memory, and one write to each record."""
    cdef uint64_t began_ns, failed = 0
    cdef int batch, call
    cdef int64_t handle
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                handle = pool.take()
                if handle > 0:
                    (<uint64_t *> pool.at(handle))[0] = handle
                else:
                    failed = 1
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def pool_exhausted(ObjectPool pool not None, int batches):
    """An acquire that finds nothing."""
    cdef uint64_t began_ns, failed = 0
    cdef int batch, call
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                failed |= pool.take() != -R_EXHAUSTED
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def decisions(Decision decision not None, int batches):
    """One decision; the inputs change from call to call."""
    cdef uint64_t began_ns, failed = 0
    cdef int batch, call
    cdef double step
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                step = (call & 31) * 0.03125
                failed |= decision.decide(step * 0.01, 0.02, step, <double> (call & 1), 0) < 0
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def operations(ObjectPool pool not None, Decision decision not None, Seqlock forecast not None,
               uint64_t now_ns, int batches):
    """What the engine does inside itself: forecast read, decision, record acquired, filled, released."""
    cdef uint64_t began_ns, age_ns, failed = 0
    cdef int batch, call, action
    cdef int64_t handle
    cdef double values[MOST_VALUES]
    cdef double *record
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                failed |= forecast.look(now_ns, <uint64_t> -1, values, &age_ns)
                action = decision.decide(values[0], values[1], values[2], <double> (call & 1), 0)
                handle = pool.take()
                if handle < 0 or action < 0:
                    failed = 1
                    break
                record = <double *> pool.at(handle)
                record[0], record[1], record[2] = values[0], values[1], action
                failed |= pool.give(handle)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def seqlock_reads(Seqlock forecast not None, uint64_t now_ns, int batches):
    """One read of all values; the time is given."""
    cdef uint64_t began_ns, age_ns, failed = 0
    cdef int batch, call
    cdef double values[MOST_VALUES]
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                failed |= forecast.look(now_ns, <uint64_t> -1, values, &age_ns)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


def seqlock_writes(Seqlock forecast not None, uint64_t now_ns, int batches):
    """One write of all values; the time is given."""
    cdef uint64_t began_ns
    cdef int batch, call
    cdef double values[MOST_VALUES]
    for call in range(MOST_VALUES):
        values[call] = 0.5
    taken = []
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                forecast.put(now_ns, values)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return taken


def queue_pairs(Queue queue not None, int batches):
    """A push and a pop of 32 bytes."""
    cdef uint64_t began_ns, length = 0, failed = 0
    cdef int batch, call
    cdef char message[MESSAGE_BYTES]
    for call in range(MESSAGE_BYTES):
        message[call] = call
    taken = []
    if queue.item_bytes != MESSAGE_BYTES:
        raise ValueError(f"messages of {MESSAGE_BYTES} bytes are measured")
    for batch in range(batches):
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                failed |= queue.put(message, MESSAGE_BYTES)
                failed |= queue.get(message, &length)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    return done(taken, failed)


cdef list done(list taken, uint64_t failed):
    if failed:
        raise RuntimeError("a call of the measurement did not do its work")
    return taken
