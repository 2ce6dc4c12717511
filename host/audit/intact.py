"""Verification of single records, apart from where they stand: read in blocks, said line by line.

Where the writer puts a line together from pieces, this takes the bytes apart: parse, spell again,
compare, hash what stands on disk. A block of lines is judged at once, which is many times as fast; one
that is not in order is gone through line by line, to say which is wrong and why.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Any, BinaryIO

import msgspec

from host.audit.record import HASH_TAIL_BYTES, MAX_LINE_BYTES

_BLOCK_BYTES = 1 << 14  # larger ones leave the processor's caches, and are slower


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One record; the order of the fields is the order of the keys."""

    seq: int
    wall_ns: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    mono_ns: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    kind: str
    origin: str
    data: dict[str, Any]
    prev: str
    hash: str


_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder(order="deterministic")
_require_64_bit = msgspec.msgpack.Encoder().encode  # raises beyond 64 bit; JSON takes any integer
_ERRORS = (ValueError, TypeError, OverflowError, RecursionError)


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in whole lines, many at a time; only the last block may lack its line end.

    Garbage without a line end must not fill the memory: it comes as soon as it is too long.
    """
    rest = b""
    while chunk := file.read(_BLOCK_BYTES):
        block = rest + chunk
        end = block.rfind(b"\n") + 1
        if end == 0 and len(block) > MAX_LINE_BYTES:
            end = len(block)
        if end:
            yield block[:end]
        rest = block[end:]
    if rest:
        yield rest


def split(block: bytes) -> list[bytes]:
    """Return the lines of a block, each with its line end, which the last may lack."""
    *whole, rest = block.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def all_intact(block: bytes) -> list[Line] | None:
    """Return the records of a block when each is intact, else None."""
    if len(block) > MAX_LINE_BYTES:
        return None
    try:
        records = _decoder.decode_lines(block)
        spelled = _encoder.encode_lines(records)
        _require_64_bit([record.data for record in records])
    except _ERRORS:
        return None
    if spelled != block:
        return None
    without_end = 1 - HASH_TAIL_BYTES
    for line, record in zip(block.split(b"\n"), records, strict=False):
        if sha256(line[:without_end]).hexdigest() != record.hash:
            return None
    return records


def intact(line: bytes) -> tuple[Line | None, str]:
    """Return (the record, "") of one line, or (None, why it is none)."""
    if len(line) > MAX_LINE_BYTES:
        return None, "longer than any record, or garbage without a line end"
    try:
        record = _decoder.decode(line)
        spelled = _encoder.encode(record)
        _require_64_bit(record.data)
    except _ERRORS as error:
        return None, _why_unreadable(line, error)
    if spelled + b"\n" != line:
        return None, _why_not_canonical(line)
    if sha256(line[:-HASH_TAIL_BYTES]).hexdigest() != record.hash:
        return None, "its hash does not match its content"
    return record, ""


def _why_unreadable(line: bytes, error: Exception) -> str:
    if b"\0" in line:
        return "NUL bytes where a record should stand"
    if not line.endswith(b"\n"):
        return "the line is torn: it ends in the middle"
    return f"not a record ({' '.join(str(error).split())})"


def _why_not_canonical(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return "the line is torn: its newline is missing"
    return (
        "not in canonical form"
        " (white space, key order, a key twice, the spelling of a number or a string)"
    )
