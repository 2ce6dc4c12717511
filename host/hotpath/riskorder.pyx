# cython: language_level=3, boundscheck=False, wraparound=False
"""What the compiled checks are asked: orders and facts from Python in plain C structs."""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from libc.math cimport NAN
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t
from libc.string cimport memcpy

from host.hotpath.riskmemory cimport ID_CHARS, NAME_CHARS, Order

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    const char *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1


cdef class Proposal:
    """An order before it is one. `side` is +1 to buy, -1 to sell; quantity in base units.

    What does not fit into the fields is kept as something that the check refuses.
    """

    def __cinit__(self, str id not None, str strategy not None, str instrument not None, side,
                  quantity, price, bint opens):
        cdef Order *order = &self.order
        self.id = id
        order.id.length = text(id, order.id.text, ID_CHARS)
        order.strategy.length = text(strategy, order.strategy.text, NAME_CHARS)
        order.instrument.length = text(instrument, order.instrument.text, NAME_CHARS)
        cdef int64_t way = whole(side)
        order.side = <int> way if way == 1 or way == -1 else 0
        order.quantity = real(quantity)
        order.price = real(price)
        order.opens = opens

    @property
    def side(self):
        """+1 to buy, -1 to sell, 0 when it was neither."""
        return self.order.side


cdef class Facts:
    """The world at the moment of the check: fields as in host.engine.checks.order.Facts."""

    def __cinit__(self, now_ns, share, last_price, data_age_s, position, open_buy, open_sell,
                  open_orders, others_value, equity, var_share, cvar_share, forecast_age_s,
                  others_var, others_cvar):
        cdef World *world = &self.world
        world.now_ns = whole(now_ns)
        world.share = real(share)
        world.last_price = real(last_price)
        world.data_age_s = real(data_age_s)
        world.position = real(position)
        world.open_buy = real(open_buy)
        world.open_sell = real(open_sell)
        world.open_orders = whole(open_orders)
        world.others_value = real(others_value)
        world.equity = real(equity)
        world.var_share = real(var_share)
        world.cvar_share = real(cvar_share)
        world.forecast_age_s = real(forecast_age_s)
        world.others_var = real(others_var)
        world.others_cvar = real(others_cvar)


cdef Py_ssize_t text(str given, char *place, Py_ssize_t most):
    """Copy ASCII text of at most `most` characters; return its length, or 0 when it is not such."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(given)
    if length > most or not PyUnicode_IS_ASCII(given):
        return 0
    memcpy(place, PyUnicode_1BYTE_DATA(given), length)
    return length


cdef double real(given) except? -1.0:
    """Return a number as a double, NaN when it is too large for one. Raises TypeError for others."""
    if PyFloat_CheckExact(given):
        return PyFloat_AS_DOUBLE(given)
    try:
        return given
    except OverflowError:
        return NAN


cdef int64_t whole(given) except? -1:
    """Return an integer in 64 bits, or the nearest that is one. Raises TypeError for others."""
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(given, &overflow)
    if overflow:
        return INT64_MAX if overflow > 0 else INT64_MIN
    return number
