from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_word


cdef class Segment:
    cdef object __weakref__
    cdef readonly object buffer
    cdef readonly uint64_t items
    cdef readonly uint64_t item_bytes
    cdef readonly int member
    cdef object _words
    cdef volatile bot4_word *base
    cdef uint64_t left_by(self, int member) noexcept nogil
