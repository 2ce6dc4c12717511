# cython: language_level=3, boundscheck=False, wraparound=False
"""One member's view of a segment (host.segments): joining, leaving, cleaning up after the dead."""

import os
import weakref

from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_cas, bot4_load, bot4_store, bot4_word
from host.hotpath.words cimport Words

from host import outcomes, segments
from host.identity import alive, identity

cdef enum:
    MEMBERS = 64
cdef Py_ssize_t W_MEMBERS = segments.W_MEMBERS
cdef Py_ssize_t W_HEALER = segments.W_HEALER
if segments.MEMBERS != MEMBERS:
    raise ImportError("segment was compiled for another number of members: build it anew")

_joined = weakref.WeakSet()


def _forget():
    """In the child of a fork: it is another process, and has taken nothing."""
    cdef Segment segment
    for segment in list(_joined):
        segment.member = 0
    _joined.clear()


os.register_at_fork(after_in_child=_forget)


cdef class Segment:
    """A member of the segment in `buffer`, and what members of every kind can do.

    Threads of one process take a view each: two threads never share one. Raises SegmentError
    (with a code of host.outcomes) when the buffer is not a finished segment of this kind.
    """

    def __init__(self, buffer, int kind, uint64_t digest):
        cdef Words words = Words(buffer, True)
        self.items, self.item_bytes = segments.check_header(words, kind, digest)
        self._words, self.buffer, self.base = words, buffer, words.base

    def join(self):
        """Become a member. Raises SegmentError when there is no room."""
        cdef uint64_t me = identity()
        cdef int at
        for at in range(MEMBERS):
            if bot4_cas(self.base + W_MEMBERS + at, 0, me):
                self.member = at + 1
                _joined.add(self)
                return
        raise segments.SegmentError(outcomes.NO_ROOM, f"{MEMBERS} members")

    def close(self):
        """Give back what this member still has and leave; return how much that was."""
        cdef int member = self.member
        cdef uint64_t left = 0
        if member:
            left = self.left_by(member)
            self.member = 0
            bot4_store(self.base + W_MEMBERS + member - 1, 0)
            _joined.discard(self)
        return left

    def __enter__(self):
        return self

    def __exit__(self, *_reason):
        self.close()

    def heal(self):
        """Give back what dead members have left; return how much, or minus a code of host.outcomes.

        For whoever notices a death, not for the hot path: it looks at every item. Of several that
        try at once one does it, and when that one dies in the middle the next begins anew.
        """
        cdef uint64_t healer, word, count = 0
        cdef int member
        if not self.member:
            return -outcomes.NOT_A_MEMBER
        healer = bot4_load(self.base + W_HEALER)
        if alive(healer) or not bot4_cas(self.base + W_HEALER, healer,
                                         bot4_load(self.base + W_MEMBERS + self.member - 1)):
            return -outcomes.BUSY
        try:
            for member in range(1, MEMBERS + 1):
                word = bot4_load(self.base + W_MEMBERS + member - 1)
                if word != 0 and not alive(word):
                    count += self.left_by(member)
                    bot4_store(self.base + W_MEMBERS + member - 1, 0)
        finally:
            bot4_store(self.base + W_HEALER, 0)
        return count

    cdef uint64_t left_by(self, int member) noexcept nogil:
        """Give back what `member`, which does nothing any more, has; return how much."""
        return 0
