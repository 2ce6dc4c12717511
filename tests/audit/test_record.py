"""The record format: one spelling per record, and nothing else parses."""

import datetime
import enum
import hashlib
import json
import math
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.audit import AuditRecordError
from host.audit.record import (
    MAX_DATA_DEPTH,
    MAX_LINE_BYTES,
    ZERO_HASH,
    encode_data,
    parse,
    seal,
    segment_name,
)
from tests.audit.audit_logs import seal_body

DATA = {"z": 1, "a": [True, None, -0.5, 1e16], "t": 'é"\\\n\x00', "f": 1.0, "n": 10**18, "d": {}}
PREV = "ab" * 32


def line_of(data: dict[str, Any]) -> bytes:
    return seal(7, 10**18, 123, "order", "engine", encode_data(data), PREV)[0]


def nested(depth: int) -> dict[str, Any]:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return dict(value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(keys, values, max_size=4)


def test_worked_example_holds_byte_for_byte() -> None:
    body = (
        b'{"seq":1,"wall_ns":1700000000000000000,"mono_ns":5,"kind":"open","origin":"recorder",'
        b'"data":{"format":1,"host_id":"pi"},"prev":"' + b"0" * 64 + b'"'
    )
    digest = "fd87583f3367939845cf209a6330d81d74dfe9885e8d528ed893e653bdbf1110"  # from sha256sum
    line, got = seal(
        1,
        1700000000000000000,
        5,
        "open",
        "recorder",
        encode_data({"host_id": "pi", "format": 1}),
        ZERO_HASH,
    )
    assert got == digest
    assert line == body + b',"hash":"' + digest.encode() + b'"}\n'


def test_strings_and_numbers_have_the_documented_spelling() -> None:
    assert encode_data(DATA) == (
        b'{"a":[true,null,-0.5,1e16],"d":{},"f":1.0,"n":1000000000000000000,'
        b'"t":"\xc3\xa9\\"\\\\\\n\\u0000","z":1}'
    )
    assert encode_data({"": "\b\t\n\f\r\x1f\x7f/\u2028"}) == (
        b'{"":"\\b\\t\\n\\f\\r\\u001f\x7f/\xe2\x80\xa8"}'
    )


def test_parse_gives_back_what_was_sealed() -> None:
    record = parse(line_of(DATA))
    assert (record.seq, record.wall_ns, record.mono_ns) == (7, 10**18, 123)
    assert (record.kind, record.origin, record.data, record.prev) == ("order", "engine", DATA, PREV)


@settings(max_examples=300, deadline=None, database=None)
@given(payloads)
def test_every_plain_payload_reads_back_the_same(data: dict[str, Any]) -> None:
    line = line_of(data)
    record = parse(line)
    assert record.data == data
    # A second, independent way to the same bytes and hash: the standard library.
    assert json.loads(line) == json.loads(json.dumps(json.loads(line)))
    assert hashlib.sha256(line[:-76]).hexdigest() == record.hash
    assert line == seal_body(line[:-76])


@settings(max_examples=200, deadline=None, database=None)
@given(st.dictionaries(keys, st.integers(-(2**63), 2**64 - 1) | keys | st.lists(keys), max_size=5))
def test_without_floats_the_standard_library_spells_the_same(data: dict[str, Any]) -> None:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert encode_data(data) == text.encode()


class _Side(enum.StrEnum):
    BUY = "buy"


@pytest.mark.parametrize(
    "value", [2**64 - 1, -(2**63), 0, -0.0, 5e-324, 1.7976931348623157e308, _Side.BUY, "\U0001f600"]
)
def test_limits_of_the_format_are_inside(value: Any) -> None:
    assert parse(line_of({"v": value})).data == {"v": value}


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**64,
        -(2**63) - 1,
        "\ud800",
        b"bytes",
        (1, 2),
        {1, 2},
        {1: "int key"},
        Decimal("1.5"),
        datetime.date(2025, 1, 1),
        object(),
        [1, [math.nan]],
        {"deep": [{"er": 2**70}]},
    ],
    ids=lambda value: repr(value).partition(" object at")[0],
)
def test_what_would_not_read_back_is_refused(value: Any) -> None:
    with pytest.raises(AuditRecordError, match="does not fit the audit log"):
        encode_data({"v": value})


def test_data_must_be_an_object() -> None:
    with pytest.raises(AuditRecordError):
        encode_data([1])  # type: ignore[arg-type]


def test_depth_has_a_limit_that_no_reader_reaches() -> None:
    assert parse(line_of(nested(MAX_DATA_DEPTH))).data == nested(MAX_DATA_DEPTH)
    for depth in (MAX_DATA_DEPTH + 1, 400, 100_000):
        with pytest.raises(AuditRecordError):
            encode_data(nested(depth))
    wide = {"rows": [[n] for n in range(MAX_DATA_DEPTH * 3)]}  # many brackets, not deep
    assert parse(line_of(wide)).data == wide


@pytest.mark.parametrize("word", ["", "1st", "two words", 'quo"te', "é", "a" * 65, "new\nline"])
def test_kind_and_origin_are_plain_words(word: str) -> None:
    for kind, origin in ((word, "engine"), ("order", word)):
        with pytest.raises(AuditRecordError, match="plain words"):
            seal(1, 0, 0, kind, origin, b"{}", ZERO_HASH)
    good = b'{"seq":1,"wall_ns":0,"mono_ns":0,"kind":%b,"origin":"x","data":{},"prev":"%b"'
    spelled = json.dumps(word, ensure_ascii=False).encode()
    with pytest.raises(AuditRecordError, match="plain word"):
        parse(seal_body(good % (spelled, b"0" * 64)))


