"""The pieces of a session: each change found, and no file that eats time or memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.capture import CaptureError, read_capture, write_sr
from rig.capture.pieces import changes_in
from tests.rig.captures import SLOW, bench_at_work

CHUNKS = st.one_of(
    st.binary(min_size=1, max_size=120),
    # Runs, and patterns of a period that a comparison of words could mistake for quiet.
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 40)), min_size=1, max_size=12).map(
        lambda runs: b"".join(bytes([value]) * length for value, length in runs)
    ),
    st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 200)).map(
        lambda pair: (pair[0] * pair[1])[: pair[1]]
    ),
)


@given(data=CHUNKS, last=st.integers(-1, 255))
@SLOW
def test_changes_are_those_of_a_plain_loop(data, last):
    before = [last, *data[:-1]]
    expected = [at for at, byte in enumerate(data) if byte != before[at]]
    assert changes_in(np.frombuffer(data, np.uint8), last).tolist() == expected


METADATA = """[global]
[device 1]
capturefile=logic-1
total probes=1
samplerate=1 MHz
probe1=D0
unitsize=1
"""


def session(
    path: Path, *pieces: bytes, method: int = zipfile.ZIP_DEFLATED, metadata: str = METADATA
) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("version", "2")
        made.writestr("metadata", metadata)
        for number, piece in enumerate(pieces, start=1):
            made.writestr(f"logic-1-{number}", piece)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_pieces(tmp_path, method):
    path = session(
        tmp_path / "x.sr", b"\0\0\1", b"\1", b"", b"\0" * 3_000_000 + b"\1", method=method
    )
    assert read_capture(path).edges["SWITCH_A"].tolist() == [2_000, 4_000, 3_000_004_000]


def test_other_packings_are_refused(tmp_path):
    with pytest.raises(CaptureError, match="does not use"):
        read_capture(session(tmp_path / "x.sr", b"\0\1", method=zipfile.ZIP_BZIP2))


def directory_entry(data: bytes, name: bytes) -> int:
    """Where the central directory keeps the member `name`."""
    return data.rindex(b"PK\1\2", 0, data.rindex(name))


def test_a_piece_with_more_samples_than_it_announces_is_refused(tmp_path):
    path = session(tmp_path / "x.sr", bytes(1_000_000))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, directory_entry(data, b"logic-1-1") + 24, 10)
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="more samples than it announces"):
        read_capture(path)


def test_pieces_upon_each_other_are_refused(tmp_path):
    """A thousand directory entries for one member: small on the disk, huge when unpacked."""
    path = session(tmp_path / "x.sr", bytes(1 << 20))
    with zipfile.ZipFile(path, "a") as made:
        for number in range(2, 20):
            twin = copy(made.getinfo("logic-1-1"))
            twin.filename = f"logic-1-{number}"
            made.filelist.append(twin)
        made.comment = b"so that the directory is written again"
    with pytest.raises(CaptureError, match="upon each other"):
        read_capture(path)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("rig.capture.pieces.MAX_SAMPLES", 1_000_000)
    with pytest.raises(CaptureError, match="1000001 samples, more than the 1000000"):
        read_capture(session(tmp_path / "x.sr", bytes(1_000_001)))


def test_a_flood_of_edges_ends_early(tmp_path, monkeypatch):
    monkeypatch.setattr("rig.capture.pieces.MAX_EDGES", 100_000)
    path = session(tmp_path / "x.sr", *[b"\0\1" * 500_000] * 4)
    with pytest.raises(CaptureError, match="more than 100000 edges"):
        read_capture(path)


def test_all_lines_together_are_a_flood_too(tmp_path, monkeypatch):
    monkeypatch.setattr("rig.capture.given.MAX_EDGES", 1_000)
    eight = METADATA.replace("probe1=D0\n", "".join(f"probe{n + 1}=D{n}\n" for n in range(8)))
    good = session(tmp_path / "good.sr", b"\0\xff" * 62, metadata=eight)
    assert sum(times.size for times in read_capture(good).edges.values()) == 8 * 123
    with pytest.raises(CaptureError, match="more than 1000 edges"):
        read_capture(session(tmp_path / "x.sr", b"\0\xff" * 64, metadata=eight))


def test_memory_does_not_grow_with_the_samples(tmp_path):
    path = session(tmp_path / "x.sr", *[bytes(4 << 20)] * 16, b"\1")
    tracemalloc.start()
    read_capture(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_damage_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "x.sr"
    write_sr(bench_at_work(2), path, rate_hz=12_000_000)
    good, data = read_capture(path), path.read_bytes()
    with zipfile.ZipFile(path) as made:
        piece = made.getinfo("logic-1-1")
    first = piece.header_offset + 30 + len("logic-1-1")
    refused = 0
    for at in range(first, first + piece.compress_size, piece.compress_size // 40):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            # Another distance into a run of equal samples unpacks to the same samples.
            assert read_capture(path).same_edges(good)
        except CaptureError:
            refused += 1
    assert refused > 0
