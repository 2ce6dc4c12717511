"""The gate, for compiled code that has built its request itself."""

from libc.stdint cimport uint64_t

from host.hotpath.level cimport Level
from host.hotpath.wal cimport Wal
from host.hotpath.words cimport Words


cdef class Gate:
    cdef Words _guard
    cdef Words _engine
    cdef Level _halt

    cdef int post(self, int fd, const char *data, size_t length, int intent,
                  uint64_t token, Wal wal) noexcept nogil
    cdef uint64_t mode_word(self) noexcept nogil
    cdef int _permit(self, int intent, uint64_t token) noexcept nogil
