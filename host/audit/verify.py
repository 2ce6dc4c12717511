"""The independent verifier: reads a log line by line and says which record is wrong, and why.

It shares only names and constants with the writer (host.audit.intact: each record by itself;
receipts, retirements: what the witness says; here: the chain).

What a good verdict means: every record from 1 to `records` is what its hash says, in an unbroken
chain; the first `retired` of them are gone, as a record says (host.audit.retirements). What it does
NOT mean: that nothing was cut off at the very end, after `receipts_to`, or, without the witness key,
that nobody wrote the whole chain anew (host.audit.receipts). `clean_end` is False when the last
record is not "close": a running or crashed recorder, or a cut. `head` is what to compare.
"""

import os
import stat
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import msgspec

from host.audit import AuditInputError
from host.audit.intact import Line, all_intact, blocks, intact, split
from host.audit.receipts import Receipts
from host.audit.record import (
    FORMAT_VERSION,
    KIND_CLOSE,
    KIND_OPEN,
    KIND_RECEIPT,
    KIND_RETIRED,
    KIND_TORN,
    MAX_LINE_BYTES,
    SEGMENT_NAME,
    SEGMENT_PREFIX,
    TORN_NAME,
    WORD,
    ZERO_HASH,
    segment_name,
)
from host.audit.retirements import Retirements

