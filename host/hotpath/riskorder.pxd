"""What the compiled checks are asked, for other compiled code."""

from libc.stdint cimport int64_t

from host.hotpath.riskmemory cimport Order

cdef struct World:
    int64_t now_ns
    int64_t open_orders
    double share
    double last_price
    double data_age_s
    double position
    double open_buy
    double open_sell
    double others_value
    double equity
    double var_share
    double cvar_share
    double forecast_age_s
    double others_var
    double others_cvar


cdef class Proposal:
    cdef readonly str id
    cdef Order order


cdef class Facts:
    cdef World world


cdef Py_ssize_t text(str given, char *place, Py_ssize_t most)
cdef double real(given) except? -1.0
cdef int64_t whole(given) except? -1
