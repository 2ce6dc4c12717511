# cython: language_level=3, boundscheck=False, wraparound=False
"""What malloc and free of this process cost, whichever library they come from."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc

from host.hotpath.atomics cimport bot4_now_ns

cdef enum:
    MOST = 16384


def mixed(sizes, order, int batches):
    """Return the ns of each batch: a malloc of every size, its block touched, then a free of each.

    sizes -- bytes of each block, up to 16384 of them
    order -- a permutation of their places: the order in which the blocks are freed

    Raises ValueError on other input, MemoryError when malloc has nothing.
    """
    cdef size_t size[MOST]
    cdef int place[MOST]
    cdef char *block[MOST]
    cdef uint64_t began_ns
    cdef int count = len(sizes), batch, at, made
    if not 0 < count <= MOST or min(sizes) < 1 or sorted(order) != list(range(count)):
        raise ValueError(f"1 to {MOST} sizes above 0, and a permutation of their places")
    for at in range(count):
        size[at], place[at] = sizes[at], order[at]
    taken = []
    for batch in range(batches):
        made = 0
        with nogil:
            began_ns = bot4_now_ns()
            while made < count:
                block[made] = <char *> malloc(size[made])
                if block[made] == NULL:
                    break
                (<volatile char *> block[made])[0] = 1
                made += 1
            if made == count:
                for at in range(count):
                    free(block[place[at]])
            began_ns = bot4_now_ns() - began_ns
        if made < count:
            for at in range(made):
                free(block[at])
            raise MemoryError
        taken.append(began_ns)
    return taken
