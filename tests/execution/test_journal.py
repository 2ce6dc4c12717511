"""The journal: what it gives back, whatever happens to the file and whenever its writer is killed."""

import os
import random
import signal
import socket
import struct
import time
import zlib
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest
from host.hotpath.gate import Gate
from host.hotpath.wal import HEAD_BYTES, INTENT, MOST_BYTES, SLOT_BYTES
from host.hotpath.words import Words, now_ns
from hypothesis import given, settings
from hypothesis import strategies as st

from host import layout, modes, refusals, shm
from host.execution.journal import (
    ENDED,
    Account,
    Journal,
    JournalBusy,
    Left,
    next_run,
    read,
)
from host.modes import Intent, Reason, TradingMode

SLOTS = 64
KILLS = int(os.environ.get("BOT4_JOURNAL_KILLS", "25"))


def order(number: int) -> bytes:
    return b'{"op":"new","id":"trend.7f.1.%d","intent":"OPEN","qty":"1"}' % number


def name(number: int) -> str:
    return f"trend.7f.1.{number}"


def reopened(journal: Journal) -> Journal:
    """Open it as the next process does; nothing is said to the one before."""
    journal.close()
    return Journal(journal.path, journal.wal.slots)


def write(journal: Journal, number: int) -> None:
    """Write an order down as gate and engine do."""
    assert journal.wal.append(INTENT, order(number))
    journal.sent(msgspec.json.decode(order(number)))


def test_what_is_open_is_there_after_any_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    assert journal.left == Left()
    for number in range(5):
        write(journal, number)
    journal.ended(name(1))
    journal.ended(name(3))
    account = Account("c1", D("0.3"), D("-2.50"), D("0.01"), "1/3", {"USDT": D("0.01")})
    journal.account(account)
    journal.begin(77)
    left = reopened(journal).left
    assert list(left.pending) == [name(0), name(2), name(4)]
    assert left.pending[name(2)] == msgspec.json.decode(order(2))
    assert left.account == account
    assert (left.run, left.faults) == (77, [])


