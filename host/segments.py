"""Segments: memory that several processes write, for pools and queues.

The rule of the house is one writer a page (host.shm), and what safety rests on keeps to it: mode, lease,
send slots, forecasts. A segment is the other kind. Every member may write all of it, so it is sealed
against changes of its size only, nobody believes an index that was read from it, and a member that
is killed is found by its identity and cleaned up after.

    words 0-6      magic (stored last), version, kind, items, bytes an item, digest, bytes of all
    word 7         who is giving back what the dead have left
    words 8-31     of the kind: counters, head, tail
    words 32-95    the identity (host.identity) of each member, or 0
    words 96-      of the kind
"""

import fcntl
import mmap
import os
import zlib

import numpy as np

from host import outcomes
from host.hotpath.words import Words

MAGIC = 0x3153_4553_3454_4F42
VERSION = 1
KIND_POOL, KIND_QUEUE = 1, 2

W_MAGIC, W_VERSION, W_KIND, W_ITEMS, W_ITEM_BYTES, W_DIGEST, W_BYTES, W_HEALER = range(8)
W_REFUSED, W_ABANDONED = 8, 9
W_CONSUMER, W_HEAD, W_TAIL = 10, 16, 24  # head and tail: each a cache line of its own
W_MEMBERS, MEMBERS = 32, 64
W_DATA = W_MEMBERS + MEMBERS
HEAD_BYTES = 8 * W_DATA

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class SegmentError(ValueError):
    """Memory that is not, or cannot become, what was asked for. `code` is one of host.outcomes."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{outcomes.NAMES[code]}: {detail}")
        self.code = code


def check_size(what: str, value: int, least: int, most: int) -> None:
    """Raise SegmentError unless `value` is a whole number within the bounds."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        detail = f"{what} {value!r}: a whole number from {least} to {most}"
        raise SegmentError(outcomes.BAD_SIZE, detail)


def make(
    header: tuple[int, int, int, int, int], shared: bool, prefault: bool
) -> tuple[int, mmap.mmap]:
    """Return (descriptor to hand to members, or -1 when private; mapping) of zeros with a header.

    header -- kind, items, bytes an item, digest, bytes of all
    prefault -- let the kernel bring in every byte now, not each page when it is first touched

    Raises SegmentError when it is more than the memory of this machine, OSError when there is none.
    """
    size = header[-1]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        detail = f"{size} bytes, and this machine has {memory}"
        raise SegmentError(outcomes.BAD_SIZE, detail)
    flags = mmap.MAP_POPULATE if prefault else 0
    if not shared:
        mapping = mmap.mmap(-1, size, flags | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        finish(mapping, header)
        return -1, mapping
    fd = os.memfd_create("bot4-segment", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    mapping = mmap.mmap(fd, size, flags | mmap.MAP_SHARED)
    finish(mapping, header)
    return fd, mapping


def finish(buffer: mmap.mmap | bytearray, header: tuple[int, int, int, int, int]) -> None:
    """Write the header of zeroed memory, the magic last: before it nobody takes it for a segment."""
    words = Words(buffer, True)
    words.store(W_VERSION, VERSION)
    for word, value in zip((W_KIND, W_ITEMS, W_ITEM_BYTES, W_DIGEST, W_BYTES), header, strict=True):
        words.store(word, value)
    words.store(W_MAGIC, MAGIC)


def open_shared(fd: int, prefault: bool = False) -> mmap.mmap:
    """Map another process's segment writable. Raises SegmentError unless it is sealed."""
    try:
        seals, size = fcntl.fcntl(fd, fcntl.F_GET_SEALS), os.fstat(fd).st_size
    except OSError as error:
        raise SegmentError(outcomes.NOT_SEALED, error.strerror or "unknown") from None
    if seals & SEALS != SEALS:
        raise SegmentError(outcomes.NOT_SEALED, "its size could change under us")
    if size < HEAD_BYTES:
        raise SegmentError(outcomes.CUT_SHORT, f"{size} bytes, a header alone has {HEAD_BYTES}")
    return mmap.mmap(fd, size, mmap.MAP_SHARED | (mmap.MAP_POPULATE if prefault else 0))


def check_header(words: Words, kind: int, digest: int) -> tuple[int, int]:
    """Return (items, bytes an item) of a segment. Raises SegmentError when it is another one."""
    if words.count < W_DATA:
        raise SegmentError(outcomes.CUT_SHORT, f"{words.count} words, a header alone has {W_DATA}")
    magic, version, found = (words.load(word) for word in (W_MAGIC, W_VERSION, W_KIND))
    if magic == 0:
        raise SegmentError(outcomes.HALF_MADE, "no magic yet")
    if magic != MAGIC or version != VERSION:
        raise SegmentError(outcomes.OTHER_VERSION, f"magic {magic:#x}, version {version}")
    if found != kind:
        raise SegmentError(outcomes.OTHER_KIND, f"kind {found}, not {kind}")
    if words.load(W_DIGEST) != digest:
        raise SegmentError(outcomes.OTHER_RECORD, "its records have other fields")
    if words.load(W_BYTES) != 8 * words.count:
        detail = f"{8 * words.count} bytes, its header says {words.load(W_BYTES)}"
        raise SegmentError(outcomes.CUT_SHORT, detail)
    return words.load(W_ITEMS), words.load(W_ITEM_BYTES)


def digest(dtype: np.dtype) -> int:
    """Return a number that changes with names, types, places and size of a record's fields."""
    return zlib.crc32(f"{dtype.descr} {dtype.itemsize}".encode())
