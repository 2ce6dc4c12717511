"""The serial line as an analyser sees it: from bytes and their times to edges.

The hub notes when it got which bytes, and nothing more: the halt passes through the same thread.
The edges are made afterwards, as the UART would have sent them: a byte's start bit at the time of
its write, the bytes of one write back to back, and never two bytes at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller import wiring

S_NS = 1_000_000_000
BITS = 10  # start, eight of data (the lowest first), stop
IDLE = 1


def edges(
    written: Sequence[tuple[int, bytes]],
    *,
    start_ns: int,
    end_ns: int,
    baud: int = wiring.UART_BAUD,
) -> NDArray[np.int64]:
    """Return the times (ns) at which the line toggles in (start_ns, end_ns]; it starts idle (high).

    written -- (time ns, bytes) in order of time
    """
    data = np.frombuffer(b"".join(chunk for _at, chunk in written), dtype=np.uint8)
    if not data.size:
        return np.empty(0, dtype=np.int64)
    lengths = [len(chunk) for _at, chunk in written]
    wanted = np.repeat(np.array([at for at, _chunk in written], dtype=np.int64), lengths)
    frame_ns = -(-BITS * S_NS // baud)
    slots = np.arange(data.size, dtype=np.int64) * frame_ns
    # Each byte begins when it was written, or when the one before has ended.
    begins = np.maximum.accumulate(wanted - slots) + slots
    levels = np.ones((data.size, BITS + 1), dtype=np.uint8)
    levels[:, 1] = 0
    levels[:, 2:BITS] = np.unpackbits(data[:, None], axis=1, bitorder="little")
    byte, bit = np.nonzero(levels[:, 1:] != levels[:, :-1])
    times = begins[byte] + bit * S_NS // baud
    return times[(times > start_ns) & (times <= end_ns)]
