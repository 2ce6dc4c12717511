# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Work for many processes and threads at once that finds out whether the core keeps its word."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from host.hotpath.atomics cimport bot4_cas, bot4_store, bot4_word
from host.hotpath.pool cimport ObjectPool
from host.hotpath.queue cimport Queue

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef enum:
    MOST_HELD = 4096
    MOST_MESSAGE_WORDS = 8192
    MOST_PRODUCERS = 64


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
