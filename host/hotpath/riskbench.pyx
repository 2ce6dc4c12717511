# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Loops that time the pre-trade checks inside compiled code, as a compiled engine calls them.

Each returns the nanoseconds of every batch of 64 calls. Before a batch, and not timed, the time
moves on by a part of the price window and a price is seen, so that the first check of the batch
adds the window up anew. RuntimeError when an order was refused: then not all was timed.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from host.hotpath.atomics cimport bot4_now_ns
from host.hotpath.riskcheck cimport RiskCheck
from host.hotpath.riskmemory cimport ID_CHARS, Order
from host.hotpath.riskorder cimport Facts, Proposal, World

cdef enum:
    BATCH = 64
    STEP_NS = 1_000  # between two orders


def empty(RiskCheck checks not None, Proposal proposal not None, Facts facts not None, int batches):
    """The same loop around nothing but what the loop itself does."""
    return run(checks, proposal, facts, batches, False, False)


def check(RiskCheck checks not None, Proposal proposal not None, Facts facts not None, int batches):
    """All checks."""
    return run(checks, proposal, facts, batches, True, False)


def check_and_count(RiskCheck checks not None, Proposal proposal not None, Facts facts not None,
                    int batches):
    """All checks, and the order counted as sent."""
    return run(checks, proposal, facts, batches, True, True)


cdef list run(RiskCheck checks, Proposal proposal, Facts facts, int batches, bint checking,
              bint counting):
    cdef Order order = proposal.order
    cdef World world = facts.world
    cdef int64_t number = 0, began_ns
    cdef int batch, call, refused = 0
    taken = []
    order.id.length = ID_CHARS  # the longest
    for batch in range(batches):
        world.now_ns += checks._prices.part_ns
        checks.seen(world.last_price, world.equity, world.now_ns)
        with nogil:
            began_ns = bot4_now_ns()
            for call in range(BATCH):
                number += 1
                memcpy(order.id.text, &number, 8)
                order.quantity = 1 + (number & 1023) * 0.0009765625  # none alike within 1 ms
                world.now_ns += STEP_NS
                if checking:
                    refused |= checks.pass_all(&order, &world)
                if counting:
                    checks.count_sent(&order, world.now_ns)
            began_ns = bot4_now_ns() - began_ns
        taken.append(began_ns)
    if refused:
        raise RuntimeError("an order of the measurement was refused")
    return taken
