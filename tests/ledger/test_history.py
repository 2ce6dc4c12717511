"""Which days count: each fault is found, and named."""

import datetime
from typing import Any

import pytest

from host.ledger.history import Part, days, drawdown, returns, streak
from host.ledger.paper import DAY_S, NS

BEGIN = int(datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC).timestamp())
GOOD: dict[str, Any] = {
    "run": "1",
    "strategy": "trend",
    "from_s": 0,
    "to_s": 86_399.0,
    "gap_s": 0.0,
    "equity_start": 1000.0,
    "equity_end": 1010.0,
    "equity_low": 995.0,
    "equity_high": 1012.0,
    "drawdown": 0.01,
    "pnl": 10.0,
    "fees": 1.0,
    "trades": 3,
    "wins": 2,
    "orders": 6,
    "fills": 6,
    "foreign_fees": 0,
    "mode_s": {"NORMAL": 86_399.0},
    "rows": 24,
    "feed_age_min_s": 1.0,
    "feed_age_max_s": 3600.0,
    "done": True,
}
VOUCHED = 1000


def part(day: int, late_s: float = 1.0, **changes: Any) -> Part:
    """A record of the day-th day, and where its equities stand after changes."""
    name = datetime.datetime.fromtimestamp(BEGIN + day * DAY_S, datetime.UTC).date().isoformat()
    data = {"day": name} | GOOD | changes
    if "pnl" not in changes:
        data["pnl"] = data["equity_end"] - data["equity_start"]
    wall_s = BEGIN + day * DAY_S + data["to_s"] + late_s
    return Part(day + 1, round(wall_s * NS), data)


def receipts(first_day: int, count: int, step_s: int = 3600) -> list[int]:
    begin = BEGIN + first_day * DAY_S
    return [(begin + s) * NS for s in range(0, count * DAY_S + 1, step_s)]


def level(day: int, **changes: Any) -> Part:
    """A day without any change of equity."""
    flat = dict.fromkeys(("equity_start", "equity_end", "equity_low", "equity_high"), 1000.0)
    return part(day, **(flat | {"drawdown": 0.0} | changes))


def test_good_days_count_and_follow_each_other() -> None:
    found = days([level(n) for n in range(5)], receipts(0, 5), VOUCHED, "trend")
    assert [day.fault for day in found] == [""] * 5
    assert len(streak(found, 90)) == 5
    assert len(streak(found, 3)) == 3
    assert streak(found, 3)[-1] is found[-1]


FAULTS = {
    "are not covered": {"to_s": 80_000.0},
    "302 s of it": {"gap_s": 301.0},
    "a replay": {"feed_age_max_s": 1e9},
    "of the future": {"feed_age_min_s": -3600.0},
    "is not on record": {"feed_age_min_s": None, "feed_age_max_s": None},
    "no market data": {"rows": 0},
    "of strategy 'other'": {"strategy": "other"},
    "stopped for 5.0 hours": {
        "mode_s": {"NORMAL": 68_399.0, "PAUSED": 9000.0, "EMERGENCY": 9000.0}
    },
    "contradicts itself": {"equity_low": 1005.0},
    "P&L": {"pnl": 11.0},
    "drawdown": {"drawdown": 0.5},
    "wins": {"wins": -1},
    "equity jumps": {"equity_start": 900.0, "equity_low": 900.0, "drawdown": 0.0},
    "at the time that it tells of": {"late_s": 3 * 3600.0},
    "Expected": {"equity_end": "much", "pnl": 0.0},
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_is_named(what: str) -> None:
    found = days([level(0), part(1, **FAULTS[what])], receipts(0, 2), VOUCHED, "trend")
    assert found[0].fault == ""
    assert what in found[1].fault
    assert len(streak(found, 90)) == 1


def test_a_missing_day_ends_the_streak() -> None:
    found = days([level(0), level(1), level(3), level(4)], receipts(0, 5), VOUCHED, "trend")
    assert [day.name[-1] for day in streak(found, 90)] == ["4", "5"]


def test_a_faulty_day_in_the_middle_ends_the_streak() -> None:
    found = days([level(0), level(1, rows=0), level(2)], receipts(0, 3), VOUCHED, "trend")
    assert len(streak(found, 90)) == 1


def test_days_that_no_receipt_vouches_for_do_not_count() -> None:
    found = days([level(n) for n in range(3)], receipts(0, 3), 2, "trend")
    assert [bool(day.fault) for day in found] == [False, False, True]


@pytest.mark.parametrize("step_s", [3 * 3600, 2 * DAY_S])
def test_days_in_which_no_receipt_came_do_not_count(step_s: int) -> None:
    found = days([level(n) for n in range(3)], receipts(0, 3, step_s), VOUCHED, "trend")
    assert all("receipt" in day.fault for day in found)


def test_two_runs_make_a_day_when_nothing_is_missing_between_them() -> None:
    first, second = level(0, to_s=40_000.0), level(0, from_s=40_100.0, run="2")
    joined = days([first, second._replace(seq=2)], receipts(0, 1), VOUCHED, "trend")
    assert joined[0].fault == ""
    late = level(0, from_s=41_000.0, run="2")._replace(seq=2)
    assert "1001 s" in days([first, late], receipts(0, 1), VOUCHED, "trend")[0].fault
    twice = level(0, from_s=30_000.0, run="2")._replace(seq=2)
    assert "same time" in days([first, twice], receipts(0, 1), VOUCHED, "trend")[0].fault


def test_the_last_record_of_a_run_and_day_counts() -> None:
    early = level(0, to_s=3600.0, orders=1, done=False)
    found = days([early, level(0)._replace(seq=2)], receipts(0, 1), VOUCHED, "trend")
    assert found[0].total("orders") == 6
    assert found[0].fault == ""


def test_returns_go_from_end_to_end_and_costs_come_off() -> None:
    run = days([part(0), part(1, equity_start=1010.0, equity_end=1000.0)], [], 0, "trend")
    assert returns(run) == pytest.approx([0.01, -10 / 1010])
    assert returns(run, 5.0) == pytest.approx([0.005, -15 / 1010])
    assert returns([]) == []


def test_drawdown_goes_over_days() -> None:
    run = days(
        [
            part(0, equity_high=2000.0, equity_end=1990.0, drawdown=0.1),
            part(1, equity_start=1990.0, equity_low=1500.0, equity_high=1990.0, equity_end=1600.0),
        ],
        [],
        0,
        "trend",
    )
    assert drawdown(run) == 0.25
