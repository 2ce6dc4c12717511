from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_word
from host.hotpath.segment cimport Segment


cdef class Queue(Segment):
    cdef volatile bot4_word *_cells
    cdef uint64_t _cell_words
    cdef int _lap_bits
    cdef bytearray _room

    cdef int put(self, const char *data, uint64_t length) noexcept nogil
    cdef int get(self, char *data, uint64_t *length) noexcept nogil
    cdef bint _consumes(self) noexcept nogil
    cdef void _free(self, uint64_t head) noexcept nogil
