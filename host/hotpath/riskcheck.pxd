"""What compiled code needs to call the pre-trade checks."""

from libc.stdint cimport int64_t

from host.hotpath.riskmemory cimport Memory, Name, Order
from host.hotpath.riskorder cimport World
from host.hotpath.riskwindow cimport Window

cdef enum:
    MOST_NAMES = 64

cdef struct Names:
    bint any
    int count
    Name name[MOST_NAMES]

# Limits as numbers; one that was loosened is infinite.
cdef struct Rails:
    double order_value
    double order_quantity
    double position
    double open_orders
    double open_value
    double strategy
    double account
    double loss
    double collar
    double price_window
    double messages
    double orders
    double executions
    double data_age_s
    double var
    double cvar
    double exposure
    double drawdown
    double forecast_age_s
    int64_t duplicate_ns


cdef class RiskCheck:
    cdef Rails _rails
    cdef Names _restricted
    cdef Names _authorised
    cdef int64_t _latest_ns
    cdef bint _lost
    cdef bint _drawn
    cdef double _peak
    cdef bint _repeated
    cdef Window _prices
    cdef Window _equity
    cdef Window _messages
    cdef Window _orders
    cdef Window _executions
    cdef Memory _sent

    cdef void look(self, double paid, double worth, int64_t now_ns) noexcept nogil
    cdef int64_t tick(self, int64_t now_ns) noexcept nogil
    cdef int pass_all(self, const Order *order, const World *world) noexcept nogil
    cdef int _identity(self, const Order *order, int64_t now_ns) noexcept nogil
    cdef int _price(self, const Order *order, const World *world) noexcept nogil
    cdef int _rate(self, bint opens, int64_t now_ns) noexcept nogil
    cdef int _size(self, const Order *order, const World *world) noexcept nogil
    cdef int _risk(self, const Order *order, const World *world) noexcept nogil
    cdef double _worst(self, const Order *order, const World *world) noexcept nogil
    cdef void count_sent(self, const Order *order, int64_t now_ns) noexcept nogil
