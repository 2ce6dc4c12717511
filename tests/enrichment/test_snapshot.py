"""What the engine reads: never above 1, neutral whatever is wrong; and no order gets larger."""

import math
import signal
import struct
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from host.hotpath.opinion import OpinionReader
from host.hotpath.shadow import Shadow
from host.hotpath.words import Words
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from host import layout, shm
from host.engine.strategy import cautious
from host.enrich import snapshot
from host.enrich.opinion import Opinion
from host.enrich.snapshot import NS, Snapshot

NOW_S = 1_770_000_000
SYMBOLS = ["BTC", "ETH", "PAPER"]


def reading(
    shown: Snapshot, symbol: str = "BTC", cut: float = 0.5, ttl_s: int = 300
) -> OpinionReader:
    page = shm.attach(shown.page.fd, layout.KIND_ENRICHER)
    return snapshot.reader(page, SYMBOLS, symbol, cut, ttl_s)


@hypothesis(deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4),
    st.floats(0, 1),
    st.integers(0, 2**63),
)
def test_no_words_of_a_page_make_anything_larger(words: list[int], cut: float, now_ns: int) -> None:
    memory = bytearray(struct.pack("<4Q", *words))
    reader = OpinionReader(Words(memory, True), 0, cut, 300 * NS)
    assert 1 - cut <= reader.factor(now_ns) <= 1


@hypothesis(deadline=None)
@given(
    st.floats(allow_nan=True) | st.floats(-1, 1),
    st.floats(allow_nan=True) | st.floats(0, 1),
    st.integers(0, 600 * NS),
)
def test_a_fresh_opinion_against_it_cuts_and_every_other_is_neutral(
    sentiment: float, confidence: float, age_ns: int
) -> None:
    now_ns = 10**15
    fields = struct.unpack("<2Q", struct.pack("<2d", sentiment, confidence))
    memory = bytearray(struct.pack("<4Q", 2, now_ns - age_ns, *fields))
    factor = OpinionReader(Words(memory, True), 0, 0.5, 300 * NS).factor(now_ns)
    good = -1 <= sentiment <= 1 and 0 <= confidence <= 1 and age_ns <= 300 * NS
    wanted = 1 - 0.5 * confidence * max(0.0, -sentiment) if good else 1.0
    assert factor == pytest.approx(wanted)


@hypothesis(deadline=None)
@given(st.integers(0, 100), st.integers(-100, 100), st.floats(0, 1))
def test_no_factor_makes_an_order_or_a_larger_one(target: int, held: int, factor: float) -> None:
    alone, with_it = target - held, cautious(target, held, factor) - held
    assert cautious(target, held, 1.0) == target
    if alone > 0:
        assert 0 <= with_it <= alone
    else:
        assert with_it == alone  # what reduces is not touched, and nothing is sold at its word


def test_age_counts_from_when_the_model_said_it() -> None:
    shown = Snapshot(SYMBOLS)
    now_ns = time.monotonic_ns()
    shown.publish({"BTC": Opinion(NOW_S - 200, -1.0, 1.0, 5)}, NOW_S, now_ns)
    reader = reading(shown)
    assert reader.factor(now_ns + 99 * NS) == 0.5
    assert reader.factor(now_ns + 101 * NS) == 1.0
    assert (reader.reads, reader.hits) == (2, 1)
    assert reading(shown, "ETH").factor() == 1.0


def test_failed_older_and_withdrawn_opinions_are_not_shown() -> None:
    shown = Snapshot(SYMBOLS)
    shown.publish({"BTC": Opinion(NOW_S, -1.0, 1.0, 5)}, NOW_S)
    shown.publish({"BTC": Opinion(NOW_S - 5, -0.1, 1.0, 5)}, NOW_S)
    shown.publish({"BTC": Opinion(NOW_S + 5, failed=True)}, NOW_S)
    reader = reading(shown)
    assert reader.factor() == 0.5
    shown.withdraw()
    assert reader.factor() == 1.0


