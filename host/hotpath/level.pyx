# cython: language_level=3, boundscheck=False, wraparound=False
"""One line's level read, and one line driven high, from compiled code without the GIL.

Both work on descriptors of the kernel's GPIO character device (uAPI v2, linux/gpio.h), or on what
stands in for it on a bench: a page of levels to read, a socket that takes a record to drive.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_load
from host.hotpath.words cimport Words

cdef extern from "<sys/ioctl.h>" nogil:
    int ioctl(int fd, unsigned long request, void *argument)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send" (int fd, const void *data, size_t length, int flags)
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL

cdef extern from "<linux/gpio.h>" nogil:
    unsigned long GPIO_V2_LINE_GET_VALUES_IOCTL
    unsigned long GPIO_V2_LINE_SET_VALUES_IOCTL
    struct gpio_v2_line_values:
        uint64_t bits
        uint64_t mask


cdef class Level:
    """The level of one input.

    fd -- a GPIO line request with the line as its bit 0, or
    words, index -- a page of levels, one word a line
    """

    def __init__(self, int fd=-1, Words words=None, Py_ssize_t index=0):
        if (fd < 0) == (words is None):
            raise ValueError("the HALT level needs one way to be read, and only one")
        if words is not None:
            words.check(index)
        self._fd, self._words, self._index = fd, words, index

    def read(self):
        """Return 1 for high, 0 for low, -1 when the level cannot be read."""
        return self.look()

    cdef int look(self) noexcept nogil:
        cdef gpio_v2_line_values values
        if self._fd < 0:
            return bot4_load(self._words.base + self._index) == 1
        values.bits = 0
        values.mask = 1
        if ioctl(self._fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) != 0:
            return -1
        return values.bits & 1


cdef class Drive:
    """Drives one output high.

    fd -- a GPIO line request with the line as its bit 0, or with
    record -- a bench's socket, and what it must be sent
    """

    def __init__(self, int fd, bytes record not None=b""):
        self._fd, self._record = fd, record
        self._data, self._length = PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)

    cdef int high(self) noexcept nogil:
        """Return 0, or -1 when it could not be driven."""
        cdef gpio_v2_line_values values
        cdef ssize_t sent
        if self._length:
            sent = c_send(self._fd, self._data, self._length, MSG_DONTWAIT | MSG_NOSIGNAL)
            return 0 if sent == self._length else -1
        values.bits = values.mask = 1
        return 0 if ioctl(self._fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) == 0 else -1
