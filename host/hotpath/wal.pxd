"""The write-ahead log, for the gate."""

from libc.stdint cimport uint64_t

from host.hotpath.words cimport Words

cdef enum:
    WAL_INTENT = 1


cdef class Wal:
    cdef Words _words
    cdef readonly uint64_t slots
    cdef public uint64_t head
    cdef public uint64_t floor

    cdef bint write(self, uint64_t kind, const char *data, size_t length, bint last) noexcept nogil
    cdef void retract(self) noexcept nogil