@pytest.mark.parametrize("time_ns", [2**63, -(2**63) - 1, 1.0, True, None])
def test_times_are_64_bit_integers(time_ns: Any) -> None:
    for wall_ns, mono_ns in ((time_ns, 0), (0, time_ns)):
        with pytest.raises(AuditRecordError, match="64-bit"):
            seal(1, wall_ns, mono_ns, "order", "engine", b"{}", ZERO_HASH)


def test_a_line_has_a_longest_length() -> None:
    room = MAX_LINE_BYTES - len(line_of({"v": ""}))
    assert len(line_of({"v": "x" * room})) == MAX_LINE_BYTES
    assert parse(line_of({"v": "x" * room})).seq == 7
    with pytest.raises(AuditRecordError, match="may take"):
        line_of({"v": "x" * (room + 1)})


# What a forger may spell differently and seal with the right hash; none of it is a record.
RESPELLED = [
    (b'{"seq":7', b'{ "seq":7'),
    (b'{"seq":7', b'{"seq": 7'),
    (b'{"seq":7', b' {"seq":7'),
    (b'{"seq":7', b'\xef\xbb\xbf{"seq":7'),
    (b'{"seq":7', b'{"seq":7.0'),
    (b'{"seq":7', b'{"seq":07'),
    (b'{"seq":7', b'{"seq":"7"'),
    (b'{"seq":7', b'{"seq":7,"seq":7'),
    (b'{"seq":7', b'{"seq":8,"seq":7'),
    (b'{"seq":7', b'{"seq":-7'),
    (b'{"seq":7', b'{"seq":7,"more":1'),
    (b'{"seq":7,', b"{"),
    (b'"mono_ns":123', b'"mono_ns":123e0'),
    (b'"mono_ns":123', b'"mono_ns":9223372036854775808'),
    (b'"mono_ns":123', b'"mono_ns":null'),
    (b'"mono_ns":123', b'"mono_ns":+123'),
    (
        b'"wall_ns":1000000000000000000,"mono_ns":123',
        b'"mono_ns":123,"wall_ns":1000000000000000000',
    ),
    (b'"kind":"order"', b'"kind":"\\u006frder"'),
    (b'"kind":"order"', b'"kind":"or\\u0000der"'),
    (b'"d":{},"f":1.0', b'"f":1.0,"d":{}'),
    (b'"d":{}', b'"d":{ }'),
    (b'"d":{}', b'"d":{},"d":{}'),
    (b'"d":{}', b'"d":{"x":18446744073709551616}'),
    (b'"d":{}', b'"d":{"x":1e999}'),
    (b'"d":{}', b'"d":NaN'),
    (b'"d":{}', b'"d":' + b"[" * 5000 + b"]" * 5000),
    (b"-0.5", b"-0.50"),
    (b"-0.5", b"-5e-1"),
    (b"1e16", b"1E16"),
    (b"1e16", b"1e+16"),
    (b'"f":1.0', b'"f":1e0'),
    (b"\\u0000", b"\\U0000"),
    (b"\\u0000", b"\x00"),
    (b"\\n", b"\\u000a"),
    (b"\xc3\xa9", b"\\u00e9"),
    (b"\xc3\xa9", b"\xe9"),
    (b"\xc3\xa9", b"\xed\xa0\x80"),
    (b"true", b"True"),
    (b'"data":{', b'"data":[],"data":{'),
]


@pytest.mark.parametrize(("good", "bad"), RESPELLED)
def test_another_spelling_is_refused_though_its_hash_is_right(good: bytes, bad: bytes) -> None:
    body = line_of(DATA)[:-76]
    assert body.count(good) == 1
    parse(seal_body(body))
    with pytest.raises(AuditRecordError):
        parse(seal_body(body.replace(good, bad)))


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line[:-1],
        lambda line: line + b"\n",
        lambda line: line[:-1] + b"\r\n",
        lambda line: line[:-1] + b" \n",
        lambda line: line[:-1] + b"\0\n",
        lambda line: line + line,
        lambda line: line[:-67] + line[-67:].upper(),
        lambda line: b"",
        lambda line: b"\n",
        lambda line: b"null\n",
    ],
)
def test_ends_and_whole_lines_are_exact(change: Any) -> None:
    with pytest.raises(AuditRecordError) as caught:
        parse(change(line_of(DATA)))
    assert "\n" not in str(caught.value)


def test_any_one_byte_changed_to_any_other_value_is_refused() -> None:
    line = bytearray(line_of(DATA))
    for position, good in enumerate(line):
        for value in range(256):
            if value != good:
                line[position] = value
                with pytest.raises(AuditRecordError):
                    parse(bytes(line))
        line[position] = good
    parse(bytes(line))


def test_noise_never_raises_anything_else() -> None:
    rng = random.Random(7)
    line = line_of(DATA)
    for _ in range(3_000):
        start, end = sorted(rng.choices(range(len(line)), k=2))
        noise = rng.randbytes(rng.randrange(1, 12))
        with pytest.raises(AuditRecordError):
            parse(line[:start] + noise + line[end:])


def test_segment_names_count_from_one_and_may_grow() -> None:
    assert [segment_name(n) for n in (1, 42, 1_000_000)] == [
        "audit-000001.jsonl",
        "audit-000042.jsonl",
        "audit-1000000.jsonl",
    ]
