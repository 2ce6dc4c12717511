from libc.stdint cimport int64_t, uint64_t

from host.hotpath.decision cimport Decision
from host.hotpath.features cimport Features
from host.hotpath.gate cimport Gate
from host.hotpath.ordertext cimport REQUEST_BYTES, Serial
from host.hotpath.riskcheck cimport RiskCheck
from host.hotpath.riskmemory cimport Order
from host.hotpath.riskorder cimport World
from host.hotpath.seqlock cimport Seqlock
from host.hotpath.wal cimport Wal

cdef enum:
    PREFIX_BYTES = 48
    ID_BYTES = 80


cdef class Pipeline:
    cdef readonly Features features
    cdef readonly RiskCheck checks
    cdef Gate _gate
    cdef Serial _serial
    cdef Wal _wal
    cdef Decision _decision
    cdef Seqlock _forecast
    cdef uint64_t _forecast_age_ns
    cdef Order _order
    cdef World _world
    cdef double _cash
    cdef double _capital
    cdef double _most_value
    cdef double _factor
    cdef bint _by_hand
    cdef double _least_edge
    cdef double _order_value
    cdef double _lot
    cdef int64_t _lot_units
    cdef int _lot_decimals
    cdef int64_t _tick_units
    cdef int _tick_decimals
    cdef double _least
    cdef double _least_value
    cdef int64_t _held_lots
    cdef int64_t _seen_ns
    cdef readonly int64_t lots
    cdef readonly uint64_t epoch
    cdef char _prefix[PREFIX_BYTES]
    cdef int _prefix_length
    cdef char _request[REQUEST_BYTES]
    cdef int _request_length

    cdef void take(self, double price, int64_t now_ns) noexcept nogil
    cdef int act(self, int fd, bint ready, int64_t now_ns) noexcept nogil
    cdef int64_t _wanted(self, uint64_t mode) noexcept nogil
    cdef bint _aim(self, double share, int64_t *target) noexcept nogil
    cdef bint _write(self, bint opens) noexcept nogil
