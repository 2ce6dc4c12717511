"""The hand of a test on the venue: rows by order, faults on record, nonsense refused, runs repeated."""

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.venues.paper import ROOT, PaperStand
from tests.venues.trader import PACKET_BYTES, Trader

START = 1_704_067_200_000
TRADES = "timestamp_ms,price,qty\n" + "".join(
    f"{START + 7 * n},{100 + (n * 13 % 11 - 5) / 10},{1 + n % 7}\n" for n in range(400)
)
QUOTES = "timestamp_ms,bid,bid_qty,ask,ask_qty\n" + "".join(
    f"{START + 5 * n},{99.9 + (n * 7 % 9 - 4) / 10:.1f},{1 + n % 5},"
    f"{100.1 + (n * 7 % 9 - 4) / 10:.1f},{1 + n % 3}\n"
    for n in range(500)
)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[PaperStand]:
    with PaperStand(tmp_path) as stand:
        yield stand


@pytest.mark.parametrize(
    "order",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b'{"op":"explode"}',
        b'{"op":"step"}',
        b'{"op":"step","rows":0}',
        b'{"op":"step","rows":1e9}',
        b'{"op":"misbehave","what":"fly"}',
        b'{"op":"behave","now":true}',
        b'{"op":"quote","bid":"2","ask":"1","bid_qty":"1","ask_qty":"1"}',
        b'{"op":"quote","bid":"nan","ask":"1","bid_qty":"1","ask_qty":"1"}',
        b'{"op":"quote","bid":"1","ask":"2","bid_qty":"0","ask_qty":"1"}',
        b'{"op":"trade","price":"-1","qty":"1"}',
        b"x" * 40_000,
    ],
)
def test_an_order_that_makes_no_sense_is_refused(venue: PaperStand, order: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hand:
        hand.settimeout(10)
        hand.connect(str(venue.folder / "control"))
        if order:  # an empty packet is the end of a connection
            hand.send(order)
            assert json.loads(hand.recv(PACKET_BYTES))["ev"] == "refused"
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    assert D(venue.join().ask("mark")["price"]) == venue.at(-1)


def test_the_feed_sees_the_rows_of_a_test(venue: PaperStand) -> None:
    feed = Trader(venue.socket, role="feed")
    feed.send(op="hello", role="feed")  # a second one: its refusal says that the first was heard
    feed.until("reject")
    venue.quote(D("99.5"), D("100.5"), D(1))
    venue.order(op="trade", price="100.1", qty="0.5", ms=7)
    quote, trade = feed.until("quote"), feed.until("trade")
    feed.close()
    assert (quote["bid"], quote["ask"]) == (99.5, 100.5)
    assert (trade["price"], trade["qty"]) == (100.1, 0.5)
    assert trade["time_ns"] - quote["time_ns"] == 7_000_000


def test_faults_are_on_record_and_so_is_what_really_happened(venue: PaperStand) -> None:
    trader = venue.join()
    for what in ("timeout_lost", "timeout_accepted", "lost_fill"):
        venue.misbehave(what)
    # The first that was told comes first.
    for name, state in (("a.1.1.1", "open"), ("a.1.1.2", "unknown")):
        trader.new(name, "buy", venue.qty, venue.at(10))
        trader.until("unknown", id=name)
        assert trader.state(name) == state
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    assert trader.state("a.1.1.1") == "filled"
    assert trader.told("fill") == []
    lines = [json.loads(line) for line in venue.record.read_bytes().splitlines()]
    assert [line["what"] for line in lines if line["kind"] == "misbehaviour"] == [
        "timeout_lost",
        "timeout_accepted",
        "lost_fill",
    ]
    outcomes = [
        line["outcome"] for line in lines if line["kind"] == "packet" and line["msg"]["op"] == "new"
    ]
    assert outcomes == ["accepted", "lost"]
    assert [line["id"] for line in lines if line["kind"] == "fill"] == ["a.1.1.1"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (None, ["ack a", "fill a", "ack b", "cancelled b"]),
        ("lost_fill", ["ack a", "ack b", "cancelled b"]),
        ("double_fill", ["ack a", "fill a", "fill a", "ack b", "cancelled b"]),
        ("late_fill", ["ack a", "ack b", "fill a", "cancelled b"]),
        ("late_ack", ["fill a", "ack a", "ack b", "cancelled b"]),
    ],
)
def test_each_fault_is_done_once(venue: PaperStand, fault: str | None, told: list[str]) -> None:
    trader = venue.join()
    if fault is not None:
        venue.misbehave(fault)
    trader.new("a", "buy", venue.qty)
    trader.quiet()
    venue.quote(venue.at(-1), venue.at(1), venue.qty)
    trader.placed("b", "buy", venue.qty, venue.at(-20))
    trader.cancel("b")
    trader.until("cancelled", id="b")
    heard = [f"{event['ev']} {event['id']}" for event in trader.heard if "id" in event]
    assert heard == told


def test_what_is_held_back_is_told_in_the_end(venue: PaperStand) -> None:
    trader = venue.join()
    venue.misbehave("late_ack")
    trader.new("a", "buy", venue.qty, venue.at(-20))
    trader.quiet()
    assert trader.told("ack") == []
    venue.behave()
    trader.until("ack", id="a")


@contextmanager
def stepping(folder: Path, seed: int) -> Iterator[tuple[Trader, Any]]:
    """A venue with latency on quotes and trades, whose rows are played by `step(rows)`."""
    folder.mkdir()
    (folder / "q.csv").write_text(QUOTES)
    (folder / "t.csv").write_text(TRADES)
    command = [sys.executable, "-m", "host.paper", "--listen", str(folder / "v"), "--record",
               str(folder / "r"), "--data", str(folder / "q.csv"), "--trades", str(folder / "t.csv"),
               "--control", str(folder / "c"), "--rows-per-s", "0", "--latency-ms", "3",
               "--jitter-ms", "40", "--seed", str(seed)]  # fmt: skip
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hand,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            hand.settimeout(10)
            hand.connect(str(folder / "c"))

            def step(rows: int) -> None:
                hand.send(json.dumps({"op": "step", "rows": rows}).encode())
                assert json.loads(hand.recv(PACKET_BYTES)) == {"ev": "done"}

            trader = Trader(folder / "v")
            yield trader, step
            trader.close()
        finally:
            process.terminate()


def session(folder: Path, seed: int) -> bytes:
    """The same requests between the same rows; everything that the trader heard."""
    chance = random.Random(1)
    with stepping(folder, seed) as (trader, step):
        for number in range(150):
            price = 100 + chance.randint(-8, 8) / 10
            trader.new(f"s.1.1.{number}", chance.choice(("buy", "sell")), D(chance.randint(1, 4)),
                       chance.choice((D(str(price)), None)))  # fmt: skip
            if number % 4 == 3:
                trader.cancel(f"s.1.1.{number - chance.randint(0, 3)}")
            trader.quiet()
            step(chance.randint(1, 6))
            trader.quiet()
        return json.dumps(trader.heard).encode()


def test_the_same_seed_says_the_same_byte_for_byte_in_another_process(tmp_path: Path) -> None:
    first, again, other = (
        session(tmp_path / name, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert first == again
    assert first != other
    assert first.count(b'"fill"') > 50
