from libc.stdint cimport int64_t, uint64_t

from host.hotpath.atomics cimport bot4_word
from host.hotpath.segment cimport Segment


cdef class ObjectPool(Segment):
    cdef volatile bot4_word *_full
    cdef volatile bot4_word *_taken
    cdef volatile bot4_word *_states
    cdef char *_records
    cdef uint64_t _words_of_full
    cdef uint64_t _words_of_taken
    cdef uint64_t _cursor
    cdef readonly object records

    cdef int64_t take(self) noexcept nogil
    cdef int give(self, int64_t handle) noexcept nogil
    cdef int holds(self, int64_t handle) noexcept nogil
    cdef void *at(self, int64_t handle) noexcept nogil
    cdef int64_t _take_in(self, uint64_t word) noexcept nogil
    cdef int64_t _search(self) noexcept nogil
    cdef void _free(self, uint64_t index) noexcept nogil
