# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Numbers of an order as text: decimal, exact, and the same as host.engine.port.plain writes.

A decimal is whole `units` of 10^-decimals. A price is written with as few decimals as say it exactly
as a double, at least one and at most eight: the shortest text that reads back as the same double.
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>

    /* number * scale to the nearest whole one, halves to the even one, as Python rounds. Exact: the
       mantissa times 10^8 has 80 bits, which no floating type of every machine keeps. */
    static inline int64_t whole_units(double number, int64_t scale)
    {
        int exponent;
        unsigned __int128 product = (unsigned __int128)(int64_t)ldexp(frexp(number, &exponent), 53);
        int shift = 53 - exponent;
        unsigned __int128 rest, half;
        product *= (unsigned __int128)scale;
        if (shift > 126)
            return 0;
        rest = product & (((unsigned __int128)1 << shift) - 1);
        half = (unsigned __int128)1 << (shift - 1);
        product >>= shift;
        return (int64_t)product + (rest > half || (rest == half && (product & 1)));
    }
    """
    int64_t whole_units(double number, int64_t scale) noexcept nogil

# What the venue takes behind the point.
PRICE_DECIMALS = MOST_DECIMALS
# Above it 10^8 units of a price are no longer exact as a double.
MOST_PRICE = 9e7
cdef double LARGEST = MOST_PRICE
TENS[:] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]


cdef class Serial:
    """The number of the last order id of this run, shared by everything that makes ids."""


def price_text(double price):
    """Return a price as text, or None for one that is not from 0 to MOST_PRICE."""
    cdef char room[NUMBER_BYTES]
    cdef int64_t units
    cdef int decimals = price_units(price, &units)
    if decimals < 0:
        return None
    return room[:put_number(room, units, decimals)].decode("ascii")


cdef int put_number(char *place, int64_t units, int decimals) noexcept nogil:
    """Write units of 10^-decimals (not negative); return the length."""
    cdef char digits[NUMBER_BYTES]
    cdef int at = NUMBER_BYTES, written = 0
    while units or written <= decimals:
        if written == decimals and decimals:
            at -= 1
            digits[at] = 46  # the point
        at -= 1
        digits[at] = 48 + <char> (units % 10)
        units //= 10
        written += 1
    memcpy(place, digits + at, NUMBER_BYTES - at)
    return NUMBER_BYTES - at


cdef int price_units(double price, int64_t *units) noexcept nogil:
    """Return the decimals and set the units, or return -1 for a price that is out of bounds."""
    cdef double rounded
    cdef int decimals
    if not 0 <= price <= LARGEST:
        return -1
    rounded = <double> whole_units(price, <int64_t> TENS[MOST_DECIMALS]) / TENS[MOST_DECIMALS]
    for decimals in range(1, MOST_DECIMALS):
        units[0] = whole_units(rounded, <int64_t> TENS[decimals])
        if fabs(<double> units[0] / TENS[decimals] - rounded) == 0:
            return decimals
    units[0] = whole_units(rounded, <int64_t> TENS[MOST_DECIMALS])
    return MOST_DECIMALS
