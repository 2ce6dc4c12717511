"""Blocks of lines: the fast way finds what the slow one finds, wherever the blocks are cut."""

import io
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from host.audit import intact as module
from host.audit.intact import all_intact, blocks, intact, split
from host.audit.record import MAX_LINE_BYTES
from tests.audit.audit_logs import lines, make_log


@given(st.lists(st.binary(max_size=40_000), max_size=6), st.booleans())
@settings(max_examples=100, deadline=None)
def test_blocks_are_the_file_in_whole_lines(parts: list[bytes], ends: bool) -> None:
    content = b"\n".join(parts) + (b"\n" if ends else b"")
    found = list(blocks(io.BytesIO(content)))
    assert b"".join(found) == content
    assert all(block.endswith(b"\n") for block in found[:-1])
    assert b"".join(line for block in found for line in split(block)) == content


def test_garbage_without_a_line_end_comes_in_bounded_pieces() -> None:
    found = list(blocks(io.BytesIO(b"x" * (5 * MAX_LINE_BYTES))))
    assert max(map(len, found)) <= 2 * MAX_LINE_BYTES


def test_a_block_is_intact_exactly_when_each_of_its_lines_is(tmp_path: Path) -> None:
    chain = lines(make_log(tmp_path / "log", 20))
    rng, refused = random.Random(1), 0
    for _case in range(2_000):
        block = bytearray(b"".join(rng.sample(chain, rng.randint(1, 5))))
        for _flip in range(rng.choice([0, 0, 1, 2])):
            block[rng.randrange(len(block))] = rng.choice([0, 10, 32, 34, 48, 123, 255])
        whole = all_intact(bytes(block)) is not None
        assert whole == all(intact(line)[0] is not None for line in split(bytes(block)))
        refused += not whole
    assert 500 < refused < 1_500


def test_a_record_longer_than_any_is_refused_in_a_block_too(tmp_path: Path) -> None:
    line = lines(make_log(tmp_path / "log", 1))[0]
    assert all_intact(line) is not None
    assert all_intact(line * (MAX_LINE_BYTES // len(line) + 1)) is None
    assert module.intact(line * (MAX_LINE_BYTES // len(line) + 1))[0] is None
