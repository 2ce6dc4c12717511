# cython: language_level=3, boundscheck=False, wraparound=False
"""The gate of a backtest: it permits as the other does, and what passes stays in this process.

There is no descriptor that it writes to, so no order can leave through it, whatever it is told.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from host.hotpath.atomics cimport bot4_add, bot4_now_ns, bot4_store
from host.hotpath.gate cimport Gate
from host.hotpath.ordertext cimport REQUEST_BYTES
from host.hotpath.wal cimport Wal
from host.hotpath.words cimport Words

from host import layout, refusals

cdef enum:
    ROOM = 64  # requests that wait to be taken
cdef int R_SENT = refusals.SENT
cdef int R_BLOCKED = refusals.WOULD_BLOCK
cdef uint64_t MOST_LEASE_NS = layout.MOST_LEASE_NS
cdef Py_ssize_t W_LEASE = layout.GUARD_LEASE_NS
cdef Py_ssize_t W_SENT = layout.ENGINE_SENT
cdef Py_ssize_t W_REFUSED = layout.ENGINE_REFUSED


cdef class SimGate(Gate):
    """guard, engine -- pages of this process alone; levels -- HALT, at index 0.

    Raises PermissionError when the guard's page cannot be written: no guard is behind it.
    """

    cdef char _data[ROOM][REQUEST_BYTES]
    cdef size_t _length[ROOM]
    cdef int _waiting

    def __init__(self, Words guard not None, Words engine not None, Words levels not None):
        super().__init__(guard, engine, levels=levels)
        if not guard.writable:
            raise PermissionError("a backtest has a guard's page of its own")

    def taken(self):
        """Return the requests that have passed since the last time."""
        found = [self._data[place][:self._length[place]] for place in range(self._waiting)]
        self._waiting = 0
        return found

    cdef int post(self, int fd, const char *data, size_t length, int intent, uint64_t token,
                  Wal wal) noexcept nogil:
        cdef int code = self._permit(intent, token)
        if code == R_SENT and (self._waiting == ROOM or length > REQUEST_BYTES):
            code = R_BLOCKED
        if code == R_SENT:
            memcpy(self._data[self._waiting], data, length)
            self._length[self._waiting] = length
            self._waiting += 1
        bot4_add(self._engine.base + (W_SENT if code == R_SENT else W_REFUSED), 1)
        return code

    cdef int _permit(self, int intent, uint64_t token) noexcept nogil:
        # The lease is by the machine's clock, and nobody renews it in a backtest.
        bot4_store(self._guard.base + W_LEASE, bot4_now_ns() + MOST_LEASE_NS)
        return Gate._permit(self, intent, token)