_WATCHED = frozenset({KIND_OPEN, KIND_CLOSE, KIND_TORN, KIND_RECEIPT, KIND_RETIRED})
_SETTLE_STEP_S = 0.02


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Verdict over one log. After a fault everything describes the good records before it."""

    verified: bool
    records: int
    first_bad: int | None = None  # number of the first wrong record, where one can be named
    file: str | None = None
    reason: str = ""
    retired: int = 0  # records at the beginning that are gone, as a record says
    head: str = ZERO_HASH  # hash of record number `records`
    opened: int = 0  # "open" records: starts of a recorder
    closed: int = 0  # "close" records: clean ends
    clean_end: bool = False
    torn_reported: int = 0  # "torn_tail" records
    torn_parts: list[str] = []  # set-aside files found in the directory
    segments: int = 0
    first_wall_ns: int | None = None
    last_wall_ns: int | None = None
    receipts: int = 0  # receipts of the witness in the log
    receipts_checked: bool = False  # True when their MACs were checked, with the witness key
    receipts_to: int = 0  # the last record that a receipt vouches for
    unvouched: int = 0  # records after it
    epochs: list[dict[str, int]] = []  # power-ups of the witness: epoch, first record that tells


_word = lru_cache(maxsize=256)(WORD.fullmatch)


class _Fault(Exception):
    """The first thing that is wrong; ends the walk."""

    def __init__(self, file: str, reason: str, *, seq: int | None) -> None:
        super().__init__(reason)
        self.file, self.reason, self.seq = file, reason, seq


def verify(
    directory: str | os.PathLike[str],
    *,
    witness_key: bytes | None = None,
    settle_s: float = 0.1,
    visit: Callable[[Line], None] | None = None,
) -> Report:
    """Check the log in `directory`, holding one line at a time; AuditInputError when there is none.

    With `witness_key` the receipts' MACs are checked too. A last line without its end is given
    `settle_s` to be finished, since the log may be in use. `visit` is shown every good record, in order.
    """
    path = Path(directory)
    try:
        names = sorted(entry.name for entry in path.iterdir())
        receipts = Receipts(witness_key)
        chain = _Chain(settle_s, receipts, visit)
        fault = _walk(path, names, chain)
    except OSError as error:
        where = error.filename or path
        raise AuditInputError(f"{where}: cannot be read: {error.strerror or error}") from error
    last = chain.last
    return Report(
        verified=fault is None,
        records=fault.seq - 1 if fault and fault.seq else chain.records,
        first_bad=fault.seq if fault else None,
        file=fault.file if fault else None,
        reason=fault.reason if fault else "",
        retired=chain.retirements.records,
        head=chain.head,
        opened=chain.opened,
        closed=chain.closed,
        clean_end=fault is None and not chain.in_session,
        torn_reported=chain.torn,
        torn_parts=[name for name in names if TORN_NAME.fullmatch(name)],
        segments=len(_segments(names)[0]),
        first_wall_ns=chain.first_wall_ns,
        last_wall_ns=last.wall_ns if last else None,
        receipts=receipts.taken,
        receipts_checked=witness_key is not None,
        receipts_to=receipts.vouched_most,
        unvouched=chain.records - receipts.vouched_most,
        epochs=receipts.epochs,
    )


def _segments(names: list[str]) -> tuple[dict[int, str], list[str]]:
    """Segments by number, and the names that only look like segments."""
    found: dict[int, str] = {}
    odd = []
    for name in names:
        match = SEGMENT_NAME.fullmatch(name)
        if match and name == f"{SEGMENT_PREFIX}{int(match[1]):06d}.jsonl":
            found[int(match[1])] = name
        elif name.startswith(SEGMENT_PREFIX):
            odd.append(name)
    return found, odd


def _walk(path: Path, names: list[str], chain: "_Chain") -> _Fault | None:
    """Take `chain` through all segments and return the first fault."""
    found, odd = _segments(names)
    if not found:
        raise AuditInputError(f"{path}: holds no audit log")
    first, last = max(1, min(found)), max(found)
    chain.gone = first - 1
    size = 0
    try:
        for number in range(first, last + 1):
            name = segment_name(number)
            if number not in found:
                raise _Fault(name, f"segment {name} is missing", seq=chain.records + 1)
            if not stat.S_ISREG((path / name).lstat().st_mode):
                raise _Fault(name, f"segment {name} is not a plain file", seq=chain.records + 1)
            with (path / name).open("rb") as file:
                read = chain.read(file, name, is_last=number == last)
            size += read
            if read == 0 and number < last:
                raise _Fault(
                    name, f"segment {name} is empty, a later one follows", seq=chain.records + 1
                )
            chain.retirements.segment_ended(number, chain.records, chain.head)
        if odd:
            raise _Fault(odd[0], f"{odd[0]} is named like a segment but is none", seq=None)
        unexplained = chain.retirements.unexplained()
        if unexplained and size:
            name = segment_name(1)
            raise _Fault(name, f"segment {name} {unexplained}", seq=1)
    except _Fault as fault:
        return fault
    if size == 0:
        raise AuditInputError(f"{path}: the audit log is empty")
    return None


class _Chain:
    """How far the log is good."""

    def __init__(
        self,
        settle_s: float,
        receipts: Receipts,
        visit: Callable[[Line], None] | None = None,
    ) -> None:
        self._receipts = receipts
        self._visit = visit
        self.retirements = Retirements(receipts)
        self.gone = 0  # segments that are missing at the beginning
        self.records = self.opened = self.closed = self.torn = 0
        self.head = ZERO_HASH
        self.in_session = False
        self.first_wall_ns: int | None = None
        self.last: Line | None = None
        self._settle_s = settle_s
        self._remember = receipts.record

    def read(self, file: BinaryIO, name: str, *, is_last: bool) -> int:
        """Check one segment and return its bytes; raises _Fault at the first wrong record."""
        size = 0
        for block in blocks(file):
            records = all_intact(block)
            if records is not None:
                size += len(block)
                for record in records:
                    self._require(self._advance(record), name)
                continue
            for line in split(block):
                if is_last and line[-1:] != b"\n":
                    line = self._settled(file, line)
                found, why = intact(line)
                self._require(self._advance(found) if found else why, name)
                size += len(line)
        return size

    def _require(self, fault: str | None, name: str) -> None:
        if fault:
            seq = self.records + 1
            raise _Fault(name, f"record {seq} in {name}: {fault}", seq=seq)

    def _advance(self, record: Line) -> str | None:
        """Accept an intact record as the next one, or say why it is not."""
        if self.gone and self.last is None:
            self._begin(record)
        seq = self.records + 1
        if record.seq != seq:
            return _why_not_next(seq, record.seq)
        if record.prev != self.head:
            return "it does not continue the record before it (prev is another hash)"
        kind = record.kind
        if not (_word(kind) and _word(record.origin)):
            return "its kind or origin is not a plain word"
        if kind in _WATCHED or not self.in_session:
            reason = self._session(record) or self._kind(seq, record)
            if reason:
                return reason
        self.head = record.hash
        self._remember(seq, self.head)
        self.records = seq
        self.last = record
        if self._visit is not None:
            self._visit(record)
        return None

    def _begin(self, record: Line) -> None:
        """Take the first record that is there as the one that follows; in mid-session, perhaps."""
        self.records, self.head, self.in_session = max(0, record.seq - 1), record.prev, True
        self.first_wall_ns = record.wall_ns
        self.retirements.begin(self.gone, self.records, self.head)

    def _kind(self, seq: int, record: Line) -> str | None:
        """Check the records that say something about the log itself."""
        if record.kind == KIND_RECEIPT:
            return self._receipts.take(seq, record.data)
        if record.kind == KIND_RETIRED:
            return self.retirements.take(seq, record.data)
        return None

    def _session(self, record: Line) -> str | None:
        """Follow open, torn_tail and close; every other record stands between open and close."""
        if record.kind == KIND_OPEN:
            version = record.data.get("format")
            if version != FORMAT_VERSION:
                return f"it opens format {version!r}, this verifier knows {FORMAT_VERSION}"
            self.opened += 1
            self.in_session = True
        elif not self.in_session:
            return f"a {record.kind!r} record outside a session: no open record before it"
        elif record.kind == KIND_CLOSE:
            self.closed += 1
            self.in_session = False
        elif record.kind == KIND_TORN:
            self.torn += 1
        if self.first_wall_ns is None:
            self.first_wall_ns = record.wall_ns
        return None

    def _settled(self, lines: BinaryIO, line: bytes) -> bytes:
        """Read on for a moment: a recorder may be in the middle of this line."""
        end_s = time.monotonic() + self._settle_s
        while line[-1:] != b"\n" and len(line) <= MAX_LINE_BYTES and time.monotonic() < end_s:
            time.sleep(_SETTLE_STEP_S)
            line += lines.readline(MAX_LINE_BYTES + 1 - len(line))
        return line


def _why_not_next(expected: int, found: int) -> str:
    if found > expected:
        return f"missing; record {found} stands in its place"
    return f"record {found} stands in its place, a second time or out of order"
