"""The account that the engine keeps: days, runs, gaps, clocks."""

import datetime
from typing import Any

import pytest

from host.ledger.history import Account, Part, days
from host.ledger.paper import DAY_S, NS, PaperDays

DAY = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
BEGIN = int(DAY.timestamp())


def run(
    kept: PaperDays, first_s: int, last_s: int, equity: Any = lambda _s: 1000.0, step_s: int = 5
) -> list[dict[str, Any]]:
    """Look every few seconds; times count from the beginning of DAY."""
    told = []
    for at_s in range(first_s, last_s + 1, step_s):
        told += kept.take((BEGIN + at_s) * NS, at_s * NS, equity(at_s), "NORMAL")
    return told


def test_a_day_is_told_every_hour_and_at_its_end() -> None:
    told = run(PaperDays("7", "trend"), 0, DAY_S + 5, lambda s: 1000 + s / DAY_S)
    assert [record["done"] for record in told] == [False] * 23 + [True]
    day = told[-1]
    assert (day["day"], day["run"], day["from_s"], day["to_s"]) == ("2026-03-01", "7", 0, DAY_S - 5)
    assert day["pnl"] == pytest.approx(1, abs=1e-3)
    assert day["mode_s"] == {"NORMAL": DAY_S - 5}
    assert day["gap_s"] == 0


def test_drawdown_is_from_the_peak_before_and_not_from_one_after() -> None:
    path = {0: 1000.0, 5: 900.0, 10: 2000.0, 15: 1500.0}
    kept = PaperDays("1", "trend")
    run(kept, 0, 15, path.__getitem__)
    (day,) = kept.close()
    assert day["drawdown"] == 0.25
    assert (day["equity_low"], day["equity_high"], day["done"]) == (900, 2000, True)


def test_time_that_nobody_looked_is_a_gap_and_in_no_mode() -> None:
    kept = PaperDays("1", "trend")
    run(kept, 0, 100)
    run(kept, 700, 800)
    (day,) = kept.close()
    assert day["gap_s"] == 600
    assert day["mode_s"] == {"NORMAL": 200}


def test_a_clock_that_is_set_back_begins_no_older_day() -> None:
    kept = PaperDays("1", "trend")
    run(kept, 0, 100)
    assert kept.take((BEGIN - 3600) * NS, 105 * NS, 1000.0, "PAUSED") == []
    (day,) = kept.close()
    assert day["day"] == "2026-03-01"


def test_orders_fills_rows_and_modes_are_counted() -> None:
    kept = PaperDays("1", "trend")
    kept.ordered()  # before the first look: nothing is known of that day
    kept.take(BEGIN * NS, 0, 1000.0, "REDUCED")
    kept.ordered()
    for side, price in (("buy", "1"), ("sell", "2")):
        kept.filled({"side": side, "qty": "1", "price": price, "fee": "0.1"})
    kept.row(BEGIN * NS, (BEGIN - 60) * NS)
    kept.row(BEGIN * NS, (BEGIN - 90) * NS)
    kept.take((BEGIN + 1) * NS, NS, 1000.5, "NORMAL")
    kept.take((BEGIN + 3) * NS, 3 * NS, 1000.5, "NORMAL")
    (day,) = kept.close()
    assert (day["orders"], day["fills"], day["trades"], day["wins"]) == (1, 2, 1, 1)
    assert day["fees"] == 0.2
    assert day["mode_s"] == {"REDUCED": 1, "NORMAL": 2}
    assert (day["rows"], day["feed_age_min_s"], day["feed_age_max_s"]) == (2, 60, 90)
    assert kept.close() == []


def test_what_is_told_is_what_is_read() -> None:
    told = run(PaperDays("1", "trend"), 0, DAY_S + 5)
    parts = [Part(n, (BEGIN + 3600 * n) * NS, data) for n, data in enumerate(told, start=1)]
    (day,) = days(parts, [], 0, "trend")
    assert isinstance(day.accounts[0], Account)
    assert day.fault == "no market data"
