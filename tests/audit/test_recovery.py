"""Opening and keeping a log: after a crash at any point, and when somebody else touched it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from host.audit import AuditBroken
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from tests.audit.audit_logs import (
    abandon,
    lines,
    make_log,
    no_sync,
    records,
    seal_body,
    segments,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def writer(log: Path) -> Iterator[AuditWriter]:
    with no_sync():
        writer = AuditWriter(log, host_id="pi")
        yield writer
        abandon(writer)


def good(directory: Path) -> int:
    """Number of records of a log that must verify."""
    report = verify(directory, settle_s=0)
    assert report.verified, report.reason
    return report.records


# ---- the power goes ---------------------------------------------------------------------------


def test_a_crash_after_every_byte_of_a_commit(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 3, close=False)
    last = segments(log)[-1]
    confirmed, start = len(lines(log)), last.stat().st_size
    with no_sync():
        writer = AuditWriter(log, host_id="pi")  # its open record is the write that is cut
        writer.append("order", "engine", {"n": 1})
        writer.commit()
        abandon(writer)
    whole = last.read_bytes()
    for cut in range(start, len(whole) + 1):
        crashed = tmp_path / "crashed"
        shutil.copytree(log, crashed)
        (crashed / last.name).write_bytes(whole[:cut])
        kept = whole[:cut].rfind(b"\n") + 1
        with no_sync():
            AuditWriter(crashed, host_id="pi").close()
        chain = records(crashed)
        assert lines(crashed)[:confirmed] == lines(log)[:confirmed]
        torn = [r for r in chain if r["kind"] == "torn_tail"]
        parts = sorted(crashed.glob("torn-*"))
        assert [p.read_bytes() for p in parts] == ([whole[kept:cut]] if kept < cut else [])
        assert [r["data"]["file"] for r in torn] == [p.name for p in parts]
        assert [r["data"]["bytes"] for r in torn] == [p.stat().st_size for p in parts]
        assert good(crashed) == len(chain)
        shutil.rmtree(crashed)


def test_a_crash_before_and_after_every_system_call(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 3, close=False)
    with segments(log)[-1].open("ab") as file:
        file.write(b'{"seq":5,"wall_ns":17')
    kept = lines(log)[:-1]
    (tmp_path / "work").mkdir()
    run = subprocess.run(
        [sys.executable, "-m", "tests.audit.crash_points", str(log), str(tmp_path / "work")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    crashes = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(crashes) > 100
    assert [c["code"] for c in crashes[:-1]] == [9] * (len(crashes) - 1)
    assert {c["confirmed"] for c in crashes} >= {0, 6, 8, 10, 12, 14, 16}
    for crash in crashes:
        directory = Path(crash["directory"])
        with no_sync():
            AuditWriter(directory, host_id="pi").close()
        assert good(directory) >= crash["confirmed"] + 2, crash
        assert lines(directory)[: len(kept)] == kept
        # The torn bytes are kept and reported, whatever happened while they were moved.
        parts = {p.name: p.read_bytes() for p in directory.glob("torn-*.part")}
        assert b'{"seq":5,"wall_ns":17' in parts.values(), crash
        reported = [r["data"]["file"] for r in records(directory) if r["kind"] == "torn_tail"]
        assert set(reported) == set(parts), crash
        assert not list(directory.glob("*.new"))


def test_zeros_that_a_file_system_left_are_set_aside(log: Path) -> None:
    make_log(log, 3)
    count = len(lines(log))
    with segments(log)[-1].open("ab") as file:
        file.write(bytes(200_000))
    AuditWriter(log, host_id="pi").close()
    assert [p.stat().st_size for p in log.glob("torn-*.part")] == [200_000]
    assert good(log) == count + 3


@pytest.mark.parametrize("torn", [b"", b'{"se', b'{"seq":1,"wall', b'{"se\0\0\0', b"\0" * 99])
def test_a_crash_in_the_first_record_starts_anew(log: Path, torn: bytes) -> None:
    log.mkdir()
    (log / "audit-000001.jsonl").write_bytes(torn)
    AuditWriter(log, host_id="pi").close()
    assert [r["kind"] for r in records(log)] == ["open", *(["torn_tail"] if torn else []), "close"]
    good(log)


# ---- the log is not ours, or no longer --------------------------------------------------------


def change_last(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(log: Path) -> None:
        last = segments(log)[-1]
        last.write_bytes(change(last.read_bytes()))

    return apply


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        change_last(lambda old: flipped(old, -10)),
        change_last(lambda old: flipped(old, -150)),
        change_last(lambda old: old + b"garbage\n"),
        change_last(lambda old: old + b"\n"),
        change_last(lambda old: old + b"x" * (2 << 20) + b"\n"),
        change_last(lambda old: old + seal_body(b'{"seq":9')),
        change_last(lambda old: bytes(len(old) - 1) + b"\n"),
        lambda log: segments(log)[1].unlink(),
        lambda log: segments(log)[0].unlink(),
        lambda log: segments(log)[-1].rename(log / "audit-000099.jsonl"),
        lambda log: (log / "audit-000001.jsonl.bak").write_text("copy"),
    ],
)
def test_a_foreign_or_broken_tail_is_refused_and_left_alone(
    log: Path, damage: Callable[[Path], None]
) -> None:
    make_log(log, 8)
    damage(log)
    before = {path.name: path.read_bytes() for path in log.iterdir()}
    with pytest.raises(AuditBroken) as caught:
        AuditWriter(log, host_id="pi")
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in log.iterdir()} == before


@pytest.mark.parametrize("content", [b"hello", b'{"seq":2,', b"\0\0x", b"hello\nworld\n"])
def test_a_foreign_first_segment_is_refused(log: Path, content: bytes) -> None:
    log.mkdir()
    (log / "audit-000001.jsonl").write_bytes(content)
    with pytest.raises(AuditBroken):
        AuditWriter(log, host_id="pi")
    assert (log / "audit-000001.jsonl").read_bytes() == content


def test_an_empty_last_segment_needs_a_whole_one_before_it(log: Path) -> None:
    make_log(log, 3)
    number = len(segments(log)) + 1
    (log / f"audit-{number:06d}.jsonl").touch()
    AuditWriter(log, host_id="pi").close()
    good(log)
    (log / f"audit-{number:06d}.jsonl").write_bytes(b"")
    cut = segments(log)[-2]
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(AuditBroken, match="a later one follows"):
        AuditWriter(log, host_id="pi")


def replaced(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, "removed"),
        (replaced, "replaced"),
        (lambda path: path.rename(path.with_name("elsewhere")), "removed"),
        (lambda path: path.write_bytes(b""), "0 bytes"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes where"),
    ],
)
def test_a_segment_that_changes_while_open_is_noticed(
    writer: AuditWriter, log: Path, change: Callable[[Path], None], words: str
) -> None:
    writer.append("order", "engine", {})
    writer.commit()
    change(segments(log)[-1])
    writer.append("order", "engine", {})
    for _ in range(2):
        with pytest.raises(AuditBroken, match=words):
            writer.commit()
    assert writer.head[0] == 2


def test_a_stranger_in_the_place_of_the_next_segment_is_noticed(log: Path) -> None:
    writer = AuditWriter(log, host_id="pi", segment_bytes=10)
    (log / "audit-000002.jsonl").write_bytes(b"planted\n")
    writer.append("order", "engine", {})
    with pytest.raises(AuditBroken, match="not empty"):
        writer.commit()
    abandon(writer)
    assert (log / "audit-000002.jsonl").read_bytes() == b"planted\n"


# ---- order of things that only a power cut would show -----------------------------------------


def disk_calls(action: Callable[[], Any]) -> list[tuple[str, str]]:
    """The calls that order what reaches the disk, each with the name of its file."""
    seen: list[tuple[str, str]] = []

    def noted(name: str) -> Any:
        real = getattr(os, name)

        def call(fd: int, *args: Any) -> Any:
            seen.append((name, Path(f"/proc/self/fd/{fd}").readlink().name))
            return real(fd, *args)

        return mock.patch.object(os, name, call)

    with noted("fsync"), noted("fdatasync"), noted("ftruncate"), noted("pwrite"):
        action()
    return seen


def test_a_new_log_is_anchored_in_its_directories(log: Path) -> None:
    assert disk_calls(lambda: abandon(AuditWriter(log, host_id="pi"))) == [
        ("fsync", log.parent.name),
        ("fsync", "log"),
        ("pwrite", "audit-000001.jsonl"),
        ("fdatasync", "audit-000001.jsonl"),
        ("fsync", "log"),
    ]


def test_torn_bytes_are_safe_elsewhere_before_they_are_cut_off(log: Path) -> None:
    make_log(log, 0, segment_bytes=10_000)
    segment = "audit-000001.jsonl"
    with (log / segment).open("ab") as file:
        file.write(b'{"seq":3')
    assert disk_calls(lambda: abandon(AuditWriter(log, host_id="pi"))) == [
        ("pwrite", "torn-000001-1.part.new"),
        ("fsync", "torn-000001-1.part.new"),
        ("fsync", "log"),
        ("ftruncate", segment),
        ("fsync", segment),
        ("fsync", "log"),
        ("pwrite", segment),
        ("fdatasync", segment),
        ("fsync", "log"),
    ]


def test_whole_lines_of_a_dead_writer_are_synced_before_they_are_built_on(log: Path) -> None:
    make_log(log, 0, segment_bytes=10_000)
    calls = disk_calls(lambda: abandon(AuditWriter(log, host_id="pi")))
    assert calls[0] == ("fsync", "audit-000001.jsonl")


def test_a_new_segment_is_anchored_before_it_is_written(log: Path) -> None:
    writer = AuditWriter(log, host_id="pi", segment_bytes=10)
    writer.append("order", "engine", {})
    assert disk_calls(writer.commit) == [
        ("fsync", "log"),
        ("pwrite", "audit-000002.jsonl"),
        ("fdatasync", "audit-000002.jsonl"),
    ]
    writer.close()


def test_a_last_line_of_any_length_is_refused_without_reading_it(log: Path) -> None:
    make_log(log, 1)
    with segments(log)[-1].open("ab") as file:
        file.write(b"x" * (2 << 20) + b"\n")
    with pytest.raises(AuditBroken, match="longer than any record"):
        AuditWriter(log, host_id="pi")


class Interrupting(dict[int, bytes]):
    """A buffer in which a signal handler raises, right after the change it was told to make."""

    armed = True

    def __setitem__(self, seq: int, line: bytes) -> None:
        super().__setitem__(seq, line)
        self._interrupt()

    def clear(self) -> None:
        self._interrupt()
        super().clear()

    def _interrupt(self) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


def test_an_interrupt_in_append_or_commit_doubles_nothing(log: Path) -> None:
    with no_sync(), AuditWriter(log, host_id="pi") as writer:
        writer._pending = buffer = Interrupting()
        with pytest.raises(KeyboardInterrupt):
            writer.append("lost", "engine", {})
        assert writer.append("order", "engine", {}) == 2
        buffer.armed = True
        with pytest.raises(KeyboardInterrupt):
            writer.commit()  # after the record was on disk
        assert (writer.head[0], writer.pending) == (2, 0)
        buffer.armed = True
        with pytest.raises(KeyboardInterrupt):
            writer.append("lost", "engine", {})
        writer.append("fill", "venue", {})
        writer.commit()
    assert [r["kind"] for r in records(log)] == ["open", "order", "fill", "close"]
    assert good(log) == 4
