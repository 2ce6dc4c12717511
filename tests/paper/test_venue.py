"""The paper venue as a real process on a socket: protocol, record, time stamps, end of life."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.paper.kit import (
    BARS,
    ORDER,
    QUOTES,
    ROOT,
    START,
    TRADES,
    Launch,
    start,
    wait_for,
)


def test_a_market_order_is_acknowledged_filled_and_recorded(launch: Launch) -> None:
    venue = launch()
    trader = venue.join("trade")
    assert trader.ask(ORDER | {"id": "a", "price": None, "reduce_only": False}) == {
        "ev": "ack",
        "id": "a",
    }
    fill = trader.get()
    assert fill == {
        "ev": "fill",
        "id": "a",
        "side": "buy",
        "qty": "0.25",
        "price": "100.005",
        "fee": fill["fee"],
        "left": "0",
        "trade": "t1",
    }
    position = trader.ask({"op": "position", "req": 7})
    assert (position["req"], position["qty"]) == (7, "0.25")
    assert D(position["cash"]) == -D("0.25") * D("100.005") - D(fill["fee"])
    assert venue.end() == 0
    assert not venue.path.exists()
    lines = venue.lines()
    assert [line["n"] for line in lines] == list(range(len(lines)))
    first, last = lines[0], lines[-1]
    assert (first["kind"], last["kind"], last["reason"]) == ("start", "stop", "signal")
    assert (first["rows"], first["rows_per_s"], first["source"]) == (600, 50.0, "x.csv")
    assert first["pid"] == venue.process.pid
    assert (first["settings"]["seed"], first["settings"]["taker_bps"]) == ("0", "10")
    assert first["mono_ns"] < last["mono_ns"]
    assert [line["msg"]["op"] for line in venue.lines("packet")] == ["hello", "new", "position"]
    assert {line["outcome"] for line in venue.lines("packet")} == {"accepted"}
    assert {line["peer_pid"] for line in venue.lines("packet")} == {os.getpid()}
    assert [line["id"] for line in venue.lines("fill")] == ["a"]


def test_a_row_fills_no_more_than_its_share(launch: Launch) -> None:
    trader = launch().join("trade")
    trader.put(ORDER | {"id": "a", "qty": "2.5"})
    fills = [trader.until("fill") for _ in range(3)]
    assert [(f["qty"], f["left"]) for f in fills] == [("1", "1.5"), ("1", "0.5"), ("0.5", "0")]


def test_orders_can_be_seen_and_cancelled_by_any_trader(launch: Launch) -> None:
    venue = launch()
    trader, other = venue.join("trade"), venue.join("trade")
    other.ask({"op": "position", "req": 1})
    limit = ORDER | {"type": "limit", "price": "50.00"}
    for name in ("a", "b", "c"):
        assert trader.ask(limit | {"id": name})["ev"] == "ack"
    assert trader.ask({"op": "cancel", "id": "b", "intent": "CANCEL"}) == {
        "ev": "cancelled",
        "id": "b",
    }
    orders = trader.ask({"op": "open_orders", "req": 2})
    assert [o["id"] for o in orders["orders"]] == ["a", "c"]
    assert orders["orders"][0] == {
        "id": "a",
        "side": "buy",
        "qty": "0.25",
        "left": "0.25",
        "price": "50",
        "reduce_only": False,
    }
    other.put({"op": "cancel_all", "intent": "CANCEL"})
    for peer in (trader, other):
        assert peer.until("cancelled_all")["ids"] == ["a", "c"]
    assert trader.ask({"op": "cancel", "id": "a", "intent": "CANCEL"}) == {
        "ev": "cancel_reject",
        "id": "a",
        "reason": "UNKNOWN_ORDER",
    }
    assert venue.lines("packet")[-1]["outcome"] == "rejected:UNKNOWN_ORDER"


BAD_PACKETS = [
    (b"", "BAD_MESSAGE"),
    (b"{", "BAD_MESSAGE"),
    (b"\xff\xfe", "BAD_MESSAGE"),
    (b"null", "BAD_MESSAGE"),
    (b'{"op":\n"cancel_all"}', "BAD_MESSAGE"),
    (b"[" * 15_000, "BAD_MESSAGE"),
    (b"x" * 40_000, "BAD_MESSAGE"),
    (b'{"op":"position","req":123456789012345678901234567890}', "BAD_MESSAGE"),
    (b'{"op":"withdraw"}', "UNKNOWN_OP"),
    (b'{"op":"hello","role":"trade"}', "BAD_MESSAGE"),
    (json.dumps(ORDER | {"id": "x", "reduceonly": True}).encode(), "BAD_MESSAGE"),
    (json.dumps(ORDER | {"id": "x", "qty": 1}).encode(), "BAD_MESSAGE"),
    (json.dumps(ORDER | {"id": "x", "qty": "0"}).encode(), "BAD_QTY"),
    (json.dumps(ORDER | {"id": "x", "reduce_only": True}).encode(), "REDUCE_ONLY_WOULD_INCREASE"),
]


def test_bad_packets_are_refused_and_recorded_and_kill_nothing(launch: Launch) -> None:
    venue = launch()
    trader = venue.join("trade")
    for packet, code in BAD_PACKETS:
        reply = trader.ask(packet)
        assert (reply["ev"], reply["reason"]) == ("reject", code), packet[:40]
    assert trader.ask({"op": "position", "req": 1})["qty"] == "0"
    outcomes = [line["outcome"] for line in venue.lines("packet")]
    assert outcomes == ["accepted", *(f"rejected:{code}" for _, code in BAD_PACKETS), "accepted"]
    assert venue.lines("packet")[2]["msg"] == {"raw": "{", "bytes": 1}
    assert venue.end() == 0
    assert venue.lines("stop")[0]["bad_packets"] == 12


def test_a_packet_of_several_lines_is_one_line_of_the_record(launch: Launch) -> None:
    venue = launch()
    trader = venue.join("trade")
    assert trader.ask(b'{"op":\n"position",\n"req":1}')["req"] == 1
    for name in ("", "a b", "x" * 65, "\u00e4"):
        assert trader.ask(ORDER | {"id": name})["reason"] == "BAD_MESSAGE"
    assert venue.lines("packet")[1]["msg"] == {"op": "position", "req": 1}
    assert [line["n"] for line in venue.lines()] == list(range(len(venue.lines())))


def test_a_feed_client_or_a_stranger_cannot_trade_and_its_try_is_on_record(launch: Launch) -> None:
    venue = launch(BARS, 1.0)
    stranger, feed = venue.join(None), venue.join("feed")
    for peer in (stranger, feed):
        peer.put(ORDER | {"id": "x"})
        assert peer.until("reject") == {"ev": "reject", "id": "x", "reason": "BAD_MESSAGE"}
    tries = [line for line in venue.lines("packet") if line["msg"]["op"] == "new"]
    assert [line["outcome"] for line in tries] == ["rejected:BAD_MESSAGE"] * 2


@pytest.mark.parametrize("delay_s", [0.0, 0.05])
def test_sent_ns_is_the_time_of_the_send_and_not_of_the_read(
    launch: Launch, delay_s: float
) -> None:
    venue = launch(BARS, 1.0)
    trader = venue.join("trade")
    trader.ask({"op": "position", "req": 0})
    if delay_s:
        os.kill(venue.process.pid, signal.SIGSTOP)  # a venue that is slow to read
    bounds = []
    for number in range(20):
        before_ns = time.monotonic_ns()
        trader.put({"op": "position", "req": number})
        bounds.append((before_ns, time.monotonic_ns()))
    time.sleep(delay_s)
    os.kill(venue.process.pid, signal.SIGCONT)
    for _ in bounds:
        trader.until("position")
    tolerance_ns = 250_000  # the offset of the two clocks, sampled with the machine under load
    for line, (before_ns, after_ns) in zip(venue.lines("packet")[2:], bounds, strict=True):
        assert before_ns - tolerance_ns <= line["sent_ns"] <= after_ns + tolerance_ns
        assert line["read_ns"] - line["sent_ns"] >= delay_s * 1e9 - tolerance_ns
        assert "no_stamp" not in line


def test_a_packet_sent_before_the_welcome_has_no_send_time_and_says_why(launch: Launch) -> None:
    venue = launch(BARS, 1.0)
    os.kill(venue.process.pid, signal.SIGSTOP)
    early = venue.join("trade", wait=False)
    early.put({"op": "position", "req": 1})
    os.kill(venue.process.pid, signal.SIGCONT)
    early.until("welcome")
    early.ask({"op": "position", "req": 2})
    packets = venue.lines("packet")
    assert [line["sent_ns"] is None for line in packets] == [True, True, False]
    assert "before stamping" in packets[0]["no_stamp"]


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (TRADES, {"ev": "trade", "price": 10.5, "qty": 100.0}),
        (QUOTES, {"ev": "quote", "bid": 10.25, "ask": 10.5}),
    ],
)
def test_the_feed_plays_the_real_rows_and_then_ends(
    launch: Launch, data: str, event: dict[str, Any]
) -> None:
    venue = launch(data, 40.0, "--start-row", "2")
    feed, trader = venue.join("feed"), venue.join("trade")
    events = [feed.get()]
    while events[-1]["ev"] != "end":
        events.append(feed.get())
    assert events.pop() == {"ev": "end", "rows": 20}
    assert events[0] == event | {"row": events[0]["row"], "time_ns": events[0]["time_ns"]}
    rows = [e["row"] for e in events]
    assert rows == list(range(rows[0], 20))
    assert rows[0] >= 2
    assert [e["time_ns"] for e in events] == [(START + row) * 10**6 for row in rows]
    late = venue.join("feed")
    assert late.get() == {"ev": "end", "rows": 20}
    assert trader.ask(ORDER | {"id": "a"})["ev"] == "ack"
    assert len(trader.ask({"op": "open_orders", "req": 1})["orders"]) == 1


def test_bars_carry_all_their_numbers_and_keep_their_pace(launch: Launch) -> None:
    feed = launch(BARS, 100.0).join("feed")
    first = feed.get()
    began = time.monotonic()
    assert first == {"ev": "bar", "row": first["row"], "time_ns": first["time_ns"]} | {
        "open": 100.0,
        "high": 101.0,
        "low": 99.0,
        "close": 100.25,
        "volume": 10.0,
    }
    last = first
    while last["row"] < first["row"] + 50:
        last = feed.get()
    assert time.monotonic() - began == pytest.approx(0.5, abs=0.2)


def test_a_client_that_does_not_read_stalls_nobody(launch: Launch) -> None:
    venue = launch(BARS, 5000.0)
    venue.join("feed")  # never read: its packets are dropped once the socket is full
    reader, trader = venue.join("feed"), venue.join("trade")
    reader.until("end")
    assert trader.ask({"op": "position", "req": 1})["ev"] == "position"
    assert venue.end() == 0
    assert venue.lines("stop")[0]["rows_played"] == 600
    assert venue.lines("stop")[0]["dropped_rows"] > 0


def test_a_trader_that_never_reads_its_replies_is_cut_off(launch: Launch) -> None:
    venue = launch(BARS, 1.0)
    deaf, other = venue.join("trade"), venue.join("trade")

    def flood() -> None:
        while True:
            deaf.put({"op": "position", "req": 1})

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        flood()
    assert other.ask({"op": "position", "req": 1})["ev"] == "position"
    assert "does not read" in venue.lines("disconnect")[0]["reason"]


def test_the_venue_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(BARS)
    listen, record = tmp_path / "v.sock", tmp_path / "r.jsonl"
    arguments = ["-m", "host.paper", "--listen", str(listen), "--record", str(record)]
    arguments += ["--data", str(tmp_path / "x.csv")]
    code = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, *{arguments!r}], stdout=subprocess.PIPE)\n"
        "p.stdout.readline()\n"
        "import os; os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=20)
    wait_for(lambda: not listen.exists())
    wait_for(lambda: '"parent ended"' in record.read_text())


def test_an_interrupt_is_a_clean_end(launch: Launch) -> None:
    venue = launch()
    venue.process.send_signal(signal.SIGINT)
    assert venue.process.wait(timeout=10) == 0
    assert not venue.path.exists()


def test_a_torn_line_of_an_earlier_run_stays_apart(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "record.jsonl").write_text('{"n":0,"kind":"sta')
    venue = launch()
    assert venue.end() == 0
    torn, *rest = venue.record.read_text().splitlines()
    assert torn == '{"n":0,"kind":"sta'
    assert [json.loads(line)["kind"] for line in rest] == ["start", "stop"]


def test_a_socket_of_a_dead_venue_is_replaced_and_of_a_live_one_is_not(launch: Launch) -> None:
    venue = launch()
    second = start(venue.path, venue.record, "sp500", 1.0)
    _, complaint = second.communicate(timeout=20)
    assert (second.returncode, complaint.count("\n")) == (2, 1)
    assert "another process is listening" in complaint
    venue.process.kill()
    venue.process.wait()
    assert venue.path.exists()
    launch().join("trade").ask({"op": "position", "req": 1})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_record_that_cannot_be_written_stops_the_venue(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(BARS)
    process = start(tmp_path / "v", Path("/dev/full"), tmp_path / "x.csv", 1.0)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 1
    assert complaint == "paper: record: No space left on device\n"
    assert not (tmp_path / "v").exists()


def test_the_venue_tells_its_mark_and_its_rules(launch: Launch) -> None:
    venue = launch(BARS, 50.0, "--min-notional", "5.5")
    trader = venue.join("trade")
    wait_for(lambda: trader.ask({"op": "mark", "req": 3})["price"] is not None)
    assert trader.ask({"op": "mark", "req": 4}) == {
        "ev": "mark",
        "req": 4,
        "price": "100",
        "tick": "0.01",
        "qty_step": "0.00000001",
        "min_notional": "5.5",
    }


def test_maintenance_refuses_everything_and_ends_again(launch: Launch) -> None:
    venue = launch()
    trader = venue.join("trade")
    trader.ask(ORDER | {"id": "a", "type": "limit", "price": "50", "reduce_only": False})
    venue.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(venue.lines("maintenance")) == 1)
    refused = {"ev": "reject", "id": None, "reason": "MAINTENANCE"}
    assert trader.ask({"op": "position", "req": 1}) == refused
    assert trader.ask({"op": "cancel_all", "intent": "CANCEL"}) == refused
    assert trader.ask(ORDER | {"id": "b"}) == refused | {"id": "b"}
    venue.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(venue.lines("maintenance")) == 2)
    assert [o["id"] for o in trader.ask({"op": "open_orders", "req": 2})["orders"]] == ["a"]
    assert venue.end() == 0
