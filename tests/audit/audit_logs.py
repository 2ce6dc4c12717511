"""Logs for the audit tests: made by the real writer, taken apart as lines, sealed by a forger."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from host.audit.verify import Report, verify
from host.audit.writer import AuditWriter

ZEROS = "0" * 64


@contextlib.contextmanager
def no_sync() -> Iterator[None]:
    """Skip the waiting for the disk, in tests that judge content and never power cuts."""
    with mock.patch.object(os, "fsync"), mock.patch.object(os, "fdatasync"):
        yield


def make_log(
    directory: Path,
    records: int = 10,
    *,
    segment_bytes: int = 900,
    host_id: str = "pi",
    close: bool = True,
) -> Path:
    """A log of `records` records beside open and close, two a commit, some 300 bytes each."""
    with no_sync():
        writer = AuditWriter(directory, host_id=host_id, segment_bytes=segment_bytes)
        for number in range(records):
            data = {"n": number, "px": number / 8, "ok": True, "who": "é\n", "legs": [1, None]}
            writer.append("order", "engine", data, mono_ns=1_000 + number, wall_ns=10**18 + number)
            if number % 2:
                writer.commit()
        writer.commit()
        if close:
            writer.close()
        else:
            abandon(writer)
    return directory


def abandon(writer: AuditWriter) -> None:
    """Let go of the files as a killed process does: nothing is written any more."""
    writer._release()


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("audit-*.jsonl"))


def split(content: bytes) -> list[bytes]:
    """Lines with their newline, as a reader of the file sees them; the last may lack it."""
    *whole, rest = content.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def lines(directory: Path) -> list[bytes]:
    return [line for path in segments(directory) for line in split(path.read_bytes())]


def records(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(directory)]


def seal_body(body: bytes) -> bytes:
    """Any bytes in front of the hash, with the hash that fits them; stdlib only."""
    return body + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def body_of(line: bytes) -> bytes:
    return line[: line.rindex(b',"hash":')]


def hash_of(line: bytes) -> str:
    return str(json.loads(line)["hash"])


def with_prev(line: bytes, prev: str) -> bytes:
    """The same record, honestly sealed, behind another one."""
    body = body_of(line)
    return seal_body(body[: body.rindex(b'"prev":') + 8] + prev.encode() + b'"')


def rechain(chain: list[bytes], start: int, end: int | None = None) -> list[bytes]:
    """Seal the lines from `start` to `end` anew, each behind its new predecessor."""
    out = list(chain)
    for index in range(start, len(out) if end is None else end):
        out[index] = with_prev(out[index], hash_of(out[index - 1]) if index else ZEROS)
    return out


Layout = list[list[bytes]]  # the lines of each segment


def check(directory: Path) -> Report:
    return verify(directory, settle_s=0)


def layout(directory: Path) -> Layout:
    return [split(path.read_bytes()) for path in segments(directory)]


def lay_out(directory: Path, parts: Layout) -> Path:
    """Write the segments anew."""
    for path in segments(directory):
        path.unlink()
    directory.mkdir(exist_ok=True)
    for number, part in enumerate(parts, 1):
        (directory / f"audit-{number:06d}.jsonl").write_bytes(b"".join(part))
    return directory


def respread(chain: list[bytes], like: Layout) -> Layout:
    """The lines of a changed chain in segments about as long as before."""
    parts: Layout = []
    for part in like[:-1]:
        parts.append(chain[: len(part)])
        chain = chain[len(part) :]
    return [part for part in [*parts, chain] if part]


def assert_found(directory: Path, record: int, words: str = "") -> None:
    """The log is bad from exactly `record` on, said in one line with a file."""
    report = check(directory)
    assert not report.verified
    assert report.first_bad == record, report.reason
    assert report.records == record - 1
    assert not report.clean_end
    assert words in report.reason
    assert "\n" not in report.reason
    assert report.file


def reference(directory: Path) -> bool:
    """A second verifier, standard library only: right hashes in an unbroken chain."""
    head, seq = ZEROS, 0
    for line in lines(directory):
        try:
            record = json.loads(line)
            intact = line == seal_body(line[:-76]) and record["prev"] == head
            if not intact or record["seq"] != seq + 1:
                return False
        except (ValueError, KeyError, TypeError):
            return False
        head, seq = record["hash"], seq + 1
    return True


def flat(parts: Layout) -> list[bytes]:
    return [line for part in parts for line in part]


def owners(log: Path) -> list[tuple[Path, int, int]]:
    """For every byte of the log: its file, its offset there, and the record it belongs to."""
    found = []
    record = 0
    for path in segments(log):
        offset = 0
        for line in split(path.read_bytes()):
            record += 1
            found += [(path, offset + at, record) for at in range(len(line))]
            offset += len(line)
    return found


def first_change(before: list[bytes], after: list[bytes]) -> int | None:
    """Number of the first record that differs; None for the same log or one cut off cleanly."""
    if after == before[: len(after)]:
        return None
    same = (old == new for old, new in zip(before, after, strict=False))
    return next((n for n, equal in enumerate(same, 1) if not equal), len(before) + 1)
