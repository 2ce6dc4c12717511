# cython: language_level=3, boundscheck=False, wraparound=False
"""The hub's pins: every edge stamped and passed on in compiled code.

The hub stands between the two boards, so the time it takes is in every figure of the bench: HALT to
ACK passes it twice. A real wire takes none; this takes a few microseconds, where Python that has
lain idle takes some fifty.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    enum:
        POLLIN
    int ppoll(pollfd *fds, unsigned long count, const timespec *timeout, const void *mask)

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    enum:
        CLOCK_MONOTONIC
    int clock_gettime(int clock, timespec *now)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_recv "recv" (int fd, void *data, size_t length, int flags)
    ssize_t c_send "send" (int fd, const void *data, size_t length, int flags)
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL

cdef enum:
    MOST_LINES = 16
    MOST_FDS = 32
    BOARDS = 2
    RECORD_BYTES = 4  # rig.virtual.wire.RECORD: line u8, level u8, sequence u16
    READ_BYTES = 4096

cdef struct Edge:
    int64_t at_ns
    int64_t line
    int64_t level

cdef struct Board:
    int fd
    uint16_t sequence
    uint32_t reads       # bit a line
    uint32_t drives
    int rest             # bytes of a record whose end has not come
    uint8_t bytes[RECORD_BYTES + READ_BYTES]


cdef int64_t _now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec


cdef class Pins:
    """Levels, edges and the two boards.

    levels -- 0 or 1 of each line of the wiring table, to begin with
    page -- the words that show the levels to `page_shows`, a mask of lines
    boards -- ((reads, drives), ...) as masks of lines, of each board in the order of `enter`
    """

    cdef uint64_t[::1] _page
    cdef uint32_t _shown, _cut
    cdef int _lines
    cdef uint8_t _level[MOST_LINES]
    cdef Board _board[BOARDS]
    cdef Edge *_edges
    cdef size_t _edge_count, _edge_room
    cdef readonly int fouls

    def __cinit__(self):
        self._edges = NULL

    def __dealloc__(self):
        free(self._edges)

    def __init__(self, levels, uint64_t[::1] page, uint32_t page_shows, boards):
        if len(levels) > MOST_LINES or len(boards) != BOARDS or page.shape[0] < len(levels):
            raise ValueError("these pins are for two boards and at most 16 lines")
        self._page, self._shown, self._lines = page, page_shows, len(levels)
        for line in range(self._lines):
            self._level[line] = levels[line]
            page[line] = levels[line]
        for number, (reads, drives) in enumerate(boards):
            self._board[number].fd = -1
            self._board[number].reads, self._board[number].drives = reads, drives

    @property
    def levels(self):
        """Level of each line."""
        return [self._level[line] for line in range(self._lines)]

    def edges(self, size_t first=0):
        """Return [(time in ns, line, level), ...] from edge number `first` on."""
        return [(self._edges[at].at_ns, self._edges[at].line, self._edges[at].level)
                for at in range(first, self._edge_count)]

    @property
    def edge_count(self):
        """Number of edges so far."""
        return self._edge_count

    def cut(self, uint32_t lines):
        """From now on the edges of these lines (a mask) reach nobody; they are stamped all the same."""
        self._cut = lines

    def enter(self, int number, int fd):
        """A board is there on socket `fd`: tell it the level of each line that it reads."""
        cdef int line
        self._board[number].fd = fd
        self._board[number].rest = 0
        self._board[number].sequence = 0
        for line in range(self._lines):
            if self._board[number].reads >> line & 1:
                self._tell(&self._board[number], line, self._level[line])

    def leave(self, int number):
        """A board is gone."""
        self._board[number].fd = -1

    def set_line(self, int line, int level, int64_t now_ns):
        """Stamp an edge, unless there is none, and pass it on."""
        if not 0 <= line < self._lines:
            raise IndexError(f"line {line} of {self._lines}")
        if self._set_line(line, level & 1, now_ns) < 0:
            raise MemoryError()

    def wait(self, list others, int64_t until_ns):
        """Serve the boards until one of `others` is readable, a board has left or it is `until_ns`.

        Return what is readable, as descriptors; a board that has left is among them.
        until_ns < 0 is for ever. Raises OSError.
        """
        cdef pollfd fds[MOST_FDS]
        cdef timespec span
        cdef int64_t left_ns = 0
        cdef int count = BOARDS, at, ready, served
        if len(others) > MOST_FDS - BOARDS:
            raise ValueError("too many connections")
        for at in range(BOARDS):
            fds[at].fd, fds[at].events = self._board[at].fd, POLLIN
        for fd in others:
            fds[count].fd, fds[count].events = fd, POLLIN
            count += 1
        with nogil:
            while True:
                if until_ns >= 0:
                    left_ns = max(0, until_ns - _now_ns())
                    span.tv_sec, span.tv_nsec = left_ns // 1000000000, left_ns % 1000000000
                ready = ppoll(fds, count, NULL if until_ns < 0 else &span, NULL)
                if ready <= 0:
                    break
                served = 0
                for at in range(BOARDS):
                    if fds[at].revents:
                        if self._hear(&self._board[at]) > 0:
                            fds[at].revents = 0
                            served += 1
                if served < ready:
                    break
        if ready < 0:
            if errno != EINTR:
                raise OSError(errno, "ppoll")
            return []
        return [fds[at].fd for at in range(count) if fds[at].revents] if ready else []

    cdef int _hear(self, Board *board) noexcept nogil:
        """Take records; return 1, or 0 when the board has left or is to be let go."""
        cdef ssize_t got = c_recv(board.fd, &board.bytes[board.rest], READ_BYTES, MSG_DONTWAIT)
        cdef int64_t now_ns = _now_ns()
        cdef int at = 0, line
        if got < 0:
            return 1 if errno == EAGAIN or errno == EINTR else 0
        if got == 0:
            return 0
        board.rest += <int> got
        while board.rest - at >= RECORD_BYTES:
            line = board.bytes[at]
            if line < self._lines and board.drives >> line & 1:
                if self._set_line(line, board.bytes[at + 1] & 1, now_ns) < 0:
                    return 0
            else:
                self.fouls += 1
            at += RECORD_BYTES
        board.rest -= at
        memcpy(board.bytes, &board.bytes[at], board.rest)
        return 1

    cdef int _set_line(self, int line, int level, int64_t now_ns) noexcept nogil:
        cdef int at
        if self._level[line] == level:
            return 0
        self._level[line] = level
        if not self._cut >> line & 1:
            if self._shown >> line & 1:
                self._page[line] = level
            for at in range(BOARDS):
                if self._board[at].reads >> line & 1:
                    self._tell(&self._board[at], line, level)
        return self._note(line, level, now_ns)

    cdef void _tell(self, Board *board, int line, int level) noexcept nogil:
        cdef uint8_t record[RECORD_BYTES]
        if board.fd < 0:
            return
        board.sequence += 1
        record[0], record[1] = line, level
        record[2], record[3] = board.sequence & 0xFF, board.sequence >> 8
        # A full socket loses the edge; the gap in the sequence tells the reader.
        c_send(board.fd, record, RECORD_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL)

    cdef int _note(self, int line, int level, int64_t now_ns) noexcept nogil:
        cdef Edge *room
        if self._edge_count == self._edge_room:
            room = <Edge *> realloc(self._edges, 2 * (self._edge_room + 512) * sizeof(Edge))
            if room == NULL:
                return -1
            self._edges = room
            self._edge_room = 2 * (self._edge_room + 512)
        self._edges[self._edge_count].at_ns = now_ns
        self._edges[self._edge_count].line = line
        self._edges[self._edge_count].level = level
        self._edge_count += 1
        return 0
