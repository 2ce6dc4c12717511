# cython: language_level=3, boundscheck=False, wraparound=False
"""A bounded queue between processes: one producer or many, one consumer, nothing lost in silence.

host.hotpath.ring is the other kind: its writer never waits, and a reader that is slow loses messages and
learns how many. Here a producer is told FULL, which is counted, and decides what to do.

    cell n % cells     word: lap << 10 | member << 2 | FREE, WRITING, WRITTEN or ABANDONED
                       word: length in bytes, then the bytes

As in the pool one atomic step decides: the cell's state goes from FREE of this lap to WRITING by its
producer. Head and tail only say where to look; whoever finds the tail behind moves it on, so nobody waits
for a producer that was stopped in the middle. Only the consumer waits for it (UNFINISHED), because order
is kept; when that producer is dead, `heal` marks its cell ABANDONED and the consumer goes on.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from host.hotpath.atomics cimport bot4_add, bot4_cas, bot4_load, bot4_store, bot4_word
from host.hotpath.segment cimport Segment

from host import outcomes, segments

cdef enum:
    FREE = 0
    WRITING = 1
    WRITTEN = 2
    ABANDONED = 3
    KIND = 3
    MEMBER_BITS = 2
    MEMBER = 0xFF
    STATE_BITS = 10
    CELL_HEAD_WORDS = 2

cdef Py_ssize_t W_DATA = segments.W_DATA
cdef Py_ssize_t W_REFUSED = segments.W_REFUSED
cdef Py_ssize_t W_ABANDONED = segments.W_ABANDONED
cdef Py_ssize_t W_CONSUMER = segments.W_CONSUMER
cdef Py_ssize_t W_HEAD = segments.W_HEAD
cdef Py_ssize_t W_TAIL = segments.W_TAIL
cdef int R_FULL = outcomes.FULL
cdef int R_EMPTY = outcomes.EMPTY
cdef int TOO_LONG = outcomes.TOO_LONG
cdef int UNFINISHED = outcomes.UNFINISHED
cdef int NOT_THE_CONSUMER = outcomes.NOT_THE_CONSUMER
cdef int NOT_A_MEMBER = outcomes.NOT_A_MEMBER


def plan(cells, message_bytes):
    """Return the words of a whole queue."""
    return W_DATA + cells * (CELL_HEAD_WORDS + message_bytes // 8)


cdef class Queue(Segment):
    """One member's view of a queue; `host.queues` makes and attaches them."""

    def __init__(self, buffer):
        super().__init__(buffer, segments.KIND_QUEUE, 0)
        if self.items == 0 or self.items & (self.items - 1) or self.item_bytes % 8:
            raise segments.SegmentError(outcomes.BAD_SIZE, f"{self.items} cells of {self.item_bytes} bytes")
        if plan(self.items, self.item_bytes) != self._words.count:
            raise segments.SegmentError(outcomes.CUT_SHORT, f"{self._words.count} words")
        self._cells = self.base + W_DATA
        self._cell_words = CELL_HEAD_WORDS + self.item_bytes // 8
        self._lap_bits = (<object> self.items).bit_length() - 1
        self._room = bytearray(self.item_bytes)
        self.join()

    def push(self, bytes message not None):
        """Append a message; return 0, or minus a code of host.outcomes and nothing was appended."""
        return -self.put(PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message))

    def pop(self):
        """Return (0, the next message), or (minus a code of host.outcomes, no bytes).

        The first member that takes is the consumer until it closes or dies.
        """
        cdef uint64_t length = 0
        cdef char *room = PyByteArray_AS_STRING(self._room)
        cdef int code = self.get(room, &length)
        return -code, PyBytes_FromStringAndSize(room, length)

    @property
    def refused(self):
        """How many messages were not taken because the consumer was behind: the back-pressure."""
        return bot4_load(self.base + W_REFUSED)

    @property
    def abandoned(self):
        """How many messages their producers did not live to finish."""
        return bot4_load(self.base + W_ABANDONED)

    @property
    def taken(self):
        """How many cells the consumer has passed."""
        return bot4_load(self.base + W_HEAD)

    cdef int put(self, const char *data, uint64_t length) noexcept nogil:
        cdef uint64_t tail, lap, state
        cdef volatile bot4_word *cell
        if not self.member:
            return NOT_A_MEMBER
        if length > self.item_bytes:
            return TOO_LONG
        while True:  # each turn that is not the last means that another producer got on
            tail = bot4_load(self.base + W_TAIL)
            lap = tail >> self._lap_bits
            cell = self._cells + (tail & (self.items - 1)) * self._cell_words
            state = bot4_load(cell)
            if state == lap << STATE_BITS:
                if bot4_cas(cell, state, state | <uint64_t> self.member << MEMBER_BITS | WRITING):
                    break
            elif state >> STATE_BITS >= lap:  # taken, or even passed: the tail is behind
                bot4_cas(self.base + W_TAIL, tail, tail + 1)
            elif tail == bot4_load(self.base + W_TAIL):
                bot4_add(self.base + W_REFUSED, 1)
                return R_FULL
        bot4_cas(self.base + W_TAIL, tail, tail + 1)
        bot4_store(cell + 1, length)
        memcpy(<void *> (cell + CELL_HEAD_WORDS), data, length)
        bot4_store(cell, state | <uint64_t> self.member << MEMBER_BITS | WRITTEN)
        return 0

    cdef int get(self, char *data, uint64_t *length) noexcept nogil:
        cdef uint64_t head, lap, state, found
        cdef volatile bot4_word *cell
        if not self.member:
            return NOT_A_MEMBER
        if not self._consumes():
            return NOT_THE_CONSUMER
        while True:
            head = bot4_load(self.base + W_HEAD)
            lap = head >> self._lap_bits
            cell = self._cells + (head & (self.items - 1)) * self._cell_words
            state = bot4_load(cell)
            if state >> STATE_BITS == lap + 1:  # a consumer before us was killed in _free
                bot4_store(self.base + W_HEAD, head + 1)
            elif state >> STATE_BITS != lap or state & KIND == FREE:
                return R_EMPTY
            elif state & KIND == WRITING:
                return UNFINISHED
            elif state & KIND == ABANDONED:
                bot4_add(self.base + W_ABANDONED, 1)
                self._free(head)
            else:
                found = bot4_load(cell + 1)
                length[0] = found if found <= self.item_bytes else self.item_bytes
                memcpy(data, <void *> (cell + CELL_HEAD_WORDS), length[0])
                self._free(head)
                return 0

    cdef bint _consumes(self) noexcept nogil:
        return (bot4_load(self.base + W_CONSUMER) == <uint64_t> self.member
                or bot4_cas(self.base + W_CONSUMER, 0, self.member))

    cdef void _free(self, uint64_t head) noexcept nogil:
        cdef uint64_t lap = head >> self._lap_bits
        bot4_store(self._cells + (head & (self.items - 1)) * self._cell_words, (lap + 1) << STATE_BITS)
        bot4_store(self.base + W_HEAD, head + 1)

    cdef uint64_t left_by(self, int member) noexcept nogil:
        cdef uint64_t at, state, count = 0
        cdef volatile bot4_word *cell
        for at in range(self.items):
            cell = self._cells + at * self._cell_words
            state = bot4_load(cell)
            if state & KIND == WRITING and (state >> MEMBER_BITS & MEMBER) == <uint64_t> member:
                count += bot4_cas(cell, state, state | ABANDONED)
        bot4_cas(self.base + W_CONSUMER, member, 0)
        return count
