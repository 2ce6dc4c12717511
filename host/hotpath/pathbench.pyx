# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Loops over the compiled path, as a feed drives it: a price in, an order out on the socket.

What becomes of an order at the venue is not measured: between two ticks, and not timed, the position
goes back to where the next price leads to an order again, or, quiet, stays at the target.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

from host.hotpath.atomics cimport bot4_now_ns, bot4_store
from host.hotpath.pipeline cimport Pipeline
from host.hotpath.words cimport Words

from host import layout, refusals

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_recv "recv" (int fd, void *data, size_t length, int flags)
    enum:
        MSG_DONTWAIT

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int us)

cdef enum:
    ROOM = 1024
    FULL_US = 20  # to wait when the socket is full
    READ_EVERY = 64
    ACK_BYTES = 11
cdef const char *ACK = b'{"ev":"ack"'
cdef Py_ssize_t W_LEASE = layout.GUARD_LEASE_NS
cdef uint64_t MOST_LEASE_NS = layout.MOST_LEASE_NS
cdef int R_SENT = refusals.SENT
cdef int R_BLOCKED = refusals.WOULD_BLOCK


def orders(Pipeline path not None, Words guard not None, double[::1] prices not None, int fd, int venue, int64_t start_ns,
           int64_t step_ns, int64_t[::1] taken_ns not None):
    """One order a tick under a lease that `guard` (the page's words) renews, sent on `fd` and read off `venue` (-1: by somebody else) untimed.

    Times of ticks are step_ns apart. Return how many left; `taken_ns` gets one time a tick, as far
    as it reaches. Raises RuntimeError with the code when one is refused.
    """
    guard.check(W_LEASE)
    cdef Py_ssize_t number = 0
    cdef int64_t began_ns, now_ns = start_ns
    cdef char room[ROOM]
    cdef int code = R_SENT
    with nogil:
        for number in range(prices.shape[0]):
            now_ns += step_ns
            path._world.position, path._held_lots = 0.0, 0
            bot4_store(guard.base + W_LEASE, bot4_now_ns() + MOST_LEASE_NS)
            began_ns = bot4_now_ns()
            path.take(prices[number], now_ns)
            code = path.act(fd, True, now_ns)
            began_ns = bot4_now_ns() - began_ns
            if code != R_SENT:
                break
            forget(path)
            if number < taken_ns.shape[0]:
                taken_ns[number] = began_ns
            if venue >= 0:
                c_recv(venue, room, ROOM, MSG_DONTWAIT)
    if code != R_SENT:
        raise RuntimeError(f"tick {number}: {refusals.NAMES.get(code, 'nothing to do')}")
    return prices.shape[0]


def stream(Pipeline path not None, Words guard not None, double[::1] prices not None, int fd):
    """As many orders as prices, as fast as the venue takes them, at the times of the clock.

    Answers are read from the same socket, by the same thread, as an engine does. Return how many
    said ack. Raises RuntimeError when an order is refused other than for a full socket.
    """
    guard.check(W_LEASE)
    cdef Py_ssize_t number = 0
    cdef int64_t accepted = 0
    cdef int code = R_SENT
    with nogil:
        for number in range(prices.shape[0]):
            path._world.position, path._held_lots = 0.0, 0
            # Once: a price that is taken again and again while the venue is slow ends the trend.
            path.take(prices[number], bot4_now_ns())
            code = R_BLOCKED
            while code == R_BLOCKED:
                bot4_store(guard.base + W_LEASE, bot4_now_ns() + MOST_LEASE_NS)
                code = path.act(fd, True, 0)
                forget(path)
                if code == R_BLOCKED or number % READ_EVERY == 0:
                    accepted += answers(fd)
                if code == R_BLOCKED:
                    usleep(FULL_US)
            if code != R_SENT:
                break
    if code != R_SENT:
        raise RuntimeError(f"tick {number}: {refusals.NAMES.get(code, 'nothing to do')}")
    return accepted


cdef void forget(Pipeline path) noexcept nogil:
    """What the journal holds is not needed any more: nobody here says what became of an order."""
    if path._wal is not None:
        path._wal.floor = path._wal.head


cdef int64_t answers(int fd) noexcept nogil:
    """Read what has arrived; return how much of it is an ack."""
    cdef char room[ROOM]
    cdef int64_t accepted = 0
    cdef ssize_t length = c_recv(fd, room, ROOM, MSG_DONTWAIT)
    while length > 0:
        accepted += length >= ACK_BYTES and memcmp(room, ACK, ACK_BYTES) == 0
        length = c_recv(fd, room, ROOM, MSG_DONTWAIT)
    return accepted