def test_an_oco_leaves_both_of_its_orders(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    request = {"op": "oco", "id": "a", "stop_id": "b", "qty": "1"}
    journal.wal.append(INTENT, msgspec.json.encode(request))
    journal.sent(request)
    journal.ended("a")
    assert list(reopened(journal).left.pending) == ["b"]


@pytest.mark.parametrize("carried", [False, True])
def test_of_an_order_that_was_changed_the_most_is_known(tmp_path: Path, carried: bool) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    write(journal, 1)
    for qty in ("9", "10", None, "3"):
        request = {"op": "amend", "id": name(1), "qty": qty}
        journal.wal.append(INTENT, msgspec.json.encode(request))
        journal.sent(request)
    journal.sent({"op": "amend", "id": "nobody", "qty": "1"})
    if carried:
        journal.tend(now=True)
    left = reopened(journal).left
    assert (list(left.pending), left.pending[name(1)]["asked"]) == ([name(1)], "10")


def held(qty: int, cursor: str = "c") -> Account:
    return Account(cursor, D(qty), D(2))


def test_the_last_account_counts_and_one_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    for number in range(5):
        journal.account(held(number, f"t{number}"))
    with pytest.raises(ValueError, match="at most 488 fit"):
        journal.account(held(7, "c" * MOST_BYTES))
    assert reopened(journal).left.account == held(4, "t4")


def test_any_number_of_orders_pass_through_few_slots(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    journal.account(held(1))
    write(journal, 0)
    for number in range(1, 20 * SLOTS):
        write(journal, number)
        journal.ended(name(number))
        journal.tend()
    assert journal.wal.head > 20 * SLOTS
    left = reopened(journal).left
    assert (list(left.pending), left.faults) == ([name(0)], [])
    assert left.account == held(1)


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_block_that_is_cut_off_counts_for_nothing(tmp_path: Path, cut: int) -> None:
    """A kill while what counts is written again: the same is read as before it."""
    journal = Journal(tmp_path / "j", SLOTS)
    for number in range(3):
        write(journal, number)
        journal.account(held(number))
    before = journal.wal.head
    journal.ended(name(2))
    journal.tend(now=True)
    journal.close()
    content = bytearray(journal.path.read_bytes())
    assert journal.wal.head - before > cut
    for number in range(journal.wal.head - cut, journal.wal.head):
        at = HEAD_BYTES + number % SLOTS * SLOT_BYTES
        content[at : at + SLOT_BYTES] = bytes(SLOT_BYTES)
    journal.path.write_bytes(content)
    for _twice in range(2):
        left = (journal := Journal(journal.path, SLOTS)).left
        assert (list(left.pending), left.account, left.faults) == ([name(0), name(1)], held(2), [])
        journal.close()


def test_what_is_needed_is_never_written_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    written = 0
    while journal.wal.append(INTENT, order(written)):
        journal.sent(msgspec.json.decode(order(written)))
        journal.tend()
        written += 1
        assert written < SLOTS
    assert journal.full
    assert list(reopened(journal).left.pending) == [name(number) for number in range(written)]


def test_the_gate_sends_no_order_that_the_journal_does_not_take(tmp_path: Path) -> None:
    gate, pages, ours, venue = a_gate()
    journal = Journal(tmp_path / "j", 512)
    guard = pages[0].words
    codes = []
    for number in range(600):
        renew(guard)
        codes.append(gate.send(ours.fileno(), order(number), Intent.OPEN, 0, journal.wal))
        if codes[-1] == refusals.SENT:
            assert venue.recv(4096) == order(number)
    assert set(codes) == {refusals.SENT, refusals.JOURNAL_FULL}
    assert gate.send(ours.fileno(), b"{}", Intent.CANCEL, 0, journal.wal) == refusals.SENT
    assert venue.recv(4096) == b"{}"
    # The ladder has slots of its own, and when these are gone it goes without.
    guard.store(layout.GUARD_MODE, modes.pack(TradingMode.EMERGENCY, Reason.OPERATOR, 2))
    guard.store(layout.GUARD_LADDER_TOKEN, 9)
    head = journal.wal.head
    for number in range(600):
        assert gate.send(ours.fileno(), order(number), Intent.LIQUIDATE, 9, journal.wal) == 0
        venue.recv(4096)
    assert head < journal.wal.head <= journal.wal.floor + 512
    close(ours, venue, *pages)


def test_too_long_an_order_does_not_leave(tmp_path: Path) -> None:
    gate, pages, ours, venue = a_gate()
    journal = Journal(tmp_path / "j", 512)
    long = b"x" * (MOST_BYTES + 1)
    assert gate.send(ours.fileno(), long, Intent.OPEN, 0, journal.wal) == refusals.JOURNAL_FULL
    venue.setblocking(False)
    with pytest.raises(BlockingIOError):
        venue.recv(1)
    close(ours, venue, *pages)


def test_what_certainly_has_not_left_is_taken_back(tmp_path: Path) -> None:
    gate, pages, ours, venue = a_gate()
    journal = Journal(tmp_path / "j", 4096)
    code = refusals.SENT
    number = -1
    while code == refusals.SENT:  # until the socket is full
        number += 1
        renew(pages[0].words)
        code = gate.send(ours.fileno(), order(number), Intent.OPEN, 0, journal.wal)
    assert code == refusals.WOULD_BLOCK
    head = journal.wal.head
    venue.close()
    renew(pages[0].words)
    code = gate.send(ours.fileno(), order(number), Intent.OPEN, 0, journal.wal)
    assert code in (refusals.SEND_FAILED, refusals.WOULD_BLOCK)
    assert gate.send(-1, order(number), Intent.OPEN, 0, journal.wal) == refusals.SEND_FAILED
    assert journal.wal.head == head
    left = reopened(journal).left
    assert (len(left.pending), left.faults) == (number, [])
    assert name(number) not in left.pending
    close(ours, *pages)


@pytest.mark.parametrize("fd", ["directory", "pipe"])
def test_an_error_that_nobody_has_thought_of_is_an_unknown_outcome(tmp_path: Path, fd: str) -> None:
    gate, pages, ours, venue = a_gate()
    journal = Journal(tmp_path / "j", 512)
    other = os.open(tmp_path, os.O_RDONLY) if fd == "directory" else os.pipe()[1]
    code = gate.send(other, order(1), Intent.OPEN, 0, journal.wal)
    assert refusals.NAMES[code] == "OUTCOME_UNKNOWN"  # ENOTSOCK
    assert list(reopened(journal).left.pending) == [name(1)]
    os.close(other)
    close(ours, venue, *pages)


@settings(max_examples=60, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=8)
)
def test_a_changed_byte_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, flips: list
) -> None:
    path = tmp_path_factory.mktemp("j") / "j"
    journal = Journal(path, SLOTS)
    for number in range(20):
        write(journal, number)
    journal.account(held(1))
    journal.close()
    content = bytearray(path.read_bytes())
    honest = read(bytes(content)).entries
    for at, bits in flips:
        content[at % len(content)] ^= bits
    found, _floor, _head, faults = read(bytes(content))
    assert set(found) <= set(honest)
    # The last entry may go unnoticed, like one that is torn: nothing comes after it.
    assert faults or found in (honest, honest[:-1])
    path.write_bytes(content)
    again = Journal(path, SLOTS)
    assert again.left.account is None or not again.left.faults
    assert set(again.left.pending) <= {name(number) for number in range(20)}


@pytest.mark.parametrize("content", [b"", b"x" * 100, bytes(HEAD_BYTES + SLOTS * SLOT_BYTES)])
def test_a_file_that_is_no_journal_is_set_aside_and_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)
    journal = Journal(path, SLOTS)
    assert "set aside as j.damaged" in journal.left.faults[0]
    assert (tmp_path / "j.damaged").read_bytes() == content
    write(journal, 1)
    assert list(reopened(journal).left.pending) == [name(1)]


