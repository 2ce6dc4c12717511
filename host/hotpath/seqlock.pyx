# cython: language_level=3, boundscheck=False, wraparound=False
"""A few numbers with their time, from the one writer of a page to any number of readers.

    word 0     sequence: odd while being written; 0 before the first time
    word 1     CLOCK_MONOTONIC in ns when it was written
    word 2-    the values, as doubles

A reader never waits for the writer: it tries again a bounded number of times and then says TORN, also when
the writer was killed in the middle.
"""

from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport (bot4_copy_in, bot4_copy_out, bot4_load_acquire, bot4_now_ns,
                                   bot4_peek, bot4_poke, bot4_store_release, bot4_word)
from host.hotpath.words cimport Words

from host import outcomes

cdef enum:
    TRIES = 64  # about a microsecond; who writes a few words is done long before
    HEAD_WORDS = 2

cdef int NEVER_WRITTEN = outcomes.NEVER_WRITTEN
cdef int TORN = outcomes.TORN
cdef int TOO_OLD = outcomes.TOO_OLD
cdef int FROM_THE_FUTURE = outcomes.FROM_THE_FUTURE


cdef class Seqlock:
    """View of `count` values (1 to 16) at word `first` of a page; 2 words more than values.

    Raises ValueError on another count, IndexError when the page ends before.
    """

    def __init__(self, Words words not None, Py_ssize_t first, int count):
        if not 0 < count <= MOST_VALUES:
            raise ValueError(f"{count} values: from 1 to {MOST_VALUES}")
        words.check(first)
        words.check(first + HEAD_WORDS + count - 1)
        self._words, self._first, self.count = words, first, count

    def publish(self, values, unsigned long long now_ns=0):
        """Write all values at once; `now_ns` 0 takes the clock.

        Raises ValueError on another number of them, PermissionError when the page is not ours.
        """
        cdef double room[MOST_VALUES]
        cdef int at
        if len(values) != self.count:
            raise ValueError(f"{len(values)} values, not {self.count}")
        if not self._words.writable:
            raise PermissionError("this page belongs to another writer")
        for at in range(self.count):
            room[at] = values[at]
        self.put(now_ns if now_ns else bot4_now_ns(), room)

    def read(self, unsigned long long most_age_ns, unsigned long long now_ns=0):
        """Return (0, age in ns, values), or (minus a code of host.outcomes, age or 0, ())."""
        cdef double room[MOST_VALUES]
        cdef uint64_t age_ns = 0
        cdef int code = self.look(now_ns, most_age_ns, room, &age_ns)
        return -code, age_ns, () if code else tuple([room[at] for at in range(self.count)])

    cdef void put(self, uint64_t now_ns, const double *values) noexcept nogil:
        cdef volatile bot4_word *base = self._words.base + self._first
        cdef uint64_t sequence = bot4_peek(base)
        sequence += 1 + (sequence & 1)  # odd already: an earlier write was cut off
        bot4_poke(base, sequence)
        bot4_copy_in(base + 1, &now_ns, 8)
        bot4_copy_in(base + HEAD_WORDS, values, 8 * self.count)
        bot4_store_release(base, sequence + 1)

    cdef int look(self, uint64_t now_ns, uint64_t most_age_ns, double *values,
                  uint64_t *age_ns) noexcept nogil:
        cdef volatile bot4_word *base = self._words.base + self._first
        cdef uint64_t sequence, written_ns = 0
        cdef int tries
        for tries in range(TRIES):
            sequence = bot4_load_acquire(base)
            if sequence == 0:
                return NEVER_WRITTEN
            if sequence & 1:
                continue
            bot4_copy_out(&written_ns, base + 1, 8)
            bot4_copy_out(values, base + HEAD_WORDS, 8 * self.count)
            if bot4_peek(base) == sequence:
                break
        else:
            return TORN
        if not now_ns:
            now_ns = bot4_now_ns()
        if written_ns > now_ns:
            return FROM_THE_FUTURE
        age_ns[0] = now_ns - written_ns
        return TOO_OLD if age_ns[0] > most_age_ns else 0
