"""Raw samples to edges, against a reader that looks at one sample after the other."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysers import samples as module
from rig.analysers.samples import read_samples

LINES = ("A", "B", "C")


def slowly(data: bytes, bits: list[int], width: int, rate_hz: int) -> tuple[dict, dict]:
    words = [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]
    initial, edges = {}, {}
    for line, bit in zip(LINES, bits, strict=True):
        levels = [word >> bit & 1 for word in words]
        initial[line] = levels[0]
        edges[line] = [
            at * 1_000_000_000 // rate_hz
            for at in range(1, len(levels))
            if levels[at] != levels[at - 1]
        ]
    return initial, edges


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.tuples(
            st.just(width),
            st.lists(st.binary(min_size=width, max_size=width), min_size=1, max_size=40),
            st.permutations(range(8 * width)).map(lambda order: order[:3]),
        )
    ),
    st.sampled_from([1, 3, 200_000, 24_000_000, 1_000_000_000]),
    st.integers(1, 7),
)
def test_edges_are_those_of_a_plain_reader_in_any_chunks(
    given_: tuple[int, list[bytes], list[int]], rate_hz: int, chunk: int
) -> None:
    width, rows, bits = given_
    data = b"".join(rows)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(module, "CHUNK_SAMPLES", chunk)
        file = Path(folder) / "samples"
        file.write_bytes(data)
        capture = read_samples(
            file, bench="t", lines=LINES, bits=bits, width=width, rate_hz=rate_hz, start_ns=7
        )
    initial, edges = slowly(data, bits, width, rate_hz)
    assert dict(capture.initial) == initial
    assert {line: (times - 7).tolist() for line, times in capture.edges.items()} == edges
    assert capture.end_ns - 7 == (len(rows) - 1) * 1_000_000_000 // rate_hz


def test_hours_of_samples_do_not_overflow() -> None:
    offset = module._offset_ns(np.array([24_000_000 * 3600 * 24]), 24_000_000)
    assert offset.tolist() == [24 * 3600 * 1_000_000_000]