def test_a_page_of_other_symbols_or_of_another_kind_is_refused() -> None:
    shown = Snapshot(["BTC", "ETH"])
    with pytest.raises(shm.PageError, match="other symbols"):
        reading(shown)
    page = shm.create(layout.KIND_MODELLER, "test")
    with pytest.raises(shm.PageError):
        shm.attach(page.fd, layout.KIND_ENRICHER)


def test_a_reader_cannot_write_and_every_symbol_has_room() -> None:
    shown = Snapshot(SYMBOLS)
    page = shm.attach(shown.page.fd, layout.KIND_ENRICHER)
    with pytest.raises(PermissionError):
        page.words.store(layout.ENRICHER_FIRST_WORD, 1)
    many = [f"S{number}" for number in range(layout.MOST_SYMBOLS)]
    last = snapshot.place(many, max(many)) + layout.ENRICHER_SLOT_WORDS
    assert 8 * last <= layout.PAGE_BYTES


@pytest.mark.parametrize("cut", [-0.1, 1.1, math.nan])
def test_a_cut_that_is_no_share_is_refused(cut: float) -> None:
    with pytest.raises(ValueError, match="a cut of"):
        OpinionReader(Words(bytearray(64), True), 0, cut, 1)


# -- shadow decisions -------------------------------------------------------------------------

ROW = st.tuples(st.floats(1, 1000), st.integers(0, 100), st.floats(0, 1))


@hypothesis(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=30))
def test_the_gain_is_the_difference_of_two_accounts(rows: list[tuple[float, int, float]]) -> None:
    shadow, fee, lot = Shadow(0.001), Decimal("0.001"), Decimal("0.5")
    cash = {True: Decimal(0), False: Decimal(0)}
    held = {True: 0, False: 0}
    for price, target, factor in rows:
        shadow.take(price, float(lot), target, factor)
        for follows in (True, False):
            wanted = cautious(target, held[follows], factor if follows else 1.0)
            value = (wanted - held[follows]) * lot * Decimal(price)
            cash[follows] -= value + abs(value) * fee
            held[follows] = wanted
    worth = {follows: cash[follows] + held[follows] * lot * Decimal(price) for follows in cash}
    assert shadow.gain == pytest.approx(float(worth[True] - worth[False]), abs=1e-6, rel=1e-9)
    assert shadow.decisions == len(rows)


@hypothesis(deadline=None)
@given(st.lists(ROW, max_size=30))
def test_without_a_word_of_caution_there_is_no_difference(
    rows: list[tuple[float, int, float]],
) -> None:
    shadow = Shadow(0.001)
    for price, target, _factor in rows:
        shadow.take(price, 0.5, target, 1.0)
    assert (shadow.gain, shadow.changed) == (0.0, 0)


# -- system calls -----------------------------------------------------------------------------

# A filter of the kernel (seccomp) that ends the process at any system call but write and exit.
FILTERED = """
import ctypes, os, platform, struct, sys
from host.enrich import snapshot
from host.enrich.opinion import Opinion
from host.enrich.snapshot import Snapshot
shown = Snapshot(["PAPER"])
shown.publish({"PAPER": Opinion(7, -1.0, 1.0, 60)}, 7)
reader = snapshot.reader(shown.page, ["PAPER"], "PAPER", 0.5, 300)
write, leave = {"x86_64": (1, 231), "aarch64": (64, 94)}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 2, 0, write), (0x15, 1, 0, leave), (6, 0, 0, 0x80000000)]
code = b"".join(struct.pack("<HBBI", *step) for step in [*steps, (6, 0, 0, 0x7FFF0000)])
room = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", 5, ctypes.addressof(room)))
libc = ctypes.CDLL(None)
plant = sys.argv[1] == "plant"
reader.factor()
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0  # PR_SET_SECCOMP
for _read in range(100_000):
    reader.factor()
    if plant:
        os.getppid()
os.write(1, b"%d" % reader.hits)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("plant", "said", "code"), [("none", b"100001", 0), ("plant", b"", -signal.SIGSYS)]
)
def test_a_read_makes_no_system_call(plant: str, said: bytes, code: int) -> None:
    command = [sys.executable, "-c", FILTERED, plant]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert (done.stdout, done.returncode) == (said, code), done.stderr
