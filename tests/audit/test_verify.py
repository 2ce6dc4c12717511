"""The verifier: finds each changed byte, names its record, and raises no false alarm."""

import hashlib
import json
import shutil
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.audit import AuditInputError
from host.audit.intact import Line
from host.audit.record import Record
from host.audit.verify import Report, verify
from host.audit.writer import AuditWriter
from tests.audit.audit_logs import (
    abandon,
    assert_found,
    check,
    first_change,
    hash_of,
    lines,
    make_log,
    no_sync,
    owners,
    reference,
    segments,
)
from tests.audit.test_record import payloads


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return make_log(tmp_path / "log")


# ---- good logs --------------------------------------------------------------------------------


def test_a_clean_log_is_reported_in_full(log: Path) -> None:
    chain = lines(log)
    assert len(segments(log)) > 3
    report = check(log)
    assert report == Report(
        verified=True,
        records=12,
        head=hash_of(chain[-1]),
        opened=1,
        closed=1,
        clean_end=True,
        segments=len(segments(log)),
        first_wall_ns=json.loads(chain[0])["wall_ns"],
        last_wall_ns=json.loads(chain[-1])["wall_ns"],
        unvouched=12,
    )
    assert json.loads(msgspec.json.encode(report))["verified"] is True


def test_a_log_without_close_is_good_but_no_clean_end(tmp_path: Path) -> None:
    report = check(make_log(tmp_path / "log", close=False))
    assert (report.verified, report.clean_end, report.opened, report.closed) == (True, False, 1, 0)


def test_torn_parts_are_listed(log: Path) -> None:
    with segments(log)[-1].open("ab") as file:
        file.write(b'{"seq":13,')
    AuditWriter(log, host_id="pi").close()
    report = check(log)
    assert (report.verified, report.torn_reported) == (True, 1)
    assert report.torn_parts == [f"torn-{report.segments:06d}-1.part"]


@settings(max_examples=250, deadline=None, database=None)
@given(
    sessions=st.lists(
        st.tuples(st.lists(st.lists(payloads, max_size=3), max_size=3), st.booleans()),
        min_size=1,
        max_size=3,
    ),
    segment_bytes=st.sampled_from([1, 500, 1_000, 100_000]),
)
def test_no_false_alarm_on_generated_logs(
    tmp_path_factory: pytest.TempPathFactory,
    sessions: list[tuple[list[list[dict[str, Any]]], bool]],
    segment_bytes: int,
) -> None:
    log = tmp_path_factory.mktemp("clean")
    with no_sync():
        for batches, closes in sessions:
            writer = AuditWriter(log, host_id="pi", segment_bytes=segment_bytes)
            for batch in batches:
                for data in batch:
                    writer.append("order", "engine", data)
                writer.commit()
            head = writer.head
            if closes:
                writer.close()
            else:
                abandon(writer)
    report = check(log)
    assert report.verified, report.reason
    assert report.records == head[0] + closes
    assert report.clean_end is closes
    assert reference(log)
    shutil.rmtree(log)


def test_the_log_is_streamed_not_held_in_memory(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 40_000, segment_bytes=64 << 20)
    size = sum(path.stat().st_size for path in segments(log))
    tracemalloc.start()
    try:
        assert check(log).records == 40_002
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 10


def test_writer_and_verifier_agree_on_the_fields() -> None:
    assert Line.__struct_fields__ == Record.__struct_fields__


# ---- one byte, anywhere -----------------------------------------------------------------------


def test_one_byte_changed_anywhere_names_its_record(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 6)
    assert len(segments(log)) > 2
    tried = 0
    for path, offset, record in owners(log):
        good = path.read_bytes()
        for value in {good[offset] ^ 1, ord("\n"), ord("0"), 0} - {good[offset]}:
            path.write_bytes(good[:offset] + bytes([value]) + good[offset + 1 :])
            report = check(log)
            assert (report.verified, report.first_bad) == (False, record), (path, offset, value)
            assert report.file == path.name
            assert report.reason.startswith(f"record {record} in {path.name}: ")
            tried += 1
        path.write_bytes(good)
    assert tried >= 3 * len(owners(log))
    assert check(log).verified


def test_every_bit_flipped_names_its_record(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 1, segment_bytes=1)
    for path, offset, record in owners(log):
        good = path.read_bytes()
        for bit in range(8):
            flipped = bytes([good[offset] ^ (1 << bit)])
            path.write_bytes(good[:offset] + flipped + good[offset + 1 :])
            report = check(log)
            assert (report.verified, report.first_bad) == (False, record), (path, offset, bit)
        path.write_bytes(good)
    assert check(log).verified


def test_one_byte_removed_or_put_in_anywhere_names_its_record(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", 2, segment_bytes=700)
    before = lines(log)
    for path, offset, _ in owners(log):
        good = path.read_bytes()
        for middle in (b"", good[offset : offset + 1] + b" ", b"\n" + good[offset : offset + 1]):
            path.write_bytes(good[:offset] + middle + good[offset + 1 :])
            assert_found(log, first_change(before, lines(log)) or 0)
        path.write_bytes(good)
    assert check(log).verified


# ---- input that is no log, and logs in use ----------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_text("x"), "Not a directory"),
        (lambda path: path.mkdir(), "holds no audit log"),
        (lambda path: (path.mkdir(), (path / "notes.txt").touch()), "holds no audit log"),
        (lambda path: (path.mkdir(), (path / "audit-1.jsonl").touch()), "holds no audit log"),
        (lambda path: (path.mkdir(), (path / "audit-000001.jsonl").touch()), "log is empty"),
    ],
)
def test_where_there_is_no_log_there_is_no_verdict(
    tmp_path: Path, make: Callable[[Path], Any], words: str
) -> None:
    make(tmp_path / "log")
    with pytest.raises(AuditInputError, match=words) as caught:
        verify(tmp_path / "log")
    assert "\n" not in str(caught.value)


def test_a_read_error_is_no_verdict(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied", "audit-000001.jsonl")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AuditInputError, match="cannot be read: Permission denied"):
        verify(log)


def test_a_line_that_is_being_written_is_waited_for(log: Path) -> None:
    last = segments(log)[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[:-100])

    def finish() -> None:
        time.sleep(0.05)
        with last.open("ab") as file:
            file.write(whole[-100:])

    thread = threading.Thread(target=finish)
    thread.start()
    report = verify(log, settle_s=5)
    thread.join()
    assert (report.verified, report.clean_end) == (True, True)


def test_a_log_in_use_raises_no_false_alarm(tmp_path: Path) -> None:
    with no_sync(), AuditWriter(tmp_path / "log", host_id="pi", segment_bytes=50_000) as writer:
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                for _ in range(50):
                    writer.append("order", "engine", {"pad": "x" * 200})
                writer.commit()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            reports = [verify(tmp_path / "log", settle_s=5)]
            end_s = time.monotonic() + 30
            while reports[-1].records < 5_000 and time.monotonic() < end_s:
                reports.append(verify(tmp_path / "log", settle_s=5))
        finally:
            stop.set()
            thread.join()
    assert [report.reason for report in reports] == [""] * len(reports)
    assert len(reports) > 2
    assert reports[-1].records >= 5_000


def test_the_documented_shell_check_holds(log: Path) -> None:
    line = lines(log)[3]
    assert hashlib.sha256(line[:-76]).hexdigest() == hash_of(line)
