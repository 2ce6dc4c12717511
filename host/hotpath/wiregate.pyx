# cython: language_level=3, boundscheck=False, wraparound=False
"""The gate for a TCP connection: an order counts as sent once the other end's kernel has it.

    slot += 1;  if permitted: send all, or reset;  until the send queue is empty: look;  slot -= 1

On a Unix socket a request has arrived when send returns. On TCP it lies in the send queue, perhaps
behind a lost packet, and the kernel goes on sending it by itself, also when the process has ended. So
the slot stays taken until the other end has acknowledged every byte. A thread without the GIL looks at
it; what may no longer leave meanwhile (the mode, the lease, HALT) is reset, and the queue with it: the
order's outcome is unknown then, and the slot is free. Should the guard end this process instead, then the
kernel resets the connection too (SO_LINGER with 0 s while a slot is taken).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_add, bot4_load, bot4_now_ns, bot4_store, bot4_word
from host.hotpath.gate cimport Gate

from host import layout, modes, refusals

cdef extern from "<sys/socket.h>" nogil:
    struct sockaddr:
        unsigned short sa_family
    struct linger:
        int l_onoff
        int l_linger
    ssize_t c_send "send" (int fd, const void *data, size_t length, int flags)
    int c_connect "connect" (int fd, const sockaddr *address, unsigned int length)
    int setsockopt(int fd, int level, int option, const void *value, unsigned int length)
    enum:
        AF_UNSPEC
        MSG_DONTWAIT
        MSG_NOSIGNAL
        SOL_SOCKET
        SO_LINGER

cdef extern from "<sys/ioctl.h>" nogil:
    int ioctl(int fd, unsigned long request, void *argument)

cdef extern from "<linux/sockios.h>" nogil:
    enum:
        SIOCOUTQ

cdef extern from "<unistd.h>" nogil:
    int c_dup "dup" (int fd)
    int c_close "close" (int fd)

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int count, int flags)
    int eventfd_read(int fd, uint64_t *count)
    int eventfd_write(int fd, uint64_t count)
    enum:
        EFD_CLOEXEC

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int nanosleep(const timespec *wanted, timespec *left)

cdef extern from "<sys/prctl.h>" nogil:
    enum:
        PR_SET_TIMERSLACK
    int prctl(int option, unsigned long value)

cdef enum:
    MOST_WAITING = 32
    LOOK_NS = 50000  # a tenth of what the guard waits for a slot
    SLACK_NS = 1000

cdef int CANCEL = modes.Intent.CANCEL
cdef int R_SENT = refusals.SENT
cdef int R_BLOCKED = refusals.WOULD_BLOCK
cdef int R_FAILED = refusals.SEND_FAILED
cdef Py_ssize_t W_SLOT = layout.ENGINE_SLOT
cdef Py_ssize_t W_SENT = layout.ENGINE_SENT
cdef Py_ssize_t W_REFUSED = layout.ENGINE_REFUSED

cdef struct Waiting:
    bot4_word taken
    int fd  # a duplicate: the number cannot become another connection's
    int intent
    uint64_t token
    uint64_t until_ns


cdef class WireGate(Gate):
    """A Gate whose requests go out on TCP.

    drain_ms -- how long the other end may leave an order unacknowledged before the connection is reset
    """

    cdef Waiting _waiting[MOST_WAITING]
    cdef uint64_t _drain_ns
    cdef int _wake
    cdef bot4_word _stop
    cdef bot4_word _resets

    def __init__(self, guard, engine, int level_fd=-1, levels=None, Py_ssize_t level_index=0,
                 int drain_ms=1000):
        super().__init__(guard, engine, level_fd, levels, level_index)
        self._drain_ns = <uint64_t> drain_ms * 1000000
        self._wake = eventfd(0, EFD_CLOEXEC)
        if self._wake < 0:
            raise OSError(errno, "eventfd")

    def __dealloc__(self):
        if self._wake > 0:
            c_close(self._wake)

    @property
    def resets(self):
        """Connections that were reset with an order on its way."""
        return bot4_load(&self._resets)

    def transmit(self, int fd, bytes data not None, int intent, unsigned long long token=0):
        """Send all of `data` on a TCP socket if it is permitted; return a code of host.refusals.

        Any other code than SENT and SEND_FAILED means that nothing left. After SEND_FAILED the connection
        has been reset, and nobody knows how much of it arrived.
        """
        cdef const char *at = PyBytes_AS_STRING(data)
        cdef size_t length = PyBytes_GET_SIZE(data)
        cdef int code
        with nogil:
            code = self._transmit(fd, at, length, intent, token)
        return code

    def watch(self):
        """Look after the send queues until `stop`; to be run in a thread of its own."""
        with nogil:
            self._watch()

    def stop(self):
        """Let `watch` return, at once."""
        bot4_store(&self._stop, 1)
        eventfd_write(self._wake, 1)

    cdef int _transmit(self, int fd, const char *data, size_t length, int intent,
                       uint64_t token) noexcept nogil:
        cdef volatile bot4_word *slot = self._engine.base + W_SLOT
        cdef Waiting *place = self._place()
        cdef int copy, code
        cdef ssize_t sent
        copy = c_dup(fd) if place != NULL else -1
        if copy < 0:
            bot4_add(self._engine.base + W_REFUSED, 1)
            return R_BLOCKED
        _linger(copy, 1)
        bot4_add(slot, 1)
        code = self._permit(intent, token)
        if code == R_SENT:
            sent = c_send(copy, data, length, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent < 0:
                code = R_BLOCKED if errno == EAGAIN or errno == EINTR else R_FAILED
            elif <size_t> sent != length:
                code = R_FAILED
            if code == R_FAILED:
                self._reset(copy)
        bot4_add(self._engine.base + (W_SENT if code == R_SENT else W_REFUSED), 1)
        if code == R_SENT and _queued(copy):
            place.fd, place.intent, place.token = copy, intent, token
            place.until_ns = bot4_now_ns() + self._drain_ns
            bot4_store(&place.taken, 1)
            eventfd_write(self._wake, 1)
        else:
            self._leave(copy)
        return code

    cdef Waiting *_place(self) noexcept nogil:
        cdef int at
        for at in range(MOST_WAITING):
            if bot4_load(&self._waiting[at].taken) == 0:
                return &self._waiting[at]
        return NULL

    cdef void _watch(self) noexcept nogil:
        cdef timespec nap
        cdef uint64_t count
        cdef int at
        cdef bint busy
        prctl(PR_SET_TIMERSLACK, SLACK_NS)
        nap.tv_sec, nap.tv_nsec = 0, LOOK_NS
        while bot4_load(&self._stop) == 0:
            busy = False
            for at in range(MOST_WAITING):
                if bot4_load(&self._waiting[at].taken) != 0:
                    busy = True
                    self._look(&self._waiting[at])
            if busy:
                nanosleep(&nap, NULL)
            else:
                eventfd_read(self._wake, &count)
        for at in range(MOST_WAITING):  # nobody will look any more
            if bot4_load(&self._waiting[at].taken) != 0:
                self._reset(self._waiting[at].fd)
                self._look(&self._waiting[at])

    cdef void _look(self, Waiting *place) noexcept nogil:
        if _queued(place.fd):
            if (self._permit(place.intent, place.token) == R_SENT
                    and bot4_now_ns() < place.until_ns):
                return
            self._reset(place.fd)
        self._leave(place.fd)
        bot4_store(&place.taken, 0)

    cdef void _reset(self, int fd) noexcept nogil:
        """Drop the send queue and tell the other end (RST); the descriptor stays."""
        cdef sockaddr nobody
        nobody.sa_family = AF_UNSPEC
        c_connect(fd, &nobody, sizeof(nobody))
        bot4_add(&self._resets, 1)

    cdef void _leave(self, int fd) noexcept nogil:
        _linger(fd, 0)
        c_close(fd)
        bot4_add(self._engine.base + W_SLOT, <uint64_t> -1)


cdef bint _queued(int fd) noexcept nogil:
    """True while the other end has not acknowledged all; what cannot be asked counts as queued."""
    cdef int count = 0
    return ioctl(fd, SIOCOUTQ, &count) != 0 or count != 0


cdef void _linger(int fd, int on) noexcept nogil:
    cdef linger wanted
    wanted.l_onoff, wanted.l_linger = on, 0
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &wanted, sizeof(wanted))
