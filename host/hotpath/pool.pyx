# cython: language_level=3, boundscheck=False, wraparound=False
"""A pool of pre-allocated records: acquire and release without a lock, a wait or an allocation.

    state of a slot     word: generation << 8 | member that owns it, 0 when it is free
    taken               one bit a slot
    full                one bit a word of `taken`
    handle              generation << 24 | index of the slot

One atomic step decides who owns a slot: its state goes from free to owned by compare-and-swap. The bits
only say where to look. The owner sets its bit after that step and clears it before it frees the slot,
so a free slot always shows as free, wherever a process is killed: there is no moment at which a slot
belongs to nobody. Nothing is linked, so a slot that was taken and freed meanwhile (ABA) confuses
nobody, and the generation tells a handle of today from one of before. A generation counts to 2^39 in
a handle before it begins anew.

A bit may be set for a slot that is free for the moment between two steps of another member. So a
search that ends with EXHAUSTED means that no free slot was found, not that there was none at any instant.
"""

from libc.stdint cimport int64_t, uint64_t

from host.hotpath.atomics cimport (bot4_add, bot4_and, bot4_cas, bot4_load, bot4_lowest, bot4_or,
                                   bot4_word)
from host.hotpath.segment cimport Segment

import numpy as np

from host import outcomes, segments

cdef enum:
    OWNER_BITS = 8
    OWNER = 0xFF
    INDEX_BITS = 24
    INDEX = 0xFFFFFF
    LINE_WORDS = 8  # a cache line
cdef uint64_t GENERATION = (1 << 39) - 1
cdef uint64_t ALL = <uint64_t> -1
cdef uint64_t ONE = 1

MOST_SLOTS = INDEX
cdef Py_ssize_t W_DATA = segments.W_DATA
cdef Py_ssize_t W_REFUSED = segments.W_REFUSED
cdef int EXHAUSTED = outcomes.EXHAUSTED
cdef int GIVEN_BACK = outcomes.GIVEN_BACK
cdef int FOREIGN_SLOT = outcomes.FOREIGN_SLOT
cdef int NO_SUCH_SLOT = outcomes.NO_SUCH_SLOT
cdef int NOT_A_MEMBER = outcomes.NOT_A_MEMBER


