"""Queues between processes, made and attached."""

from host import outcomes, segments
from host.hotpath.queue import Queue, plan

MOST_CELLS = 1 << 24
MOST_MESSAGE_BYTES = 1 << 16


def create(cells: int, message_bytes: int, shared: bool = True) -> tuple[int, Queue]:
    """Return (descriptor for other members, or -1 when private; our view of a new queue).

    cells -- a power of two
    message_bytes -- the longest message, a multiple of 8

    Raises SegmentError on sizes that cannot be, OSError when the kernel has no memory.
    """
    segments.check_size("cells", cells, 1, MOST_CELLS)
    segments.check_size("bytes of a message", message_bytes, 8, MOST_MESSAGE_BYTES)
    if cells & (cells - 1) or message_bytes % 8:
        detail = f"{cells} cells of {message_bytes} bytes: a power of two, and whole 64-bit words"
        raise segments.SegmentError(outcomes.BAD_SIZE, detail)
    size = 8 * plan(cells, message_bytes)
    header = (segments.KIND_QUEUE, cells, message_bytes, 0, size)
    fd, mapping = segments.make(header, shared, prefault=True)
    return fd, Queue(mapping)


def attach(fd: int) -> Queue:
    """Become a member of another process's queue. Raises SegmentError when it is not one."""
    return Queue(segments.open_shared(fd, prefault=True))