def test_a_torn_tail_is_nothing_wrong(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    write(journal, 1)
    write(journal, 2)
    journal.close()
    content = bytearray(journal.path.read_bytes())
    at = HEAD_BYTES + ((journal.wal.head - 1) % SLOTS) * SLOT_BYTES
    content[at : at + 8] = bytes(8)  # what the writer does first
    journal.path.write_bytes(content)
    left = Journal(journal.path, SLOTS).left
    assert (list(left.pending), left.faults) == ([name(1)], [])


def test_a_hole_before_the_tail_is_a_fault_and_the_account_is_not_believed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    write(journal, 1)
    journal.account(held(1))
    write(journal, 2)
    journal.close()
    content = bytearray(journal.path.read_bytes())
    at = HEAD_BYTES + ((journal.wal.head - 3) % SLOTS) * SLOT_BYTES
    content[at : at + SLOT_BYTES] = bytes(SLOT_BYTES)
    journal.path.write_bytes(content)
    left = Journal(journal.path, SLOTS).left
    assert (list(left.pending), left.account) == ([name(2)], None)
    assert left.faults == ["1 entries are missing"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    with pytest.raises(JournalBusy, match="another engine"):
        Journal(tmp_path / "j", SLOTS)
    journal.close()


def test_a_run_is_above_every_run_before_whatever_the_clock_says(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    assert next_run([journal], 500) == 500
    journal.begin(500)
    again = reopened(journal)
    assert (next_run([again], 400), next_run([again], 500), next_run([again], 900)) == (
        501,
        501,
        900,
    )


def test_the_checksum_is_the_one_of_zlib(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SLOTS)
    for length in (*range(34), 255, MOST_BYTES):
        data = random.Random(length).randbytes(length)
        at = HEAD_BYTES + (journal.wal.head % SLOTS) * SLOT_BYTES
        number = journal.wal.head
        assert journal.wal.append(ENDED, data)
        memory = journal.path.read_bytes()
        stored, word, checksum = struct.unpack_from("<QQQ", memory, at)
        assert (stored, word) == (number + 1, ENDED << 32 | length)
        assert checksum == zlib.crc32(struct.pack("<QQ", number, word) + data)


def test_every_order_that_left_is_in_the_journal_whenever_the_sender_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Children send as fast as they can through gate and journal, and are killed at any moment."""
    rng, left_over, sent = random.Random(4), 0, 0
    for kill in range(KILLS):
        path = tmp_path / f"j{kill}"
        ours, venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = os.fork()
        if not child:
            venue.close()
            send_for_ever(path, ours)
        ours.close()
        venue.settimeout(10)
        try:
            arrived = [venue.recv(4096)]  # it runs
            until_ns = time.monotonic_ns() + rng.randrange(20_000_000)
            while time.monotonic_ns() < until_ns:
                arrived.append(venue.recv(4096))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        while data := venue.recv(4096):
            arrived.append(data)
        venue.close()
        left = Journal(path, 512).left
        assert left.faults == []
        # Every one that the writer had not ended, and at most the one that was about to leave.
        numbers = [msgspec.json.decode(data)["number"] for data in arrived]
        assert numbers == list(range(len(numbers)))
        pending = sorted(request["number"] for request in left.pending.values())
        ended = pending[0]
        assert pending in (list(range(ended, len(numbers))), list(range(ended, len(numbers) + 1)))
        assert ended <= len(numbers)
        left_over += len(pending) == len(numbers) + 1 - ended
        sent += len(numbers)
    assert sent > KILLS
    with capsys.disabled():
        print(
            f"\n  {KILLS} kills, {sent} orders left; killed before the send: {left_over}", end=" "
        )


def send_for_ever(path: Path, sock: socket.socket) -> None:
    """Never comes back. An order ends when there are more than a few, as at a venue."""
    try:
        gate, pages, *_unused = a_gate()
        journal = Journal(path, 512)
        number = 0
        while True:
            data = msgspec.json.encode({"op": "new", "id": f"o{number}", "number": number})
            renew(pages[0].words)
            code = gate.send(sock.fileno(), data, Intent.OPEN, 0, journal.wal)
            if code == refusals.SENT:
                journal.sent(msgspec.json.decode(data))
                if number >= 8:
                    journal.ended(f"o{number - 8}")
                    journal.tend()
                number += 1
    finally:
        os._exit(1)


def a_gate() -> tuple[Gate, tuple[shm.Page, shm.Page], socket.socket, socket.socket]:
    """A gate that lets by, over pages of our own, and a socket to a venue that only receives."""
    guard, engine = shm.create(layout.KIND_GUARD, "g"), shm.create(layout.KIND_ENGINE, "e")
    levels = Words(bytearray(8), True)
    levels.store(0, 1)
    guard.words.store(layout.GUARD_MODE, modes.pack(TradingMode.NORMAL, Reason.REARMED, 1))
    renew(guard.words)
    ours, venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Gate(guard.words, engine.words, levels=levels), (guard, engine), ours, venue


def renew(guard: Words) -> None:
    guard.store(layout.GUARD_LEASE_NS, now_ns() + layout.MOST_LEASE_NS // 2)


def close(*held: socket.socket | shm.Page) -> None:
    for thing in held:
        thing.close()
