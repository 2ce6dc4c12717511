cdef class Decision:
    cdef double _enter_edge, _exit_edge, _enter_signal, _most_sigma
    cdef bint _may_short
    cdef int decide(self, double expected_return, double sigma, double signal, double position,
                    long long mode) noexcept nogil
