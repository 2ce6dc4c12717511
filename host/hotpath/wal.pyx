# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The writing end of the journal (host.execution.journal): one entry before each order that leaves.

    words 0-2      magic, version, slots: never changed once the file is there
    slot n % slots word: n + 1 when complete, 0 while being written
                   word: kind << 32 | length;  word: CRC-32 of number, that word and the bytes
                   the bytes

Memory of a file: what is stored here survives this process, whenever it is killed. Nothing waits.
"""

import zlib

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from host.hotpath.atomics cimport bot4_copy_in, bot4_store, bot4_word
from host.hotpath.words cimport Words

SLOT_BYTES = 512
HEAD_BYTES = 512
cdef enum:
    SLOT_WORDS = 64
    HEAD_WORDS = 64
    SLOT_DATA = 488
    # Orders that open or reduce leave this part of the slots to the ladder's, and to what ends orders.
    RESERVED = 8
MOST_BYTES = SLOT_DATA
INTENT = WAL_INTENT

# CRC-32 of zlib, eight bytes a step.
cdef uint32_t[8][256] TABLE
cdef int _i, _j
for _i in range(256):
    TABLE[0][_i] = <uint32_t> (zlib.crc32(bytes([_i])) ^ zlib.crc32(b"\0"))
for _j in range(1, 8):
    for _i in range(256):
        TABLE[_j][_i] = (TABLE[_j - 1][_i] >> 8) ^ TABLE[0][TABLE[_j - 1][_i] & 0xFF]


cdef uint32_t crc32(uint32_t before, const char *data, size_t length) noexcept nogil:
    cdef uint32_t crc = ~before
    cdef uint64_t eight
    while length >= 8:
        memcpy(&eight, data, 8)
        eight ^= crc
        crc = (TABLE[7][eight & 0xFF] ^ TABLE[6][eight >> 8 & 0xFF]
               ^ TABLE[5][eight >> 16 & 0xFF] ^ TABLE[4][eight >> 24 & 0xFF]
               ^ TABLE[3][eight >> 32 & 0xFF] ^ TABLE[2][eight >> 40 & 0xFF]
               ^ TABLE[1][eight >> 48 & 0xFF] ^ TABLE[0][eight >> 56])
        data += 8
        length -= 8
    while length:
        crc = (crc >> 8) ^ TABLE[0][(crc ^ <unsigned char> data[0]) & 0xFF]
        data += 1
        length -= 1
    return ~crc


cdef class Wal:
    """One writer's view of the journal's memory.

    head -- number of the next entry; floor -- of the first that is still needed
    """

    def __init__(self, Words words not None, uint64_t slots, uint64_t head, uint64_t floor):
        if slots < 2 or floor > head or head - floor > slots:
            raise ValueError(f"a journal of {slots} slots from {floor} to {head}")
        if not words.writable:
            raise PermissionError("the journal is written: its memory must be writable")
        words.check(HEAD_WORDS + <Py_ssize_t> slots * SLOT_WORDS - 1)
        self._words, self.slots, self.head, self.floor = words, slots, head, floor

    def append(self, uint64_t kind, bytes data not None):
        """Write one entry; False when there is no room for it, or it is longer than MOST_BYTES."""
        return self.write(kind, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), True)

    cdef bint write(self, uint64_t kind, const char *data, size_t length, bint last) noexcept nogil:
        """Write one entry; `last` says that it may take the slots that are kept free."""
        cdef uint64_t reserve = 0 if last else self.slots // RESERVED
        cdef volatile bot4_word *slot
        cdef uint64_t[2] head
        if length > SLOT_DATA or self.head - self.floor + reserve >= self.slots:
            return False
        slot = self._words.base + HEAD_WORDS + (self.head % self.slots) * SLOT_WORDS
        head[0], head[1] = self.head, kind << 32 | length
        bot4_store(slot, 0)
        bot4_store(slot + 1, head[1])
        bot4_store(slot + 2, crc32(crc32(0, <const char *> head, sizeof(head)), data, length))
        bot4_copy_in(slot + 3, data, length)
        self.head += 1
        bot4_store(slot, self.head)
        return True

    cdef void retract(self) noexcept nogil:
        """Take the last entry back: what it is of has not left."""
        self.head -= 1
        bot4_store(self._words.base + HEAD_WORDS + (self.head % self.slots) * SLOT_WORDS, 0)
