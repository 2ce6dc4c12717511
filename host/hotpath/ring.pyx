# cython: language_level=3, boundscheck=False, wraparound=False
"""A ring of messages in the writer's own page: one writer, any number of readers.

Readers map the page read-only, so nothing they do can stop the writer; a reader that falls
behind by more than the ring finds out by the numbers, and says how many it lost.

    word `head`            number of messages ever written
    slot n % slots         word: n + 1 when complete, 0 while being written
                           word: length in bytes, then the bytes
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport (bot4_copy_in, bot4_copy_out, bot4_load, bot4_store, bot4_word)
from host.hotpath.words cimport Words

SLOT_BYTES = 1024
cdef enum:
    SLOT_WORDS = 128
    SLOT_DATA = 1008


cdef class Ring:
    """View of the ring that begins at word `first` of `words` and has `slots` slots."""

    cdef Words _words
    cdef Py_ssize_t _head
    cdef Py_ssize_t _first
    cdef uint64_t _slots

    def __init__(self, Words words, Py_ssize_t head, Py_ssize_t first, unsigned long long slots):
        words.check(head)
        words.check(first + <Py_ssize_t> slots * SLOT_WORDS - 1)
        self._words = words
        self._head = head
        self._first = first
        self._slots = slots

    cdef volatile bot4_word *_slot(self, uint64_t number):
        return self._words.base + self._first + (number % self._slots) * SLOT_WORDS

    @property
    def head(self):
        """Number of messages ever written."""
        return bot4_load(self._words.base + self._head)

    def push(self, bytes message):
        """Append one message of at most 1008 bytes; never waits for a reader.

        Raises ValueError when it is longer, PermissionError when the page is not ours.
        """
        cdef Py_ssize_t length = PyBytes_GET_SIZE(message)
        if length > SLOT_DATA:
            raise ValueError(f"a ring message has {length} bytes, at most {SLOT_DATA} fit")
        if not self._words.writable:
            raise PermissionError("this page belongs to another writer")
        cdef uint64_t number = bot4_load(self._words.base + self._head)
        cdef volatile bot4_word *slot = self._slot(number)
        bot4_store(slot, 0)
        bot4_store(slot + 1, length)
        bot4_copy_in(slot + 2, PyBytes_AS_STRING(message), length)
        bot4_store(slot, number + 1)
        bot4_store(self._words.base + self._head, number + 1)

    def read(self, unsigned long long number, Py_ssize_t most=256):
        """Return (messages, next number, lost) from message `number` on.

        `lost` counts messages that were overwritten before they could be read.
        """
        cdef uint64_t head = bot4_load(self._words.base + self._head)
        cdef uint64_t lost = 0
        cdef volatile bot4_word *slot
        cdef uint64_t length
        messages = []
        if number > head:
            raise ValueError(f"reader is at {number}, the ring only at {head}")
        if head - number > self._slots:
            lost = head - number - self._slots
            number += lost
        while number < head and len(messages) < most:
            slot = self._slot(number)
            length = bot4_load(slot + 1)
            if bot4_load(slot) != number + 1 or length > SLOT_DATA:
                lost += 1
                number += 1
                continue
            message = PyBytes_FromStringAndSize(NULL, length)
            bot4_copy_out(PyBytes_AS_STRING(message), slot + 2, length)
            if bot4_load(slot) == number + 1:
                messages.append(message)
            else:
                lost += 1
            number += 1
        return messages, number, lost
