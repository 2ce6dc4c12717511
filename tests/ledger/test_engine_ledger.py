"""What the engine tells of its days."""

import time
from typing import Any

import msgspec
import pytest

from host import layout
from host.engine.ledger import Ledger
from host.ledger.paper import NS

Told = list[tuple[str, dict[str, Any]]]


def ledger(venue: str) -> tuple[Ledger, Told]:
    told: Told = []
    return Ledger("1a", "trend", venue, lambda kind, **data: told.append((kind, data))), told


@pytest.mark.parametrize(("venue", "kind"), [("paper", "paper_day"), ("kraken", "live_day")])
def test_days_are_of_paper_only_at_a_paper_venue(venue: str, kind: str) -> None:
    kept, told = ledger(venue)
    kept.look(1, 1000.0, "NORMAL")
    kept.close()
    assert [name for name, _ in told] == [kind]


def test_nothing_is_told_of_a_run_that_never_knew_its_equity() -> None:
    kept, told = ledger("paper")
    kept.heard({"ev": "bar", "time_ns": time.time_ns()})
    kept.look(1, None, "PAUSED")
    kept.close()
    assert told == []


def test_rows_fills_and_orders_are_heard_and_looks_are_a_second_apart() -> None:
    kept, told = ledger("paper")
    kept.look(1, 1000.0, "NORMAL")
    kept.look(NS // 2, 1.0, "NORMAL")  # not due
    kept.heard({"ev": "bar", "time_ns": time.time_ns() - 60 * NS})
    kept.heard({"ev": "bar"})  # of no time: no market data that could be judged
    kept.heard({"ev": "ack", "id": "x"})
    kept.ordered()
    for side, price in (("buy", "1"), ("sell", "3")):
        kept.heard({"ev": "fill", "side": side, "qty": "1", "price": price, "fee": "0.5"})
    kept.look(2 * NS, 1001.0, "NORMAL")
    kept.close()
    ((_kind, day),) = told
    assert (day["rows"], day["fills"], day["orders"], day["wins"]) == (1, 2, 1, 1)
    assert (day["equity_low"], day["pnl"]) == (1000, 1)
    assert day["feed_age_min_s"] == pytest.approx(60, abs=5)


def test_the_longest_record_fits_into_a_slot_of_the_ring() -> None:
    kept, told = ledger("paper")
    long = 1e12 / 3
    for second, mode in enumerate(("NORMAL", "REDUCED", "PAUSED", "EMERGENCY")):
        kept.look(second * NS + 1, long, mode)
    kept.heard({"ev": "bar", "time_ns": 1})
    for side in ("buy", "sell"):
        fill = {"side": side, "qty": "1234567.7654321", "price": "98765.4321", "fee": "0.123456789"}
        kept.heard({"ev": "fill", **fill})
    kept.close()
    ((kind, day),) = told
    day |= {key: 10**9 for key in ("orders", "fills", "trades", "wins", "rows", "foreign_fees")}
    day |= {key: -1.2345678901234567e-10 for key, value in day.items() if type(value) is float}
    day |= {"strategy": "t" * 12, "mode_s": dict.fromkeys(day["mode_s"], 86399.123)}
    message = {"kind": kind, "mono_ns": 2**63, "data": day}
    slot_bytes = 8 * (layout.SLOT_WORDS - 2)
    used = len(msgspec.json.encode(message))
    print(f"{used} of {slot_bytes} bytes")
    assert used <= slot_bytes
