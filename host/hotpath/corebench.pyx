# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Loops over the core in compiled code: timed ones for `bot4 perf`, and `churn` for the stress tests.

The timed ones return the nanoseconds of every batch of 64 calls; what they need is made before.
RuntimeError when a call did not do what is measured.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from host.hotpath.atomics cimport bot4_cas, bot4_now_ns, bot4_peek, bot4_store, bot4_word
from host.hotpath.decision cimport Decision
from host.hotpath.pool cimport ObjectPool
from host.hotpath.queue cimport Queue
from host.hotpath.seqlock cimport MOST_VALUES, Seqlock

from host import outcomes

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef enum:
    BATCH = 64
    MOST_HELD = 4096
    MESSAGE_BYTES = 32
    MOST_MESSAGE_WORDS = 8192
    MOST_PRODUCERS = 64
cdef int R_EXHAUSTED = outcomes.EXHAUSTED


def empty(int batches):
    """The loop around one look at a word of its own."""
    cdef bot4_word word
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


def churn(ObjectPool pool not None, long long pairs, int most_held, unsigned long long seed):
    """Take and give back at random, holding up to `most_held` slots; return what was wrong.

    Who takes a slot writes a token of its own into the first word, and must find it there when it gives
    the slot back; the second word is written plainly, for a thread sanitizer to look at. Answers
    (slots that somebody else had too, releases refused, acquisitions that found nothing).
    """
    cdef int64_t held[MOST_HELD]
    cdef uint64_t tokens[MOST_HELD]
    cdef int count = 0, at
    cdef uint64_t doubled = 0, refused = 0, exhausted = 0, random = seed * 2 + 1
    cdef uint64_t token = <uint64_t> pool.member << 56
    cdef long long pair = 0
    cdef int64_t handle
    cdef bot4_word *words
    if not 0 < most_held <= MOST_HELD or pool.item_bytes < 16:
        raise ValueError(f"1 to {MOST_HELD} slots of 16 bytes and more")
    with nogil:
        while pair < pairs or count:
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            if pair < pairs and (count == 0 or (count < most_held and random & 1)):
                pair += 1
                handle = pool.take()
                if handle < 0:
                    exhausted += 1
                    continue
                words = <bot4_word *> pool.at(handle)
                token += 1
                bot4_store(words, token)
                (<uint64_t *> words)[1] = token
                held[count], tokens[count] = handle, token
                count += 1
                continue
            at = <int> ((random >> 20) % <uint64_t> count)
            words = <bot4_word *> pool.at(held[at])
            doubled += not bot4_cas(words, tokens[at], 0) or (<uint64_t *> words)[1] != tokens[at]
            refused += pool.give(held[at]) != 0
            count -= 1
            held[at], tokens[at] = held[count], tokens[count]
    return doubled, refused, exhausted


def cross(Queue queue not None, long long messages, unsigned long long producer):
    """Push `messages` numbered messages, as long as fit; return how often the queue was full."""
    cdef uint64_t message[MOST_MESSAGE_WORDS]
    cdef uint64_t full = 0
    cdef long long number = 0
    fitting(queue)
    memset(message, 0, queue.item_bytes)
    message[0] = producer
    with nogil:
        while number < messages:
            message[1] = number
            if queue.put(<char *> message, queue.item_bytes):
                full += 1
                sched_yield()
            else:
                number += 1
    return full


def drain(Queue queue not None, int producers, long long messages):
    """Pop until `messages` have come; return (messages out of their producer's order, times empty)."""
    cdef uint64_t message[MOST_MESSAGE_WORDS]
    cdef uint64_t following[MOST_PRODUCERS]
    cdef uint64_t length = 0, wrong = 0, idle = 0
    cdef long long seen = 0
    fitting(queue)
    if not 0 < producers <= MOST_PRODUCERS:
        raise ValueError(f"1 to {MOST_PRODUCERS} producers")
    memset(following, 0, sizeof(following))
    with nogil:
        while seen < messages:
            if queue.get(<char *> message, &length):
                idle += 1
                sched_yield()
                continue
            seen += 1
            if (length != queue.item_bytes or message[0] >= <uint64_t> producers
                    or message[1] != following[message[0]]):
                wrong += 1
                continue
            following[message[0]] += 1
    return wrong, idle


cdef fitting(Queue queue):
    if not 16 <= queue.item_bytes <= 8 * MOST_MESSAGE_WORDS:
        raise ValueError(f"messages of 16 to {8 * MOST_MESSAGE_WORDS} bytes")
