"""The writer: what was confirmed stays, in order and once, whatever the disk or the power does."""

import errno
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from host.audit import AuditBusy, AuditRecordError, AuditWriteError
from host.audit.record import ZERO_HASH
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from tests.audit.audit_logs import (
    abandon,
    hash_of,
    lines,
    make_log,
    no_sync,
    records,
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


def test_a_new_log_is_private_and_starts_with_an_open_record(log: Path) -> None:
    with AuditWriter(log / "deep", host_id="pi-7") as writer:
        assert writer.head == (1, hash_of(lines(log / "deep")[0]))
    assert stat.S_IMODE((log / "deep").stat().st_mode) == 0o700
    for path in (log / "deep").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    first, last = records(log / "deep")
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (first["seq"], first["kind"], first["origin"]) == (1, "open", "recorder")
    assert first["data"] == {"host_id": "pi-7", "boot_id": boot_id, "format": 1}
    assert first["prev"] == ZERO_HASH
    assert (last["seq"], last["kind"], last["prev"]) == (2, "close", first["hash"])


def test_append_is_not_on_disk_before_commit(writer: AuditWriter, log: Path) -> None:
    head = writer.head
    assert [writer.append("order", "engine", {"n": n}) for n in range(3)] == [2, 3, 4]
    assert (writer.head, writer.pending, len(lines(log))) == (head, 3, 1)
    writer.commit()
    assert (writer.head, writer.pending) == ((4, hash_of(lines(log)[-1])), 0)
    assert good(log) == 4


def test_given_times_are_kept_and_others_are_now(writer: AuditWriter, log: Path) -> None:
    writer.append("trip", "guard", {}, mono_ns=5, wall_ns=-6)
    writer.append("trip", "guard", {})
    writer.commit()
    _, given, now = records(log)
    assert (given["mono_ns"], given["wall_ns"]) == (5, -6)
    assert now["wall_ns"] > 1_600_000_000 * 10**9
    assert now["mono_ns"] > records(log)[0]["mono_ns"]


def test_one_commit_is_one_write_and_one_sync(writer: AuditWriter) -> None:
    for n in range(100):
        writer.append("order", "engine", {"n": n})
    with mock.patch.object(os, "pwrite", wraps=os.pwrite) as write:
        with mock.patch.object(os, "fdatasync") as sync:
            writer.commit()
            writer.commit()  # nothing buffered: nothing to do
    assert (write.call_count, sync.call_count) == (1, 1)


def test_a_refused_record_leaves_no_gap(writer: AuditWriter, log: Path) -> None:
    for kind, data in (("order", {"px": float("nan")}), ("two words", {}), ("open", {})):
        with pytest.raises(AuditRecordError):
            writer.append(kind, "engine", data)
    for kind in ("close", "torn_tail"):
        with pytest.raises(AuditRecordError, match="belongs to the log itself"):
            writer.append(kind, "engine", {})
    assert writer.append("order", "engine", {}) == 2
    writer.commit()
    assert good(log) == 2


def test_restart_continues_the_chain(log: Path) -> None:
    for start in range(3):
        with AuditWriter(log, host_id="pi") as writer:
            assert writer.head[0] == 3 * start + 1
            writer.append("order", "engine", {})
    chain = records(log)
    assert [r["kind"] for r in chain] == ["open", "order", "close"] * 3
    assert [r["prev"] for r in chain[1:]] == [r["hash"] for r in chain[:-1]]
    report = verify(log)
    assert (report.verified, report.records, report.opened, report.closed) == (True, 9, 3, 3)


def test_thousands_of_records_over_several_segments(log: Path) -> None:
    make_log(log, 5_000, segment_bytes=200_000)
    make_log(log, 5_000, segment_bytes=200_000)
    assert len(segments(log)) > 10
    assert max(path.stat().st_size for path in segments(log)) <= 200_000
    assert good(log) == 10_004


def test_a_batch_is_never_split_over_segments(log: Path) -> None:
    with no_sync(), AuditWriter(log, host_id="pi", segment_bytes=500) as writer:
        for _ in range(3):
            for _ in range(4):
                writer.append("order", "engine", {})
            writer.commit()
    assert [len(path.read_bytes().splitlines()) for path in segments(log)] == [1, 4, 4, 4, 1]
    assert good(log) == 14


def test_two_writers_never_share_a_log(log: Path) -> None:
    with AuditWriter(log, host_id="pi") as writer:
        with pytest.raises(AuditBusy, match="another recorder"):
            AuditWriter(log, host_id="pi")
        code = (
            "import sys\nfrom host.audit import AuditBusy\n"
            "from host.audit.writer import AuditWriter\n"
            "try: AuditWriter(sys.argv[1], host_id='pi')\nexcept AuditBusy: sys.exit(42)"
        )
        other = subprocess.run([sys.executable, "-c", code, str(log)], cwd=ROOT, check=False)
        assert other.returncode == 42
        writer.append("order", "engine", {})
    AuditWriter(log, host_id="pi").close()
    assert good(log) == 5


def test_close_twice_is_once_and_a_closed_writer_refuses(log: Path) -> None:
    writer = AuditWriter(log, host_id="pi")
    writer.close()
    writer.close()
    with pytest.raises(AuditWriteError, match="closed"):
        writer.append("order", "engine", {})
    with pytest.raises(AuditWriteError, match="closed"):
        writer.commit()
    assert good(log) == 2


def test_an_exception_commits_but_is_no_clean_end(log: Path) -> None:
    def crash() -> None:
        with AuditWriter(log, host_id="pi") as writer:
            writer.append("order", "engine", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert [r["kind"] for r in records(log)] == ["open", "order"]
    assert verify(log).clean_end is False
    AuditWriter(log, host_id="pi").close()  # the lock was let go


# ---- the disk says no -------------------------------------------------------------------------


def full_after(room: int, code: int = errno.ENOSPC) -> Callable[..., int]:
    """A pwrite that takes `room` bytes in all, in pieces of at most 50, and then fails."""
    left = [room]
    real = os.pwrite

    def pwrite(fd: int, content: bytes, offset: int) -> int:
        if left[0] <= 0:
            raise OSError(code, os.strerror(code))
        taken = real(fd, content[: min(50, left[0])], offset)
        left[0] -= taken
        return taken

    return pwrite


def test_short_writes_are_finished(writer: AuditWriter, log: Path) -> None:
    real = os.pwrite
    for size in (1, 7, 64):
        with mock.patch.object(os, "pwrite", lambda fd, b, at, n=size: real(fd, b[:n], at)):
            writer.append("order", "engine", {"n": size})
            writer.append("order", "engine", {"n": -size})
            writer.commit()
    assert good(log) == 7


def test_a_disk_that_takes_nothing_is_an_error_not_a_loop(writer: AuditWriter) -> None:
    writer.append("order", "engine", {})
    with mock.patch.object(os, "pwrite", return_value=0):
        with pytest.raises(AuditWriteError, match="takes no more"):
            writer.commit()


@pytest.mark.parametrize("truncate_works", [True, False])
def test_disk_full_at_every_byte_then_retry_doubles_nothing(
    log: Path, truncate_works: bool
) -> None:
    with no_sync():
        writer = AuditWriter(log, host_id="pi", segment_bytes=100_000)
        refused = OSError(errno.EIO, "no")
        for room in range(0, 640, 1):
            before = writer.head
            writer.append("order", "engine", {"n": room})
            writer.append("fill", "venue", {"n": room})
            with mock.patch.object(os, "pwrite", full_after(room % 320)):
                with mock.patch.object(
                    os,
                    "ftruncate",
                    wraps=os.ftruncate if truncate_works else None,
                    side_effect=None if truncate_works else refused,
                ):
                    with pytest.raises(AuditWriteError, match=r"cannot write .*audit-\d+\.jsonl"):
                        writer.commit()
            assert (writer.head, writer.pending) == (before, 2 + room % 2)
            if truncate_works:
                assert len(lines(log)) == before[0]  # a reader sees no half record
            if room % 2 == 0:
                writer.append("late", "engine", {})  # the batch grows between the tries
            writer.commit()
            assert writer.pending == 0
            if room % 2 == 0:
                writer.append("odd", "engine", {})
        writer.commit()
        writer.close()
    chain = records(log)
    assert [r["data"]["n"] for r in chain if r["kind"] == "fill"] == list(range(640))
    assert good(log) == len(chain)


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "ftruncate"])
@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_any_error_of_the_disk_is_one_clear_line(
    writer: AuditWriter, log: Path, call: str, code: int
) -> None:
    writer.append("order", "engine", {})
    with mock.patch.object(os, "fdatasync", side_effect=OSError(errno.EIO, "torn")):
        with pytest.raises(AuditWriteError):
            writer.commit()  # so that the next try has something to cut back
    with mock.patch.object(os, call, side_effect=OSError(code, os.strerror(code))):
        with pytest.raises(AuditWriteError) as caught:
            writer.commit()
    assert os.strerror(code) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert writer.head[0] == 1
    writer.commit()
    assert (writer.head[0], good(log)) == (2, 2)


