"""The log is followed read-only, and what is not as it was written is seen and stays seen."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from host.audit.writer import AuditWriter
from host.dashboard.tail import Tail
from tests.audit.audit_logs import make_log, no_sync, segments


def read_all(tail: Tail) -> list[int]:
    found: list[int] = []
    while new := [record.seq for record in tail.read()]:
        found += new
    return found


def test_what_is_appended_is_read_once_and_in_order_over_segments(tmp_path: Path) -> None:
    with no_sync():
        writer = AuditWriter(tmp_path, host_id="pi", segment_bytes=900)
        tail = Tail(tmp_path)
        seen: list[int] = []
        for number in range(40):
            writer.append("order", "engine", {"n": number})
            if number % 3 == 0:
                writer.commit()
                seen += read_all(tail)
        writer.close()
        seen += read_all(tail)
    assert len(segments(tmp_path)) > 5
    assert seen == list(range(1, 43))
    assert (tail.broken, tail.followed, tail.behind_bytes) == ("", 42, 0)
    tail.close()


def test_a_long_log_is_read_from_its_last_segments_only(tmp_path: Path) -> None:
    make_log(tmp_path, 30)
    tail = Tail(tmp_path)
    seen = read_all(tail)
    assert 1 < seen[0] < seen[-1] == 32
    assert tail.broken == ""
    tail.close()


def test_no_descriptor_can_write(tmp_path: Path) -> None:
    make_log(tmp_path, 3)
    tail = Tail(tmp_path)
    read_all(tail)
    assert fcntl.fcntl(tail._fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    tail.close()


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    make_log(tmp_path, 4, segment_bytes=1 << 20)
    segment = segments(tmp_path)[0]
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-40])
    tail = Tail(tmp_path)
    assert read_all(tail) == [1, 2, 3, 4, 5]
    with segment.open("ab") as file:
        file.write(whole[-40:])
    assert read_all(tail) == [6]
    assert tail.broken == ""
    tail.close()


def _changed(content: bytes) -> bytes:
    return content.replace(b'"n":2', b'"n":9', 1)


def _without_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:3] + lines[4:])


def _two_exchanged(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:3], lines[4], lines[3], *lines[5:]])


def _garbage(content: bytes) -> bytes:
    return content + b"\xff\x00 nothing\n"


@pytest.mark.parametrize("spoil", [_changed, _without_a_line, _two_exchanged, _garbage])
def test_a_spoilt_log_is_seen_and_stays_seen(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    make_log(tmp_path, 8, segment_bytes=1 << 20)
    segment = segments(tmp_path)[0]
    segment.write_bytes(spoil(segment.read_bytes()))
    tail = Tail(tmp_path)
    read_all(tail)
    assert tail.broken
    read_all(tail)
    assert tail.broken
    tail.close()


def test_a_log_that_is_cut_or_exchanged_while_it_is_followed_is_seen(tmp_path: Path) -> None:
    for number, act in enumerate((lambda file: os.truncate(file, 100), Path.unlink)):
        folder = tmp_path / str(number)
        make_log(folder, 8, segment_bytes=1 << 20)
        tail = Tail(folder)
        read_all(tail)
        act(segments(folder)[0])
        if number:
            make_log(folder, 3, segment_bytes=1 << 20)
        read_all(tail)
        assert ("cut", "another file")[number] in tail.broken
        tail.close()


def test_what_is_not_there_is_an_error_to_try_again_after(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        read_all(tail)
    (tmp_path / "none").mkdir()
    assert read_all(tail) == []
    make_log(tmp_path / "none", 2)
    assert read_all(tail) == [1, 2, 3, 4]
    tail.close()


def test_a_link_in_place_of_a_segment_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit-000001.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic"):
        read_all(Tail(tmp_path))