def plan(slots, record_bytes):
    """Return the word at which each part begins, and the words of all: full, taken, states, records, end."""
    taken = -(-slots // 64)
    parts, end = [], W_DATA
    for words in (-(-taken // 64), taken, slots, slots * record_bytes // 8):
        parts.append(end)
        end += -(-words // LINE_WORDS) * LINE_WORDS
    return (*parts, end)


cdef class ObjectPool(Segment):
    """One member's view of a pool; `host.pools` makes and attaches them.

    records -- all slots as a NumPy structured array over the same memory
    """

    def __init__(self, buffer, dtype):
        super().__init__(buffer, segments.KIND_POOL, segments.digest(dtype))
        if self.item_bytes != <uint64_t> dtype.itemsize or not 0 < self.items <= INDEX:
            raise segments.SegmentError(outcomes.OTHER_RECORD, f"{self.items} of {self.item_bytes} bytes")
        full, taken, states, records, end = plan(self.items, self.item_bytes)
        if end != self._words.count:
            raise segments.SegmentError(outcomes.CUT_SHORT, f"{self._words.count} words, not {end}")
        self._full, self._taken = self.base + <Py_ssize_t> full, self.base + <Py_ssize_t> taken
        self._states = self.base + <Py_ssize_t> states
        self._records = <char *> (self.base + <Py_ssize_t> records)
        self._words_of_taken = (self.items + 63) // 64
        self._words_of_full = (self._words_of_taken + 63) // 64
        self.records = np.frombuffer(buffer, dtype, self.items, 8 * records)
        self.join()
        # Members begin apart from each other, so that they do not fight for the same words.
        self._cursor = (self.member - 1) * 17 * LINE_WORDS % self._words_of_taken

    def acquire(self):
        """Return the handle of a slot that is now ours, above 0, or minus a code of host.outcomes."""
        return self.take()

    def release(self, int64_t handle):
        """Give a slot back; return 0, or minus a code of host.outcomes and nothing has changed."""
        return -self.give(handle)

    def check(self, int64_t handle):
        """Return 0 when the slot is ours under this handle, else minus a code of host.outcomes."""
        return -self.holds(handle)

    @staticmethod
    def index(int64_t handle):
        """Return where in `records` the slot of a handle is."""
        return handle & INDEX

    @property
    def refused(self):
        """How often any member found no free slot."""
        return bot4_load(self.base + W_REFUSED)

    def owned(self):
        """Return {member: slots that it owns}. Looks at every slot; not for the hot path."""
        cdef uint64_t slots[OWNER + 1]
        cdef uint64_t index
        for index in range(<uint64_t> OWNER + 1):
            slots[index] = 0
        with nogil:
            for index in range(self.items):
                slots[bot4_load(self._states + index) & OWNER] += 1
        return {member: slots[member] for member in range(1, <int> OWNER + 1) if slots[member]}

    cdef int64_t take(self) noexcept nogil:
        cdef int64_t handle
        if not self.member:
            return -NOT_A_MEMBER
        handle = self._take_in(self._cursor)
        return handle if handle else self._search()

    cdef int give(self, int64_t handle) noexcept nogil:
        cdef uint64_t index = handle & INDEX
        cdef uint64_t state
        cdef int code = self.holds(handle)
        if code:
            return code
        state = bot4_load(self._states + index)
        self._free(index)
        if not bot4_cas(self._states + index, state, state & ~<uint64_t> OWNER):
            return GIVEN_BACK
        self._cursor = index >> 6
        return 0

    cdef int holds(self, int64_t handle) noexcept nogil:
        cdef uint64_t index = handle & INDEX
        cdef uint64_t state
        if not self.member:
            return NOT_A_MEMBER
        if handle <= INDEX or index >= self.items:
            return NO_SUCH_SLOT
        state = bot4_load(self._states + index)
        if (state >> OWNER_BITS & GENERATION) != <uint64_t> handle >> INDEX_BITS:
            return GIVEN_BACK
        if (state & OWNER) != <uint64_t> self.member:
            return FOREIGN_SLOT if state & OWNER else GIVEN_BACK
        return 0

    cdef void *at(self, int64_t handle) noexcept nogil:
        """Return the record of a handle that `take` gave."""
        return self._records + (handle & INDEX) * self.item_bytes

    cdef int64_t _take_in(self, uint64_t word) noexcept nogil:
        """Take a slot of this word of `taken`; 0 when none is free."""
        cdef uint64_t free = ~bot4_load(self._taken + word)
        cdef uint64_t index, state, generation, bit
        while free:
            index = word * 64 + <uint64_t> bot4_lowest(free)
            if index >= self.items:
                return 0
            state = bot4_load(self._states + index)
            if not state & OWNER:
                generation = (state >> OWNER_BITS) + 1
                generation += not generation & GENERATION  # no handle is without a generation
                if bot4_cas(self._states + index, state, generation << OWNER_BITS | <uint64_t> self.member):
                    bit = free & -free
                    if (bot4_or(self._taken + word, bit) | bit) == ALL:
                        bot4_or(self._full + (word >> 6), ONE << (word & 63))
                        if bot4_load(self._taken + word) != ALL:  # freed meanwhile: it is not full
                            bot4_and(self._full + (word >> 6), ~(ONE << (word & 63)))
                    self._cursor = word
                    return <int64_t> ((generation & GENERATION) << INDEX_BITS | index)
            free &= free - 1
        return 0

    cdef int64_t _search(self) noexcept nogil:
        """Take a slot anywhere, one pass over all words that are not full from the cursor on."""
        cdef uint64_t start = self._cursor >> 6
        cdef uint64_t step, at, open_words, word
        cdef int64_t handle
        for step in range(self._words_of_full):
            at = start + step
            if at >= self._words_of_full:
                at -= self._words_of_full
            open_words = ~bot4_load(self._full + at)
            while open_words:
                word = at * 64 + <uint64_t> bot4_lowest(open_words)
                if word >= self._words_of_taken:
                    break
                handle = self._take_in(word)
                if handle:
                    return handle
                open_words &= open_words - 1
        bot4_add(self.base + W_REFUSED, 1)
        return -EXHAUSTED

    cdef void _free(self, uint64_t index) noexcept nogil:
        """Show a slot as free; its state follows."""
        cdef uint64_t word = index >> 6
        bot4_and(self._taken + word, ~(ONE << (index & 63)))
        if bot4_load(self._full + (word >> 6)) & ONE << (word & 63):
            bot4_and(self._full + (word >> 6), ~(ONE << (word & 63)))

    cdef uint64_t left_by(self, int member) noexcept nogil:
        cdef uint64_t index, state, count = 0
        for index in range(self.items):
            state = bot4_load(self._states + index)
            if (state & OWNER) == <uint64_t> member:
                self._free(index)
                if bot4_cas(self._states + index, state, state & ~<uint64_t> OWNER):
                    count += 1
        # The dead may have marked a word as full and not looked again.
        for index in range(self._words_of_full):
            if bot4_load(self._full + index):
                bot4_and(self._full + index, 0)
        return count
