from libc.stdint cimport uint64_t

from host.hotpath.words cimport Words

cdef enum:
    MOST_VALUES = 16


cdef class Seqlock:
    cdef Words _words
    cdef Py_ssize_t _first
    cdef readonly int count
    cdef int look(self, uint64_t now_ns, uint64_t most_age_ns, double *values,
                  uint64_t *age_ns) noexcept nogil
    cdef void put(self, uint64_t now_ns, const double *values) noexcept nogil
