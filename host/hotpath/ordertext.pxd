"""Orders as the venue reads them, written into a buffer that is there already."""

from libc.stdint cimport int64_t

cdef enum:
    REQUEST_BYTES = 320
    # The longest number below: 19 digits, point and sign.
    NUMBER_BYTES = 24
    MOST_DECIMALS = 8

cdef double[MOST_DECIMALS + 1] TENS


cdef class Serial:
    cdef public int64_t last


cdef int put_number(char *place, int64_t units, int decimals) noexcept nogil
cdef int price_units(double price, int64_t *units) noexcept nogil
