r"""The format of one audit record: the only thing that writer and verifier share.

A log is a directory of segments `audit-000001.jsonl`, `audit-000002.jsonl`, ... A segment holds
whole lines, one record each. A line is exactly

    {"seq":S,"wall_ns":W,"mono_ns":M,"kind":"K","origin":"O","data":{...},"prev":"P","hash":"H"}\n

- `seq` counts from 1, without a gap, over segments and restarts.
- `wall_ns` (since 1970, may step) and `mono_ns` (since boot) are signed 64-bit integers.
- `kind` and `origin` are words: a letter, then at most 63 of A-Z a-z 0-9 _ . : -
- `prev` is the `hash` of the record before; 64 zeros in record 1.
- `hash` is the SHA-256, in lower-case hex, of all bytes of the line before `,"hash":`, that is of
  the line without its last 76 bytes: `head -c -76 | sha256sum` recomputes it.

Canonical form, so that a record has one spelling only: the eight keys in the order above; keys
inside `data` sorted by code point, none twice; no white space; UTF-8; in strings only `"`, `\` and
the characters below U+0020 are escaped (\b \t \n \f \r, otherwise \u00xx in lower case); integers
in plain decimal from -2**63 to 2**64-1; floats finite, the shortest digits that read back the same
(`0.1`, `1.0`, `1e16`). A line that differs from the canonical form of what it says is not a record.

How records are spread over segments is not part of the chain; their content and order are.

The oldest segment may be gone once a "retired" record, written while it was still there, says so:

    segments  its number: it and everything before it is retired
    records, head  number and hash of its last record, which a receipt had vouched for by then
    receipt  the last receipt up to there, as it was recorded; null when there was none
    keep_days, keep_bytes  the configured limits for which it went
"""

import re
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from host.audit import AuditRecordError

FORMAT_VERSION = 1
ZERO_HASH = "0" * 64
HASH_TAIL_BYTES = len(',"hash":""}\n') + 64
MAX_LINE_BYTES = 1 << 20  # bounds what a reader must hold; real records are a few hundred bytes
MAX_DATA_DEPTH = 32  # far below any parser's recursion limit, so that no reader chokes on our lines

LOCK_NAME = "audit.lock"
SEGMENT_PREFIX = "audit-"
SEGMENT_NAME = re.compile(r"audit-([0-9]{6,})\.jsonl")
TORN_NAME = re.compile(r"torn-[0-9]{6,}-[0-9]+\.part(\.new)?")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")

# Kinds of the log itself: `append` refuses them, so that nobody can fake a session.
KIND_OPEN = "open"
KIND_CLOSE = "close"
KIND_TORN = "torn_tail"
KIND_RETIRED = "retired"
RESERVED_KINDS = frozenset({KIND_OPEN, KIND_CLOSE, KIND_TORN, KIND_RETIRED})
# What the witness answered; appended like any other event.
KIND_RECEIPT = "receipt"

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record as read back; the order of the fields is the order of the keys."""

    seq: Seq
    wall_ns: Int64
    mono_ns: Int64
    kind: str
    origin: str
    data: dict[str, Any]
    prev: str
    hash: str


_encoder = msgspec.json.Encoder(order="deterministic")  # sorts dict keys, keeps field order
_decoder = msgspec.json.Decoder(Record)
_data_decoder = msgspec.json.Decoder(dict[str, Any])
_msgpack = msgspec.msgpack.Encoder()
# What the codec raises: syntax and UTF-8 (ValueError), type, 64 bit, depth.
CODEC_ERRORS = (ValueError, TypeError, OverflowError, RecursionError)


def segment_name(number: int) -> str:
    """File name of segment `number`, counted from 1."""
    return f"{SEGMENT_PREFIX}{number:06d}.jsonl"


def encode_data(data: dict[str, Any]) -> bytes:
    """Canonical bytes of `data`; AuditRecordError unless it reads back equal to what was given.

    So only plain JSON types pass: dict with str keys, list, str, int, finite float, bool, None.
    """
    try:
        raw = _encoder.encode(data)
        # Reading back finds what JSON bends in silence: NaN to null, tuples, dates, bytes to text.
        same = _data_decoder.decode(raw) == data
        _msgpack.encode(data)  # raises beyond 64 bit, in C; the JSON encoder takes any integer
        # The brackets bound the depth from above; only odd data pays for the walk.
        if raw.count(b"{") + raw.count(b"[") > MAX_DATA_DEPTH and _depth(data) > MAX_DATA_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DATA_DEPTH}")
    except CODEC_ERRORS as error:
        raise AuditRecordError(f"data does not fit the audit log: {error}") from error
    if not same:
        raise AuditRecordError(
            "data does not fit the audit log: it would not read back the same"
            " (plain JSON types and finite numbers only)"
        )
    return raw


def _depth(value: Any) -> int:
    """Number of containers on the longest way into `value`."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def seal(
    seq: int, wall_ns: int, mono_ns: int, kind: str, origin: str, raw_data: bytes, prev: str
) -> tuple[bytes, str]:
    """Build the line of a record and its hash. `raw_data` comes from `encode_data`."""
    if not (WORD.fullmatch(kind) and WORD.fullmatch(origin)):
        raise AuditRecordError(f"kind and origin must be plain words, not {kind!r} and {origin!r}")
    if not (_is_int64(wall_ns) and _is_int64(mono_ns)):
        raise AuditRecordError(f"times must be 64-bit integers, not {wall_ns!r} and {mono_ns!r}")
    body = (
        b'{"seq":%d,"wall_ns":%d,"mono_ns":%d,"kind":"%b","origin":"%b","data":%b,"prev":"%b"'
        % (
            seq,
            wall_ns,
            mono_ns,
            kind.encode(),
            origin.encode(),
            raw_data,
            prev.encode(),
        )
    )
    if len(body) + HASH_TAIL_BYTES > MAX_LINE_BYTES:
        raise AuditRecordError(f"a record may take {MAX_LINE_BYTES} bytes, this has {len(body)}")
    digest = sha256(body).hexdigest()
    return b'%b,"hash":"%b"}\n' % (body, digest.encode()), digest


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def parse(line: bytes) -> Record:
    """Read one line back; AuditRecordError unless it is canonical and its hash fits its content.

    A record that parses is intact in itself; only the chain tells whether it stands in its place.
    """
    try:
        record = _decoder.decode(line)
        canonical = _encoder.encode(record) + b"\n"
        _msgpack.encode(record.data)
    except CODEC_ERRORS as error:
        raise AuditRecordError(f"not an audit record: {error}") from error
    if canonical != line or len(line) > MAX_LINE_BYTES:
        raise AuditRecordError("not an audit record: the line is not in canonical form")
    if not (WORD.fullmatch(record.kind) and WORD.fullmatch(record.origin)):
        raise AuditRecordError("not an audit record: kind or origin is not a plain word")
    if sha256(line[:-HASH_TAIL_BYTES]).hexdigest() != record.hash:
        raise AuditRecordError("its hash does not match its content")
    return record
