# cython: language_level=3, boundscheck=False, wraparound=False
"""The guard's reflex: HALT is low, so the gate closes and ACK rises, in compiled code.

It looks at the level of HALT each time the guard wakes, before any Python runs, and again wherever
Python calls `look` in a longer piece of work. Python code that has lain idle takes 100 us and more to
be fetched into the caches; this takes a few. The guard finds out afterwards, with `take`, and does
what can wait: records, the controller's MODE, the gpiozero devices.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint32_t, uint64_t

from host.hotpath.atomics cimport bot4_load, bot4_now_ns, bot4_store, bot4_word
from host.hotpath.level cimport Drive, Level
from host.hotpath.words cimport Words

from host import layout, modes

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_wait(int epfd, epoll_event *events, int most, int timeout_ms)

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    enum:
        CLOCK_THREAD_CPUTIME_ID
    int clock_gettime(int clock, timespec *now)
    int nanosleep(const timespec *wanted, timespec *left)

cdef extern from "<sched.h>" nogil:
    struct sched_param:
        int sched_priority
    enum:
        SCHED_FIFO
        SCHED_OTHER
    int sched_setscheduler(int pid, int policy, const sched_param *parameters)

cdef enum:
    MOST_EVENTS = 32
    MOST_SLOTS = 16
    MOST_KINDS = 16
    LONG_NS = 100000  # architecture.md: no stretch of Python above 100 us
    LOOK_NS = 20000  # between two looks at a busy slot: the engine needs the CPU to leave it

cdef uint64_t EMERGENCY = modes.TradingMode.EMERGENCY
cdef uint64_t HALT_LINE = modes.Reason.HALT_LINE
cdef Py_ssize_t W_MODE = layout.GUARD_MODE
cdef Py_ssize_t W_TOKEN = layout.GUARD_LADDER_TOKEN
cdef Py_ssize_t W_SLOT = layout.ENGINE_SLOT


cdef uint64_t _cpu_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return <uint64_t> now.tv_sec * 1000000000u + <uint64_t> now.tv_nsec


cdef class Reflex:
    """Of one guard.

    page -- the guard's own page; only this process writes the mode word
    halt -- the level of HALT
    slot_busy_us -- how long a send in flight is waited for
    """

    cdef Words _page
    cdef Level _halt
    cdef Drive _ack
    cdef list _slots
    cdef volatile bot4_word *_slot[MOST_SLOTS]
    cdef int _pid[MOST_SLOTS]
    cdef bint _lifted[MOST_SLOTS]
    cdef int _lift_to
    cdef int _slot_count
    cdef uint64_t _slot_busy_ns
    cdef uint64_t _low_ns, _ack_ns
    cdef bint _fired
    cdef uint64_t _cpu_ns, _wall_ns
    cdef uint64_t _worst_cpu_ns[MOST_KINDS]
    cdef uint64_t _worst_wall_ns[MOST_KINDS]
    cdef uint64_t _count[MOST_KINDS]
    cdef uint64_t _long[MOST_KINDS]

    def __init__(self, Words page not None, Level halt not None, int slot_busy_us):
        if not page.writable:
            raise PermissionError("the guard writes the mode word: its page must be writable")
        page.check(W_TOKEN)
        self._page, self._halt, self._slots = page, halt, []
        self._slot_busy_ns = <uint64_t> slot_busy_us * 1000

    def acknowledge_by(self, Drive ack):
        """From now on raise ACK by `ack`; None leaves it to the caller of `take`."""
        self._ack = ack

    def lift_to(self, int priority):
        """Let an engine that is in the middle of a send finish it at this SCHED_FIFO priority.

        It runs at an ordinary one: a busy neighbour may take the CPU from it with its slot taken, and
        would keep the guard waiting. 0 is for a guard that may not do so.
        """
        self._lift_to = priority

    def watch(self, Words page not None, int pid=0):
        """Wait for the send slot of the page of engine `pid` from now on."""
        page.check(W_SLOT)
        if self._slot_count == MOST_SLOTS:
            raise ValueError(f"more than {MOST_SLOTS} engines")
        self._slots.append((page, pid))
        self._place()

    def forget(self, Words page):
        """Undo `watch`; a page that is not watched is none of our business."""
        self._slots = [kept for kept in self._slots if kept[0] is not page]
        self._place()

    def calm(self):
        """Put back to an ordinary priority whoever was lifted above it; return how many."""
        cdef sched_param ordinary
        cdef int at, count = 0
        ordinary.sched_priority = 0
        for at in range(self._slot_count):
            if self._lifted[at]:
                sched_setscheduler(self._pid[at], SCHED_OTHER, &ordinary)
                self._lifted[at] = False
                count += 1
        return count

    def wait(self, int epoll_fd, int timeout_ms):
        """Wait for events, look at HALT, return [(descriptor, events), ...].

        Raises OSError as epoll_wait(2) does. A signal ends the wait with no events.
        """
        cdef epoll_event events[MOST_EVENTS]
        cdef int count, failed
        with nogil:
            count = epoll_wait(epoll_fd, events, MOST_EVENTS, timeout_ms)
            failed = errno  # what follows has errors of its own
            self._look()
            self._wall_ns = bot4_now_ns()
            self._cpu_ns = _cpu_ns()
        if count < 0:
            if failed != EINTR:
                raise OSError(failed, "epoll_wait")
            return []
        return [(events[at].data.fd, events[at].events) for at in range(count)]

    def look(self, int kind):
        """Look at HALT from within longer work of this `kind` (0..15): a stretch ends here."""
        cdef uint64_t wall_ns, cpu_ns
        self._look()
        wall_ns, cpu_ns = bot4_now_ns(), _cpu_ns()
        if 0 <= kind < MOST_KINDS and self._wall_ns != 0:  # what came before the first wait is no work
            self._worst_wall_ns[kind] = max(self._worst_wall_ns[kind], wall_ns - self._wall_ns)
            self._worst_cpu_ns[kind] = max(self._worst_cpu_ns[kind], cpu_ns - self._cpu_ns)
            self._count[kind] += 1
            self._long[kind] += cpu_ns - self._cpu_ns > LONG_NS
        self._wall_ns, self._cpu_ns = wall_ns, cpu_ns

    def stretches(self, int kind):
        """Return what is known of the stretches of this kind: count, over the limit, longest in us.

        CPU time is what this process did; wall time has in it what else ran on the core.
        """
        return {
            "count": self._count[kind],
            "over_100_us": self._long[kind],
            "worst_us": self._worst_cpu_ns[kind] // 1000,
            "worst_wall_us": self._worst_wall_ns[kind] // 1000,
        }

    def slots_free(self, uint64_t since_ns=0):
        """Return True once no send is in flight, False when one still is slot_busy_us after `since_ns`.

        since_ns -- when the gate was closed; 0 is now
        """
        cdef bint free
        with nogil:
            free = self._wait_for_slots(since_ns if since_ns else bot4_now_ns())
        return free

    def take(self):
        """Return None, or once after the reflex: (HALT seen low, ACK raised or 0), in ns."""
        if not self._fired:
            return None
        self._fired = False
        return self._low_ns, self._ack_ns

    cdef void _look(self) noexcept nogil:
        cdef uint64_t word = bot4_load(self._page.base + W_MODE)
        if (word & 0xFF) == EMERGENCY or self._halt.look() == 1:
            return
        # The token first: it is of one emergency alone (host.guard.keeper).
        bot4_store(self._page.base + W_TOKEN, 0)
        bot4_store(self._page.base + W_MODE,
                   EMERGENCY | HALT_LINE << 8 | ((word >> 32) + 1) << 32)
        self._low_ns = bot4_now_ns()
        self._ack_ns = 0
        self._fired = True
        if self._ack is not None and self._wait_for_slots(self._low_ns):
            if self._ack.high() == 0:
                self._ack_ns = bot4_now_ns()

    cdef bint _wait_for_slots(self, uint64_t since_ns) noexcept nogil:
        cdef int at
        cdef timespec nap
        nap.tv_sec, nap.tv_nsec = 0, LOOK_NS
        for at in range(self._slot_count):
            if bot4_load(self._slot[at]) != 0:
                self._lift(at)
            while bot4_load(self._slot[at]) != 0:
                if bot4_now_ns() - since_ns > self._slot_busy_ns:
                    return False
                nanosleep(&nap, NULL)
        return True

    cdef void _lift(self, int at) noexcept nogil:
        cdef sched_param high
        high.sched_priority = self._lift_to
        if self._lift_to > 0 and self._pid[at] > 0 and not self._lifted[at]:
            self._lifted[at] = sched_setscheduler(self._pid[at], SCHED_FIFO, &high) == 0

    cdef _place(self):
        cdef Words page
        self.calm()
        self._slot_count = 0
        for page, pid in self._slots:
            self._slot[self._slot_count] = page.base + W_SLOT
            self._pid[self._slot_count] = pid
            self._slot_count += 1
