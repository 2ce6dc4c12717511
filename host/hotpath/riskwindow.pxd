# cython: cdivision=True
"""Rolling windows in fixed memory: the twins of host.engine.checks.windows, where they are explained.

Parts lie in a ring. Parts begin at least `part_ns` apart and leave with the window, so at most
PARTS + 1 are held; times never run backwards (RiskCheck sees to that).
"""

from libc.stdint cimport int64_t

cdef enum:
    PARTS = 64
    ROOM = PARTS + 2

cdef struct Part:
    int64_t first_ns
    int64_t last_ns
    int64_t count
    double value

cdef struct Window:
    int64_t window_ns
    int64_t part_ns
    int64_t count
    double total
    int oldest
    int length
    Part parts[ROOM]


cdef inline void window_clear(Window *window) noexcept nogil:
    window.oldest = window.length = 0
    window.count = 0
    window.total = 0.0


cdef inline void window_set(Window *window, int64_t window_ns) noexcept nogil:
    window.window_ns = window_ns
    window.part_ns = (window_ns + PARTS - 1) // PARTS
    window_clear(window)


cdef inline Part *window_part(Window *window, int number) noexcept nogil:
    """Return the part `number` (0 is the oldest; at most ROOM)."""
    cdef int index = window.oldest + number
    return &window.parts[index - ROOM if index >= ROOM else index]


cdef inline void window_drop_oldest(Window *window) noexcept nogil:
    window.count -= window_part(window, 0).count
    window.oldest = 0 if window.oldest + 1 == ROOM else window.oldest + 1
    window.length -= 1


cdef inline void window_put(Window *window, int64_t now_ns, double value) noexcept nogil:
    """Join the latest part, or begin one. A join never lowers how much the window holds."""
    cdef Part *part
    window.count += 1
    if window.length:
        part = window_part(window, window.length - 1)
        # More than ROOM parts cannot be; nothing is ever written past them all the same.
        if now_ns - part.first_ns < window.part_ns or window.length == ROOM:
            part.last_ns = now_ns
            part.count += 1
            part.value += value
            return
    part = window_part(window, window.length)
    part.first_ns = part.last_ns = now_ns
    part.count = 1
    part.value = value
    window.length += 1


# -- count --------------------------------------------------------------------------------------

cdef inline int64_t count_within(Window *window, int64_t now_ns) noexcept nogil:
    while window.length and now_ns - window_part(window, 0).last_ns >= window.window_ns:
        window_drop_oldest(window)
    return window.count


cdef inline void count_add(Window *window, int64_t now_ns) noexcept nogil:
    count_within(window, now_ns)
    window_put(window, now_ns, 0.0)


# -- average ------------------------------------------------------------------------------------

cdef inline void average_forget(Window *window, int64_t now_ns) noexcept nogil:
    cdef int number
    if not window.length or now_ns - window_part(window, 0).first_ns < window.window_ns:
        return
    while window.length and now_ns - window_part(window, 0).first_ns >= window.window_ns:
        window_drop_oldest(window)
    window.total = 0.0
    for number in range(window.length):
        window.total += window_part(window, number).value


cdef inline void average_add(Window *window, double value, int64_t now_ns) noexcept nogil:
    average_forget(window, now_ns)
    window_put(window, now_ns, value)
    window.total += value


cdef inline double average_mean(Window *window, int64_t now_ns) noexcept nogil:
    """Return the mean, or 0 when the window is empty (no price is)."""
    average_forget(window, now_ns)
    return window.total / <double> window.count if window.count else 0.0


# -- highest ------------------------------------------------------------------------------------

cdef inline double highest_add(Window *window, double value, int64_t now_ns) noexcept nogil:
    while window.length and now_ns - window_part(window, 0).last_ns >= window.window_ns:
        window_drop_oldest(window)
    while window.length and window_part(window, window.length - 1).value <= value:
        window.length -= 1
    if window.length and (now_ns - window_part(window, window.length - 1).first_ns < window.part_ns
                          or window.length == ROOM):
        window_part(window, window.length - 1).last_ns = now_ns
    else:
        window_put(window, now_ns, value)
    return window_part(window, 0).value
