# cython: language_level=3, boundscheck=False, wraparound=False
"""What the engine reads of an opinion: one factor for the size of an entry, from 1 down.

    1                                       without a fresh opinion, whatever the reason
    1 - most_cut * confidence * -sentiment  with one that is against it
    1                                       with any other: a good word makes nothing larger

No words of any page, whoever wrote them, give a factor above 1 or below 1 - most_cut.
"""

from libc.stdint cimport uint64_t

from host.hotpath.seqlock cimport MOST_VALUES, Seqlock
from host.hotpath.words cimport Words

from host import layout

cdef int FIELDS = len(layout.OPINION_FIELDS)


cdef class OpinionReader:
    """Reads one symbol's opinion. Raises ValueError on a cut outside [0, 1], IndexError beyond the page.

    reads, hits, unusable -- calls, those with a fresh opinion, and those with numbers that cannot be
    """

    cdef Seqlock _seqlock
    cdef double _most_cut
    cdef uint64_t _most_age_ns
    cdef readonly unsigned long long reads
    cdef readonly unsigned long long hits
    cdef readonly unsigned long long unusable

    def __init__(self, Words words not None, Py_ssize_t first, double most_cut,
                 unsigned long long most_age_ns):
        if not 0 <= most_cut <= 1:
            raise ValueError(f"a cut of {most_cut}: from 0 to 1")
        self._seqlock = Seqlock(words, first, FIELDS)
        self._most_cut = most_cut
        self._most_age_ns = most_age_ns

    def factor(self, unsigned long long now_ns=0):
        """Return the factor at `now_ns` of CLOCK_MONOTONIC; 0 takes the clock. Never waits."""
        cdef double values[MOST_VALUES]
        cdef uint64_t age_ns = 0
        cdef double cut
        self.reads += 1
        if self._seqlock.look(now_ns, self._most_age_ns, values, &age_ns):
            return 1.0
        # Written so that a NaN fails each comparison.
        if not (-1 <= values[0] <= 1 and 0 <= values[1] <= 1):
            self.unusable += 1
            return 1.0
        self.hits += 1
        cut = self._most_cut * values[1] * -values[0]
        return 1.0 - cut if cut > 0 else 1.0
