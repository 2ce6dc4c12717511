# cython: language_level=3, boundscheck=False, wraparound=False
"""64-bit words in shared memory, read and written with sequentially consistent atomics."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

from host.hotpath.atomics cimport bot4_add, bot4_load, bot4_now_ns, bot4_store, bot4_word


def now_ns():
    """Return CLOCK_MONOTONIC in nanoseconds, as the gate reads it."""
    return bot4_now_ns()


cdef class Words:
    """The words of one buffer (an mmap). `writable=False` asks for a read-only view.

    Raises BufferError when a writable view of read-only memory is asked for, ValueError
    when the buffer is not made of whole aligned words, IndexError outside of it.
    """

    def __cinit__(self, buffer, bint writable=False):
        PyObject_GetBuffer(buffer, &self._view, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        self._held = True  # the view keeps the buffer's owner
        self.writable = writable
        self.base = <volatile bot4_word *> self._view.buf
        self.count = self._view.len // 8
        if self._view.len % 8 or <size_t> self._view.buf % 8:
            PyBuffer_Release(&self._view)
            self._held = False
            raise ValueError("shared memory is not made of whole aligned 64-bit words")

    def __dealloc__(self):
        if self._held:
            PyBuffer_Release(&self._view)

    def load(self, Py_ssize_t index):
        """Return word `index`."""
        self.check(index)
        return bot4_load(self.base + index)

    def store(self, Py_ssize_t index, unsigned long long value):
        """Set word `index`; only the writer of the page may."""
        self.check(index)
        if not self.writable:
            raise PermissionError("this page belongs to another writer")
        bot4_store(self.base + index, value)

    def add(self, Py_ssize_t index, unsigned long long value):
        """Add to word `index`, wrapping at 64 bits; return the value before."""
        self.check(index)
        if not self.writable:
            raise PermissionError("this page belongs to another writer")
        return bot4_add(self.base + index, value)

    cdef int check(self, Py_ssize_t index) except -1:
        if index < 0 or index >= self.count:
            raise IndexError(f"word {index} of {self.count}")
        return 0
