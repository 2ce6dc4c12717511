"""The pools of the specification, made and attached.

A record is a multiple of 8 bytes; a slot costs 8 bytes and 1/8 more. Times are CLOCK_MONOTONIC.
"""

import numpy as np

from host import segments
from host.hotpath.pool import MOST_SLOTS, ObjectPool, plan

MOST_RECORD_BYTES = 4096

ORDER = np.dtype([
    ("time_ns", "i8"),
    ("venue_time_ns", "i8"),
    ("id", "u8"),
    ("price", "f8"),
    ("quantity", "f8"),
    ("filled", "f8"),
    ("instrument", "u4"),
    ("intent", "u1"),
    ("side", "i1"),
    ("kind", "u1"),
    ("status", "u1"),
])  # fmt: skip
# A sale has a negative quantity. Instruments have a pool each: 10,000,000 ticks fit into 400 MB.
TICK = np.dtype([("time_ns", "i8"), ("price", "f8"), ("quantity", "f8")])
SIGNAL = np.dtype([
    ("time_ns", "i8"),
    ("expected_return", "f8"),
    ("sigma", "f8"),
    ("signal", "f8"),
    ("instrument", "u4"),
    ("model", "u4"),
])  # fmt: skip

# name: (record, slots)
SIZES = {
    "orders": (ORDER, 1_000_000),
    "ticks": (TICK, 10_000_000),
    "signals": (SIGNAL, 100_000),
}


def create(
    dtype: np.dtype, slots: int, shared: bool = False, prefault: bool = False
) -> tuple[int, ObjectPool]:
    """Return (descriptor for other members, or -1 when private; our view of a new pool).

    prefault -- bring all memory in now, so that no first touch costs a page fault later

    Raises SegmentError on sizes that cannot be, OSError when the kernel has no memory.
    """
    segments.check_size("slots", slots, 1, MOST_SLOTS)
    check_record(dtype)
    size = 8 * plan(slots, dtype.itemsize)[-1]
    header = (segments.KIND_POOL, slots, dtype.itemsize, segments.digest(dtype), size)
    fd, mapping = segments.make(header, shared, prefault)
    return fd, ObjectPool(mapping, dtype)


def attach(fd: int, dtype: np.dtype, prefault: bool = False) -> ObjectPool:
    """Become a member of another process's pool. Raises SegmentError when it is not such a pool."""
    check_record(dtype)
    return ObjectPool(segments.open_shared(fd, prefault), dtype)


def check_record(dtype: np.dtype) -> None:
    """Raise SegmentError unless the record is plain words in memory."""
    segments.check_size("bytes of a record", dtype.itemsize, 8, MOST_RECORD_BYTES)
    if dtype.itemsize % 8 or dtype.hasobject:
        detail = f"a record of {dtype.itemsize} bytes: whole 64-bit words, and no objects"
        raise segments.SegmentError(segments.outcomes.BAD_SIZE, detail)
