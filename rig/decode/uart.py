"""Bytes from the edges of an asynchronous serial line, 8N1, idle high.

A falling edge begins a byte when the line is still low half a bit later; every bit is read in its
middle, and the next start is looked for from the middle of the stop bit on.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller import wiring
from rig.capture.model import Capture, CaptureError

LINE = "PICO_TX"
# Below, the middle of a bit cannot be told from its rim.
SAMPLES_PER_BIT = 3
_S_NS = 1_000_000_000
_STOP = 9.5
_BATCH = 1 << 16


@dataclass(frozen=True, eq=False)
class Bytes:
    """Decoded bytes: begin of the start bit (ns, int64) and value (uint8), both of shape (n,).

    framing_errors -- bytes whose stop bit was low; false_starts -- low for less than half a bit
    """

    at_ns: NDArray[np.int64]
    values: NDArray[np.uint8]
    framing_errors: int
    false_starts: int
    byte_ns: int


def decode(capture: Capture, line: str = LINE, baud: int = wiring.UART_BAUD) -> Bytes:
    """Decode `line`; CaptureError when it is not captured, or with too few samples a bit."""
    times = capture.times(line)
    if capture.rate_hz is not None and capture.rate_hz < SAMPLES_PER_BIT * baud:
        needed = SAMPLES_PER_BIT * baud
        raise CaptureError(f"{capture.rate_hz} samples a second cannot tell {baud} baud: {needed}")
    bit_ns = _S_NS / baud
    starts, false_starts = _starts(times, capture.initial[line], capture.end_ns, bit_ns)
    values = np.empty(starts.size, dtype=np.uint8)
    framing_errors = 0
    middles = (np.arange(1.5, _STOP + 1) * bit_ns).astype(np.int64)
    for first in range(0, starts.size, _BATCH):
        part = starts[first : first + _BATCH]
        passed = np.searchsorted(times, part[:, None] + middles, side="right")
        levels = (passed & 1) ^ capture.initial[line]
        values[first : first + _BATCH] = np.packbits(
            levels[:, :8].astype(np.uint8), axis=1, bitorder="little"
        )[:, 0]
        framing_errors += int((levels[:, 8] == 0).sum())
    return Bytes(starts, values, framing_errors, false_starts, round(10 * bit_ns))


def _starts(
    times: NDArray[np.int64], initial: int, end_ns: int, bit_ns: float
) -> tuple[NDArray[np.int64], int]:
    """Begins of all bytes whose stop bit lies in the capture, and the number of false starts."""
    edges = times.tolist()
    at = 1 - initial  # the first falling edge; every second one falls
    starts, false_starts = [], 0
    while at < len(edges):
        begin = edges[at]
        if at + 1 < len(edges) and edges[at + 1] <= begin + bit_ns / 2:
            false_starts += 1
            at += 2
            continue
        stop = begin + _STOP * bit_ns
        if stop > end_ns:
            break
        starts.append(begin)
        after = bisect_right(edges, stop, at + 1)
        at = after + ((after - at) & 1)
    return np.array(starts, dtype=np.int64), false_starts
