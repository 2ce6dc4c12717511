# cython: language_level=3, boundscheck=False, wraparound=False
"""The gate: the last thing that every order passes, at the socket write itself.

    slot := busy;  if permitted(intent): journal, send;  slot := free

The slot's store and the mode's load are sequentially consistent, and so are the guard's store
of the mode and its load of the slot. So whichever comes first, either the guard sees the
busy slot and waits with ACK, or the gate sees EMERGENCY and does not send.

An order is in the write-ahead log before it is on its way, so whoever comes after this process knows
what may have left; one that certainly has not left is taken back. Cancels need no entry.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport (EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EINTR, EMSGSIZE, ENOBUFS, ENOMEM,
                         ENOTCONN, EPIPE, errno)
from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_add, bot4_load, bot4_now_ns, bot4_store, bot4_word
from host.hotpath.level cimport Level
from host.hotpath.wal cimport WAL_INTENT, Wal
from host.hotpath.words cimport Words

from host import layout, modes, refusals

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send" (int fd, const void *data, size_t length, int flags)
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL

# The tables are Python; the hot path reads C copies of them, made once at import.
cdef enum:
    MODES = 4
    INTENTS = 4
cdef bint PERMITTED[MODES][INTENTS]
for _mode in range(MODES):
    for _intent in range(INTENTS):
        PERMITTED[_mode][_intent] = modes.permitted(_mode, _intent)

cdef int CANCEL = modes.Intent.CANCEL
cdef int LIQUIDATE = modes.Intent.LIQUIDATE
cdef int R_SENT = refusals.SENT
cdef int R_MODE = refusals.MODE
cdef int R_LEASE = refusals.LEASE
cdef int R_HALT_LOW = refusals.HALT_LOW
cdef int R_LEVEL = refusals.LEVEL_UNREADABLE
cdef int R_INTENT = refusals.UNKNOWN_INTENT
cdef int R_TOKEN = refusals.NO_TOKEN
cdef int R_CORRUPT = refusals.MODE_CORRUPT
cdef int R_BLOCKED = refusals.WOULD_BLOCK
cdef int R_FAILED = refusals.SEND_FAILED
cdef int R_UNKNOWN = refusals.OUTCOME_UNKNOWN
cdef int R_JOURNAL = refusals.JOURNAL_FULL

cdef uint64_t MOST_LEASE_NS = layout.MOST_LEASE_NS
cdef Py_ssize_t W_MODE = layout.GUARD_MODE
cdef Py_ssize_t W_LEASE = layout.GUARD_LEASE_NS
cdef Py_ssize_t W_TOKEN = layout.GUARD_LADDER_TOKEN
cdef Py_ssize_t W_SLOT = layout.ENGINE_SLOT
cdef Py_ssize_t W_SENT = layout.ENGINE_SENT
cdef Py_ssize_t W_REFUSED = layout.ENGINE_REFUSED


cdef int outcome(ssize_t sent, size_t length) noexcept nogil:
    """Say what became of a send: an error that is not known to come before anything left is unknown."""
    if sent >= 0:
        return R_SENT if <size_t> sent == length else R_UNKNOWN
    if errno == EAGAIN or errno == EINTR:
        return R_BLOCKED
    if errno in (EPIPE, ECONNRESET, ECONNREFUSED, ENOTCONN, EBADF, EMSGSIZE, ENOBUFS, ENOMEM):
        return R_FAILED
    return R_UNKNOWN


cdef class Gate:
    """One engine's gate.

    guard -- the guard's page, read-only
    engine -- the engine's own page, writable
    level_fd -- duplicate of the guard's request descriptor for HALT (GPIO character device), or
    levels, level_index -- a page of line levels, where the bench stands in for the device
    """

    def __init__(self, Words guard not None, Words engine not None, int level_fd=-1,
                 Words levels=None, Py_ssize_t level_index=0):
        guard.check(W_TOKEN)
        engine.check(W_REFUSED)
        if not engine.writable:
            raise PermissionError("the gate writes its slot: the engine's page must be writable")
        self._guard = guard
        self._engine = engine
        self._halt = Level(level_fd, levels, level_index)

    def permit(self, int intent, unsigned long long token=0):
        """Return refusals.SENT when `intent` would pass now, else why not; sends nothing."""
        return self._permit(intent, token)

    def send(self, int fd, bytes request not None, int intent, unsigned long long token=0,
             Wal wal=None):
        """Send one complete request on `fd` if it is permitted; return a code of host.refusals.

        The socket must keep message bounds (SEQPACKET), so that a request leaves whole or not.
        wal -- where it is written down before
        """
        cdef const char *data = PyBytes_AS_STRING(request)
        cdef size_t length = PyBytes_GET_SIZE(request)
        cdef int code
        with nogil:
            code = self.post(fd, data, length, intent, token, wal)
        return code

    cdef int post(self, int fd, const char *data, size_t length, int intent,
                  uint64_t token, Wal wal) noexcept nogil:
        cdef volatile bot4_word *slot = self._engine.base + W_SLOT
        cdef bint written = False
        cdef int code
        bot4_store(slot, 1)
        code = self._permit(intent, token)
        if code == R_SENT and wal is not None and intent != CANCEL:
            written = wal.write(WAL_INTENT, data, length, intent == LIQUIDATE)
            # What ends an emergency goes without an entry rather than not at all.
            if not written and intent != LIQUIDATE:
                code = R_JOURNAL
        if code == R_SENT:
            code = outcome(c_send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL), length)
            if written and code != R_SENT and code != R_UNKNOWN:
                wal.retract()
        bot4_store(slot, 0)
        bot4_add(self._engine.base + (W_SENT if code == R_SENT else W_REFUSED), 1)
        return code

    cdef uint64_t mode_word(self) noexcept nogil:
        return bot4_load(self._guard.base + W_MODE)

    cdef int _permit(self, int intent, uint64_t token) noexcept nogil:
        cdef uint64_t word, mode, wanted
        cdef int level
        if intent < 0 or intent >= INTENTS:
            return R_INTENT
        if intent == CANCEL:  # nothing may ever stand between a cancel and the venue
            return R_SENT
        word = bot4_load(self._guard.base + W_MODE)
        mode = word & 0xFF
        if mode >= MODES or word & 0xFFFF0000u:
            return R_CORRUPT
        if not PERMITTED[mode][intent]:
            return R_MODE
        if intent == LIQUIDATE:
            wanted = bot4_load(self._guard.base + W_TOKEN)
            return R_SENT if wanted != 0 and token == wanted else R_TOKEN
        # Unsigned: a lease that has run out is far above the longest, like one too far ahead.
        if bot4_load(self._guard.base + W_LEASE) - bot4_now_ns() > MOST_LEASE_NS:
            return R_LEASE
        level = self._halt.look()
        return R_SENT if level == 1 else R_HALT_LOW if level == 0 else R_LEVEL
