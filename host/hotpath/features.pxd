from libc.stdint cimport int64_t


cdef class Features:
    cdef readonly int64_t rows
    cdef readonly double last
    cdef readonly double fast
    cdef readonly double slow
    cdef readonly double variance
    cdef double _to_fast
    cdef double _to_slow
    cdef double _to_variance
    cdef int64_t _warm_up

    cdef void take(self, double price) noexcept nogil
    cdef double trend(self) noexcept nogil
    cdef double gap(self) noexcept nogil
