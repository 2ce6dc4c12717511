"""Raw logic samples, as `sigrok-cli -O binary` writes them, to edges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rig.analysers.model import SECOND_NS
from rig.capture import Capture

CHUNK_SAMPLES = 4 << 20


def read_samples(
    path: Path, *, bench: str, lines: tuple[str, ...], bits: Sequence[int], width: int,
    rate_hz: int, start_ns: int,
) -> Capture:  # fmt: skip
    """Return the capture of a file of whole samples, of which there must be one at least.

    bits -- of a sample, one for each line
    width -- bytes a sample
    start_ns -- of sample 0; sample k lies floor(k / rate) later
    """
    initial: dict[str, int] = {}
    found: dict[str, list[NDArray[np.int64]]] = {line: [] for line in lines}
    last: NDArray[np.uint8] | None = None
    count = 0
    with path.open("rb") as file:
        while data := file.read(CHUNK_SAMPLES * width):
            chunk = np.frombuffer(data, dtype=np.uint8).reshape(-1, width)
            if last is None:
                first = chunk[0]
                initial = {
                    line: int(first[bit // 8]) >> bit % 8 & 1
                    for line, bit in zip(lines, bits, strict=True)
                }
                last = first
            changed = chunk ^ np.concatenate((last[None, :], chunk[:-1]))
            at = np.flatnonzero(changed.any(axis=1))
            flips = changed[at]
            for line, bit in zip(lines, bits, strict=True):
                found[line].append(at[(flips[:, bit // 8] >> bit % 8 & 1) == 1] + count)
            last = chunk[-1].copy()
            count += len(chunk)
    edges = {line: start_ns + _offset_ns(np.concatenate(found[line]), rate_hz) for line in lines}
    end_ns = start_ns + int(_offset_ns(np.array([count - 1]), rate_hz)[0])
    return Capture(bench, initial, edges, start_ns, end_ns, lines)


def _offset_ns(sample: NDArray[np.int64], rate_hz: int) -> NDArray[np.int64]:
    # In two parts, so that it stays within 64 bits for captures of hours.
    seconds, rest = np.divmod(sample.astype(np.int64), rate_hz)
    return seconds * SECOND_NS + rest * SECOND_NS // rate_hz
