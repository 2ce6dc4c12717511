"""The sample grid: sample k of a capture lies at start + k / rate.

An edge lands on the first sample at or after it; sample k is given back as start + floor(k / rate)
ns, which leads to the same sample again at any rate up to 1 GHz.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import Capture, CaptureError

S_NS = 1_000_000_000
MAX_RATE_HZ = 1_000_000_000  # above, two samples would share a nanosecond
# Eleven minutes at 24 MHz; a zip of zeros must not keep its reader busy for longer than that takes.
MAX_SAMPLES = 16_000_000_000
_CENTURY_S = 3_155_760_000
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([kMG]?)(?:Hz)?", re.ASCII)


def parse_rate(text: str) -> int:
    """Return Hz of "24 MHz", "1.5 MHz", "500000"; CaptureError unless it is 1 Hz to 1 GHz."""
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not (1 <= rate <= MAX_RATE_HZ and rate == int(rate)):
        raise CaptureError(f"sample rate {text[:40]!r} is not in 1 Hz..1 GHz")
    return int(rate)


def rate_text(rate_hz: int) -> str:
    """Return the rate as sigrok writes it: "24 MHz"."""
    unit = next(u for u in ("G", "M", "k", "") if rate_hz % _UNITS[u] == 0)
    return f"{rate_hz // _UNITS[unit]} {unit}Hz"


def to_samples(offset_ns: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    """Number of the first sample at or after each offset from the start, in int64 throughout."""
    seconds, rest = np.divmod(offset_ns, S_NS)
    return seconds * rate_hz + -(-rest * rate_hz // S_NS)


def to_offset_ns(sample: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    """Offset of each sample from the start, ns, rounded down; CaptureError beyond a century."""
    seconds, rest = np.divmod(sample, rate_hz)
    if seconds.size and int(seconds.max()) > _CENTURY_S:
        raise CaptureError("its times are out of range")
    return seconds * S_NS + rest * S_NS // rate_hz


def nearest_sample(offset_ns: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    """Number of the sample that a time rounded by another program was taken from."""
    seconds, rest = np.divmod(offset_ns, S_NS)
    return seconds * rate_hz + (2 * rest * rate_hz + S_NS) // (2 * S_NS)


def count_samples(capture: Capture, rate_hz: int) -> int:
    """Number of samples that cover a capture: the last one lies at or after its end."""
    span_ns = np.array([capture.end_ns - capture.start_ns])
    return int(to_samples(span_ns, rate_hz)[0]) + 1


def state_changes(capture: Capture, rate_hz: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Samples at which a line toggles, and the byte from there on; sample 0 comes first.

    Line n is bit n, so at most eight. Several edges on one sample are several entries, and the
    last one holds.
    """
    ats = [np.zeros(1, dtype=np.int64)]
    start = sum(capture.initial[line] << bit for bit, line in enumerate(capture.lines))
    flips = [np.array([start], dtype=np.uint8)]
    for bit, line in enumerate(capture.lines):
        ats.append(to_samples(capture.edges[line] - capture.start_ns, rate_hz))
        flips.append(np.full(ats[-1].size, 1 << bit, dtype=np.uint8))
    at, flip = np.concatenate(ats), np.concatenate(flips)
    order = np.argsort(at, kind="stable")
    return at[order], np.bitwise_xor.accumulate(flip[order])


def fill(
    at: NDArray[np.int64], states: NDArray[np.uint8], first: int, stop: int
) -> NDArray[np.uint8]:
    """The bytes of samples first..stop-1."""
    low = int(np.searchsorted(at, first, side="right")) - 1
    high = int(np.searchsorted(at, stop, side="left"))
    bounds = np.append(np.maximum(at[low:high], first), stop)
    return np.repeat(states[low:high], np.diff(bounds))
