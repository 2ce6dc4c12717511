"""Attacks on a log: generated ones, one for each check alone, and those only a witness finds."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit.audit_logs import (
    Layout,
    assert_found,
    body_of,
    check,
    first_change,
    flat,
    hash_of,
    lay_out,
    layout,
    lines,
    make_log,
    rechain,
    reference,
    respread,
    seal_body,
    segments,
    split,
    with_prev,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return make_log(tmp_path / "log")


# Each takes segments and a random source, and gives the changed segments with the number of forged
# records that are right as far as they go (good hash, number and prev): the one after them is bad.
Attack = Callable[[Layout, random.Random], tuple[Layout, int]]


def on_bytes(change: Callable[[bytes, random.Random], bytes]) -> Attack:
    def attack(parts: Layout, rng: random.Random) -> tuple[Layout, int]:
        parts = list(parts)
        index = rng.randrange(len(parts))
        parts[index] = split(change(b"".join(parts[index]), rng))
        return parts, 0

    return attack


def on_chain(change: Callable[[list[bytes], random.Random], int]) -> Attack:
    def attack(parts: Layout, rng: random.Random) -> tuple[Layout, int]:
        chain = flat(parts)
        forged = change(chain, rng)
        return respread(chain, parts), forged

    return attack


def on_segments(change: Callable[[Layout, random.Random], Any]) -> Attack:
    def attack(parts: Layout, rng: random.Random) -> tuple[Layout, int]:
        parts = list(parts)
        change(parts, rng)
        return parts, 0

    return attack


def span(content: bytes, rng: random.Random, longest: int = 400) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(len(content), start + rng.randrange(1, longest))


def noise_over(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng, 20)
    return content[:start] + rng.randbytes(end - start) + content[end:]


def nul_over(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def cut_out(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    return content[:start] + content[end:]


def put_in(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    at = rng.randrange(len(content) + 1)
    new = rng.choice([content[start:end], rng.randbytes(9), b"\0", b"\n"])
    return content[:at] + new + content[at:]


def cut_short(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content))]


def garbage_behind(content: bytes, rng: random.Random) -> bytes:
    return content + rng.choice([b"\n", b"\0" * 512, b"{}\n", rng.randbytes(40), content])


def delete(chain: list[bytes], rng: random.Random) -> int:
    start = rng.randrange(len(chain))
    del chain[start : start + rng.randrange(1, 4)]
    return 0


def repeat(chain: list[bytes], rng: random.Random) -> int:
    chain.insert(rng.randrange(len(chain) + 1), rng.choice(chain))
    return 0


def swap(chain: list[bytes], rng: random.Random) -> int:
    first, second = rng.sample(range(len(chain)), 2)
    chain[first], chain[second] = chain[second], chain[first]
    return 0


def edit(line: bytes, rng: random.Random) -> bytes:
    return seal_body(body_of(line).replace(b'"px":', b'"pa":%d,"px":' % rng.randrange(99)))


def forge_one(chain: list[bytes], rng: random.Random) -> int:
    """Change what an order says and seal it again, but leave the rest of the chain."""
    index = rng.randrange(1, len(chain) - 1)
    chain[index] = edit(chain[index], rng)
    return 1


def forge_some(chain: list[bytes], rng: random.Random) -> int:
    """The same, and chain on for a while, but not to the end."""
    index = rng.randrange(1, len(chain) - 1)
    end = rng.randrange(index + 1, len(chain))
    chain[index] = edit(chain[index], rng)
    chain[:] = rechain(chain, index + 1, end)
    return end - index


def forge_in(chain: list[bytes], rng: random.Random) -> int:
    """Slip a well-made record in between."""
    index = rng.randrange(1, len(chain) - 1)
    made = edit(with_prev(chain[index], hash_of(chain[index - 1])), rng)
    chain.insert(index, made)
    return 1


OTHER: list[bytes] = []  # another host's log of the same shape, filled by the test


def splice(chain: list[bytes], rng: random.Random) -> int:
    index = rng.randrange(1, len(chain))
    chain[index:] = OTHER[index:]
    return 0


ATTACKS: dict[str, Attack] = {
    "noise over": on_bytes(noise_over),
    "NUL over": on_bytes(nul_over),
    "cut out": on_bytes(cut_out),
    "put in": on_bytes(put_in),
    "cut short": on_bytes(cut_short),
    "garbage behind": on_bytes(garbage_behind),
    "delete": on_chain(delete),
    "repeat": on_chain(repeat),
    "swap": on_chain(swap),
    "forge one": on_chain(forge_one),
    "forge some": on_chain(forge_some),
    "forge in": on_chain(forge_in),
    "splice": on_chain(splice),
    "segment dropped": on_segments(lambda parts, rng: parts.pop(rng.randrange(len(parts)))),
    "segment repeated": on_segments(
        lambda parts, rng: parts.insert(rng.randrange(len(parts)), rng.choice(parts))
    ),
    "segments shuffled": on_segments(lambda parts, rng: rng.shuffle(parts)),
}


def test_a_thousand_generated_attacks_are_found_where_they_are(log: Path, tmp_path: Path) -> None:
    clean = layout(log)
    OTHER[:] = lines(make_log(tmp_path / "other", host_id="elsewhere"))
    found = dict.fromkeys(ATTACKS, 0)

    @settings(
        max_examples=1_500,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(name=st.sampled_from(sorted(ATTACKS)), seed=st.integers(0, 2**32))
    def attack(name: str, seed: int) -> None:
        parts, forged = ATTACKS[name](clean, random.Random(seed))
        lay_out(log, parts)
        changed = first_change(flat(clean), lines(log))
        if changed is None:
            return  # nothing changed, or a clean cut at the end: the witness has to find that
        assert_found(log, changed + forged)
        assert not reference(log)
        found[name] += 1

    attack()
    assert sum(found.values()) >= 1_000, found
    assert min(found.values()) >= 20, found
    assert check(lay_out(log, clean)).verified


# ---- each check alone: everything else about these logs is right ------------------------------


DEEP = b'"data":' + b'{"x":' * 3_000 + b"1" + b"}" * 3_000
LONG = b'"data":{"x":"' + b"x" * (1 << 20) + b'"}'


def last_edited(chain: list[bytes]) -> None:
    chain[-1] = chain[-1].replace(b'"data":{}', b'"data":{"x":1}')


def one_deleted_and_chained(chain: list[bytes]) -> None:
    del chain[4]
    chain[:] = rechain(chain, 4)


def one_repeated_and_chained(chain: list[bytes]) -> None:
    chain.insert(4, chain[3])
    chain[:] = rechain(chain, 4)


def last_on_another_chain(chain: list[bytes]) -> None:
    chain[-1] = with_prev(chain[-1], "f" * 64)


def first_with_a_past(chain: list[bytes]) -> None:
    chain[0] = with_prev(chain[0], "f" * 64)
    chain[:] = rechain(chain, 1)


def last_replaced(old: bytes, new: bytes) -> Callable[[list[bytes]], None]:
    def change(chain: list[bytes]) -> None:
        assert chain[-1].count(old) == 1
        chain[-1] = seal_body(body_of(chain[-1]).replace(old, new))

    return change


def first_replaced(old: bytes, new: bytes) -> Callable[[list[bytes]], None]:
    def change(chain: list[bytes]) -> None:
        assert chain[0].count(old) == 1
        chain[0] = seal_body(body_of(chain[0]).replace(old, new))
        chain[:] = rechain(chain, 1)

    return change


def one_more(kind: bytes) -> Callable[[list[bytes]], None]:
    def change(chain: list[bytes]) -> None:
        body = body_of(chain[-1]).replace(b'"seq":12,', b'"seq":13,')
        body = body.replace(b'"kind":"close"', b'"kind":"%b"' % kind)
        chain.append(with_prev(seal_body(body), hash_of(chain[-1])))

    return change


@pytest.mark.parametrize(
    ("change", "record", "words"),
    [
        (last_edited, 12, "its hash does not match its content"),
        (one_deleted_and_chained, 5, "missing; record 6 stands in its place"),
        (one_repeated_and_chained, 5, "record 4 stands in its place, a second time"),
        (last_on_another_chain, 12, "does not continue the record before it"),
        (first_with_a_past, 1, "does not continue the record before it"),
        (last_replaced(b'"data":{}', b'"data":{ }'), 12, "not in canonical form"),
        (last_replaced(b'"data":{}', b'"data":{"x":18446744073709551616}'), 12, "not a record"),
        (last_replaced(b'"data":{}', b'"data":[]'), 12, "not a record"),
        (last_replaced(b'"data":{}', b'"data":{},"more":1'), 12, "not a record"),
        (last_replaced(b'"data":{}', b'"data":{"x":"\0"}'), 12, "NUL bytes"),
        (last_replaced(b'"data":{}', DEEP), 12, "not"),
        (last_replaced(b'"kind":"close"', b'"kind":"clo se"'), 12, "not a plain word"),
        (last_replaced(b'"origin":"recorder"', b'"origin":""'), 12, "not a plain word"),
        (last_replaced(b'"data":{}', LONG), 12, "longer than"),
        (lambda chain: chain.append(b"x" * (3 << 20)), 13, "longer than"),
        (lambda chain: chain.append(b'{"seq":13'), 13, "torn: it ends in the middle"),
        (lambda chain: chain.append(chain.pop()[:-1]), 12, "torn: its newline is missing"),
        (first_replaced(b'"kind":"open"', b'"kind":"begin"'), 1, "outside a session"),
        (first_replaced(b'"kind":"open"', b'"kind":"torn_tail"'), 1, "outside a session"),
        (first_replaced(b'"format":1', b'"format":2'), 1, "opens format 2, this verifier knows 1"),
        (first_replaced(b'"format":1', b'"farmat":1'), 1, "opens format None"),
        (one_more(b"order"), 13, "'order' record outside a session"),
        (one_more(b"close"), 13, "'close' record outside a session"),
        (one_more(b"torn_tail"), 13, "'torn_tail' record outside a session"),
    ],
)
def test_each_check_finds_what_only_it_can_find(
    log: Path, change: Callable[[list[bytes]], None], record: int, words: str
) -> None:
    chain = lines(log)
    lay_out(log, respread(chain, layout(log)))
    assert check(log).verified
    change(chain)
    lay_out(log, respread(chain, layout(log)))
    assert_found(log, record, words)


@pytest.mark.parametrize("number", range(1, 13))
def test_a_respelled_record_is_found_though_the_whole_chain_is_new(log: Path, number: int) -> None:
    chain = lines(log)
    body = body_of(chain[number - 1])
    chain[number - 1] = seal_body(body.replace(b',"mono_ns":', b', "mono_ns":'))
    chain = rechain(chain, number)
    lay_out(log, respread(chain, layout(log)))
    assert_found(log, number, "canonical form")
    assert reference(log)  # hashes alone do not see it


def moved(old: str, new: str) -> Callable[[Path], Any]:
    return lambda log: (log / f"audit-{old}.jsonl").rename(log / f"audit-{new}.jsonl")


def swapped_segments(log: Path) -> None:
    moved("000002", "swap")(log)
    moved("000003", "000002")(log)
    moved("swap", "000003")(log)


def linked_segment(log: Path) -> None:
    moved("000002", "away")(log)
    (log / "audit-away.jsonl").rename(log / "elsewhere")
    (log / "audit-000002.jsonl").symlink_to(log / "elsewhere")


def emptied_segment(log: Path) -> None:
    os.truncate(log / "audit-000002.jsonl", 0)


def pipe_segment(log: Path) -> None:
    (log / "audit-000002.jsonl").unlink()
    os.mkfifo(log / "audit-000002.jsonl")


# A log of 12 records whose segment 2 starts with record 2 and segment 3 with record 4.
@pytest.mark.parametrize(
    ("change", "record", "file", "words"),
    [
        (lambda log: (log / "audit-000001.jsonl").unlink(), 1, "audit-000001.jsonl", "is missing"),
        (lambda log: (log / "audit-000002.jsonl").unlink(), 2, "audit-000002.jsonl", "is missing"),
        (moved("000002", "000099"), 2, "audit-000002.jsonl", "is missing"),
        (moved("000001", "000000"), 1, "audit-000001.jsonl", "is missing"),
        (swapped_segments, 2, "audit-000002.jsonl", "missing; record 4 stands in its place"),
        (emptied_segment, 2, "audit-000002.jsonl", "is empty, a later one follows"),
        (linked_segment, 2, "audit-000002.jsonl", "not a plain file"),
        (pipe_segment, 2, "audit-000002.jsonl", "not a plain file"),
        (lambda log: (log / "audit-7.jsonl").touch(), None, "audit-7.jsonl", "but is none"),
        (lambda log: (log / "audit-0000001.jsonl").touch(), None, "audit-0000001.jsonl", "is none"),
        (lambda log: (log / "audit-000001.jsonl~").touch(), None, "audit-000001.jsonl~", "is none"),
    ],
)
def test_segments_missing_or_renumbered_are_named(
    log: Path, change: Callable[[Path], Any], record: int | None, file: str, words: str
) -> None:
    assert [json.loads(part[0])["seq"] for part in layout(log)][1:3] == [2, 4]
    change(log)
    report = check(log)
    assert (report.verified, report.first_bad, report.file) == (False, record, file)
    assert words in report.reason


def test_a_middle_segment_cut_at_a_line_end_misses_its_records(log: Path) -> None:
    second = segments(log)[1]
    second.write_bytes(second.read_bytes().splitlines(keepends=True)[0])
    report = check(log)
    assert (report.first_bad, report.file) == (3, "audit-000003.jsonl")
    assert "missing; record 4 stands in its place" in report.reason


# ---- what the chain alone cannot show, kept honest --------------------------------------------


@pytest.mark.parametrize("keep", range(1, 12))
def test_a_clean_cut_at_the_end_only_costs_the_clean_end(log: Path, keep: int) -> None:
    lay_out(log, respread(lines(log)[:keep], layout(log)))
    report = check(log)
    assert (report.verified, report.records, report.clean_end) == (True, keep, False)


def test_a_log_chained_anew_to_the_end_only_changes_the_head(log: Path) -> None:
    head = check(log).head
    chain = lines(log)
    chain[5] = edit(chain[5], random.Random(1))
    lay_out(log, respread(rechain(chain, 6), layout(log)))
    report = check(log)
    assert report.verified
    assert report.head != head
