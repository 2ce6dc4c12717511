"""Digests change with what runs, and with nothing else."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rig.fingerprint import UNKNOWN, build_id, digest_of, fingerprint


def test_a_changed_renamed_or_moved_file_changes_the_digest(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("x = 1")
    seen = {digest_of(code)}
    (code / "a.py").write_text("x = 2")
    seen.add(digest_of(code))
    (code / "a.py").rename(code / "b.py")
    seen.add(digest_of(code))
    (code / "deep").mkdir()
    (code / "b.py").rename(code / "deep" / "b.py")
    seen.add(digest_of(code))
    assert len(seen) == 4
    (code / "notes.txt").write_text("not run")
    assert digest_of(code) in seen


def note(kind: int, name: bytes, data: bytes) -> bytes:
    def padded(text: bytes) -> bytes:
        return text + bytes(-len(text) % 4)

    return struct.pack("=III", len(name), len(data), kind) + padded(name) + padded(data)


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        (note(257, b"Linux\0", b"abc") + note(3, b"GNU\0", bytes(range(20))), "0001020304050607"),
        (note(257, b"Linux\0", b"abc"), UNKNOWN),
        (note(3, b"GNU\0", b""), UNKNOWN),
        (b"\xff" * 40, UNKNOWN),
        (b"short", UNKNOWN),
    ],
)
def test_the_kernels_build_id_is_read_from_its_notes(
    tmp_path: Path, notes: bytes, found: str
) -> None:
    (tmp_path / "notes").write_bytes(notes)
    assert build_id(tmp_path / "notes") == found
    assert build_id(tmp_path / "none") == UNKNOWN


def test_every_entry_is_text_and_says_something() -> None:
    found = fingerprint()
    assert {"firmware sha256", "host sha256", "kernel", "kernel build id"} <= set(found)
    assert all(isinstance(value, str) and value for value in found.values())