def test_a_real_file_size_limit_is_survived(log: Path) -> None:
    writer = AuditWriter(log, host_id="pi")
    for n in range(20):
        writer.append("order", "engine", {"n": n})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, hard))
    try:
        with pytest.raises(AuditWriteError, match="File too large"):
            writer.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (writer.head[0], good(log)) == (1, 1)
    writer.close()
    assert good(log) == 22


def test_rotation_that_fails_is_tried_again(log: Path) -> None:
    with no_sync():
        writer = AuditWriter(log, host_id="pi", segment_bytes=300)
        writer.append("order", "engine", {})
        with mock.patch.object(os, "fsync", side_effect=OSError(errno.EIO, "directory")):
            with pytest.raises(AuditWriteError, match="directory"):
                writer.commit()
        with mock.patch.object(os, "pwrite", full_after(20)):
            with pytest.raises(AuditWriteError):
                writer.commit()
        assert good(log) == 1  # an empty last segment is no fault
        writer.close()
    assert [r["kind"] for r in records(log)] == ["open", "order", "close"]
    assert good(log) == 3


def test_partial_bytes_do_not_stay_behind_a_rotation(log: Path) -> None:
    with no_sync():
        writer = AuditWriter(log, host_id="pi", segment_bytes=700)
        writer.append("order", "engine", {})
        with mock.patch.object(os, "ftruncate", side_effect=OSError(errno.EIO, "no")):
            with mock.patch.object(os, "pwrite", full_after(99)):
                with pytest.raises(AuditWriteError):
                    writer.commit()
        for _ in range(5):
            writer.append("order", "engine", {})  # now too much for the first segment
        writer.close()
    assert len(segments(log)) == 2
    assert good(log) == 8


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
@pytest.mark.parametrize("done", [True, False])
def test_an_interrupted_commit_can_be_repeated(
    writer: AuditWriter, log: Path, call: str, done: bool
) -> None:
    real = getattr(os, call)

    def interrupted(*args: Any) -> None:
        if done:
            real(*args)
        raise KeyboardInterrupt

    writer.append("order", "engine", {})
    with mock.patch.object(os, call, interrupted), pytest.raises(KeyboardInterrupt):
        writer.commit()
    writer.append("fill", "venue", {})
    writer.commit()
    assert [r["kind"] for r in records(log)] == ["open", "order", "fill"]
    assert good(log) == 3


def test_close_on_a_full_disk_lets_go_of_the_lock(log: Path) -> None:
    writer = AuditWriter(log, host_id="pi")
    with mock.patch.object(os, "pwrite", full_after(30)), pytest.raises(AuditWriteError):
        writer.close()
    AuditWriter(log, host_id="pi").close()
    assert good(log) == 3


def test_opening_on_a_full_disk_fails_cleanly(log: Path) -> None:
    make_log(log, 2)
    with segments(log)[-1].open("ab") as file:
        file.write(b'{"seq":5')
    for room in (0, 5, 100):
        with mock.patch.object(os, "pwrite", full_after(room)), pytest.raises(AuditWriteError):
            AuditWriter(log, host_id="pi")
    AuditWriter(log, host_id="pi").close()
    assert good(log) == 7
    assert [p.read_bytes() for p in sorted(log.glob("torn-*"))] == [b'{"seq":5']


def test_a_path_that_is_no_directory_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "log"):
        with pytest.raises(AuditWriteError, match="cannot open the audit log"):
            AuditWriter(path, host_id="pi")
