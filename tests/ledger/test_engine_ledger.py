"""What the engine tells of its days."""

import time
from typing import Any

import pytest

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
