"""The gate against the matrix: every mode, intent, lease, level and corrupt word."""

import itertools
import socket
from collections.abc import Iterator

import pytest
from host.hotpath.gate import Gate
from host.hotpath.words import Words, now_ns
from hypothesis import given
from hypothesis import strategies as st

from host import layout, modes, refusals, shm
from host.modes import Intent, TradingMode

SECOND_NS = 1_000_000_000
LEVEL = 5


class Rig:
    """A guard's page, an engine's page, a page of levels, and a socket to the venue."""

    def __init__(self) -> None:
        self.guard = shm.create(layout.KIND_GUARD, "test-guard")
        self.engine = shm.create(layout.KIND_ENGINE, "test-engine")
        self.levels = Words(bytearray(64), True)
        self.host, self.venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.venue.setblocking(False)
        self.gate = Gate(self.guard.words, self.engine.words, levels=self.levels, level_index=LEVEL)
        self.set(TradingMode.NORMAL)

    def set(self, mode: int, lease_ns: int = SECOND_NS, level: int = 1, token: int = 0) -> None:
        """Set everything that the gate looks at."""
        self.guard.words.store(layout.GUARD_MODE, modes.pack(mode, modes.Reason.REARMED, 7))
        self.guard.words.store(layout.GUARD_LEASE_NS, now_ns() + lease_ns)
        self.guard.words.store(layout.GUARD_LADDER_TOKEN, token)
        self.levels.store(LEVEL, level)

    def send(self, intent: int, token: int = 0) -> int:
        """Send one request; check that it left exactly when the gate says so."""
        code = self.gate.send(self.host.fileno(), b"request", intent, token)
        try:
            assert self.venue.recv(64) == b"request"
            left = True
        except BlockingIOError:
            left = False
        assert left == (code == refusals.SENT)
        assert self.engine.words.load(layout.ENGINE_SLOT) == 0
        return code


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.host.close()
    made.venue.close()
    made.guard.close()
    made.engine.close()


def expected(mode: int, intent: int, fresh: bool, high: bool, token_fits: bool) -> bool:
    """The permission matrix of the blueprint, written once more by hand."""
    if intent == Intent.CANCEL:
        return True
    if intent == Intent.LIQUIDATE:
        return mode == TradingMode.EMERGENCY and token_fits
    if not (fresh and high):
        return False
    if intent == Intent.OPEN:
        return mode in (TradingMode.NORMAL, TradingMode.REDUCED)
    return mode in (TradingMode.NORMAL, TradingMode.REDUCED, TradingMode.PAUSED)


def test_every_combination_does_what_the_matrix_says(rig: Rig) -> None:
    every = itertools.product(range(4), range(4), (True, False), (1, 0), ((9, 9), (9, 8), (0, 0)))
    for mode, intent, fresh, level, (token, given_token) in every:
        rig.set(mode, SECOND_NS if fresh else -1_000_000, level, token)
        passed = rig.send(intent, given_token) == refusals.SENT
        fits = token != 0 and token == given_token
        assert passed == expected(mode, intent, fresh, bool(level), fits)


@pytest.mark.parametrize("intent", [-1, 4, 5, 1000])
def test_an_unknown_intent_is_refused(rig: Rig, intent: int) -> None:
    assert rig.send(intent) == refusals.UNKNOWN_INTENT


@given(word=st.integers(0, 2**64 - 1))
def test_only_words_that_the_guard_writes_open_the_gate(word: int) -> None:
    rig = SHARED
    rig.set(TradingMode.NORMAL)
    rig.guard.words.store(layout.GUARD_MODE, word)
    opens = rig.send(Intent.OPEN) == refusals.SENT
    assert opens == ((word & 0xFF) in (0, 1) and word & 0xFFFF0000 == 0)


@pytest.mark.parametrize("level", [0, 2, 255, 2**63])
def test_any_level_but_one_is_low(rig: Rig, level: int) -> None:
    rig.set(TradingMode.NORMAL, level=level)
    assert rig.send(Intent.OPEN) == refusals.HALT_LOW


@pytest.mark.parametrize("ahead_ns", [2 * layout.MOST_LEASE_NS, 2**62, 2**63])
def test_a_lease_that_no_guard_gives_is_refused(rig: Rig, ahead_ns: int) -> None:
    rig.set(TradingMode.NORMAL, lease_ns=ahead_ns)
    assert rig.send(Intent.OPEN) == refusals.LEASE
    rig.set(TradingMode.NORMAL)
    assert rig.send(Intent.OPEN) == refusals.SENT


def test_an_unreadable_line_refuses(rig: Rig) -> None:
    with open("/dev/null", "rb") as not_gpio:  # noqa: PTH123  a descriptor, not a path
        gate = Gate(rig.guard.words, rig.engine.words, level_fd=not_gpio.fileno())
        code = gate.send(rig.host.fileno(), b"request", Intent.OPEN)
    assert code == refusals.LEVEL_UNREADABLE


def test_a_full_or_closed_socket_is_an_outcome_not_an_exception(rig: Rig) -> None:
    while (code := rig.gate.send(rig.host.fileno(), b"x" * 4096, Intent.OPEN)) == refusals.SENT:
        pass
    assert code == refusals.WOULD_BLOCK
    rig.venue.close()
    assert rig.gate.send(rig.host.fileno(), b"x", Intent.OPEN) == refusals.SEND_FAILED


def test_sent_and_refused_are_counted(rig: Rig) -> None:
    rig.send(Intent.OPEN)
    rig.set(TradingMode.EMERGENCY)
    rig.send(Intent.OPEN)
    rig.send(Intent.CANCEL)
    counts = [rig.engine.words.load(word) for word in (layout.ENGINE_SENT, layout.ENGINE_REFUSED)]
    assert counts == [2, 1]


def test_a_gate_without_exactly_one_way_to_read_the_level_is_not_built(rig: Rig) -> None:
    with pytest.raises(ValueError, match="only one"):
        Gate(rig.guard.words, rig.engine.words)
    with pytest.raises(ValueError, match="only one"):
        Gate(rig.guard.words, rig.engine.words, level_fd=0, levels=rig.levels)
    with pytest.raises(IndexError):
        Gate(rig.guard.words, rig.engine.words, levels=rig.levels, level_index=8)


SHARED = Rig()
