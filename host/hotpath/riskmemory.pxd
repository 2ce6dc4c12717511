# cython: cdivision=True
"""The orders sent last, in fixed memory: found by id, and by everything but the id.

A ring of REMEMBERED orders, numbered from 1 on. Two hash tables name the latest order of each
bucket, and each order the one before it in either bucket; a number that has left the ring ends
the walk, so nothing is ever taken out. Texts are compared whole: a hash only finds.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    REMEMBERED = 4096  # a power of two
    ID_CHARS = 64
    NAME_CHARS = 16

# Text beyond `length` is zero; length 0 is no name.
cdef struct Id:
    uint64_t length
    char text[ID_CHARS]

cdef struct Name:
    uint64_t length
    char text[NAME_CHARS]

cdef struct Order:
    Id id
    Name strategy
    Name instrument
    double quantity
    double price
    int side
    bint opens

cdef struct Sent:
    Order order
    int64_t at_ns
    uint64_t before_by_id
    uint64_t before_alike

cdef struct Memory:
    uint64_t latest
    uint64_t by_id[REMEMBERED]
    uint64_t alike[REMEMBERED]
    Sent ring[REMEMBERED]


cdef inline uint64_t mix(uint64_t seed, uint64_t word) noexcept nogil:
    seed = (seed ^ word) * <uint64_t> 0x9E3779B97F4A7C15
    return seed ^ (seed >> 29)


cdef inline uint64_t id_bucket(const Id *id) noexcept nogil:
    cdef uint64_t word, seed = id.length, at = 0
    while at < id.length:
        memcpy(&word, id.text + at, 8)
        seed = mix(seed, word)
        at += 8
    return mix(seed, 0) % REMEMBERED


cdef inline uint64_t alike_bucket(const Order *order) noexcept nogil:
    cdef uint64_t quantity, price
    memcpy(&quantity, &order.quantity, 8)
    memcpy(&price, &order.price, 8)
    return mix(mix(mix(order.side, quantity), price), order.opens) % REMEMBERED


cdef inline bint same_id(const Id *one, const Id *other) noexcept nogil:
    return one.length == other.length and memcmp(one.text, other.text, one.length) == 0


cdef inline bint same_name(const Name *one, const Name *other) noexcept nogil:
    return one.length == other.length and memcmp(one.text, other.text, NAME_CHARS) == 0


cdef inline bint same_order(const Order *one, const Order *other) noexcept nogil:
    """Everything but the id."""
    return (one.quantity == other.quantity and one.price == other.price
            and one.side == other.side and one.opens == other.opens
            and same_name(&one.strategy, &other.strategy)
            and same_name(&one.instrument, &other.instrument))


cdef inline bint held(const Memory *memory, uint64_t number) noexcept nogil:
    return number != 0 and number + REMEMBERED > memory.latest


cdef inline bint memory_knows(const Memory *memory, const Id *id) noexcept nogil:
    """Return True when an order with this id is remembered."""
    cdef uint64_t number = memory.by_id[id_bucket(id)]
    cdef const Sent *sent
    while held(memory, number):
        sent = &memory.ring[number % REMEMBERED]
        if same_id(&sent.order.id, id):
            return True
        number = sent.before_by_id
    return False


cdef inline bint memory_alike(
    const Memory *memory, const Order *order, int64_t now_ns, int64_t window_ns
) noexcept nogil:
    """Return True when the same order left within the window, or that cannot be told."""
    cdef const Sent *sent
    cdef uint64_t number
    if memory.latest >= REMEMBERED:
        sent = &memory.ring[(memory.latest + 1) % REMEMBERED]  # the oldest
        if now_ns - sent.at_ns < window_ns:
            return True
    number = memory.alike[alike_bucket(order)]
    while held(memory, number):
        sent = &memory.ring[number % REMEMBERED]
        if now_ns - sent.at_ns >= window_ns:  # and those before it are older
            return False
        if same_order(&sent.order, order):
            return True
        number = sent.before_alike
    return False


cdef inline void memory_add(Memory *memory, const Order *order, int64_t now_ns) noexcept nogil:
    cdef uint64_t number = memory.latest + 1
    cdef uint64_t id = id_bucket(&order.id), alike = alike_bucket(order)
    cdef Sent *sent = &memory.ring[number % REMEMBERED]
    sent.order = order[0]
    sent.at_ns = now_ns
    sent.before_by_id = memory.by_id[id]
    sent.before_alike = memory.alike[alike]
    memory.by_id[id] = memory.alike[alike] = memory.latest = number
