"""The gate and what paper trading earned: limits, targets, and misses that are accepted."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.golive import earned
from host.golive.evidence import gather
from host.golive.gate import Decision
from host.golive.signed import SUFFIX
from host.ledger.paper import DAY_S, NS
from tests.golive.proofs import Host, machine, opened, ready_host

Judge = Callable[..., Decision]


def trader(folder: Path, **how: Any) -> Host:
    now = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    return ready_host(folder, int(now.timestamp()) * NS, **how)


@pytest.mark.parametrize(
    ("how", "line", "why"),
    [
        ({"days": 59}, "paper_days", "59 days, 60 are needed"),
        ({"drift": -0.002}, "paper_result", "no profit"),
        ({"drift": 0.0002, "spread": 0.0001}, "paper_result", "no profit"),
        ({"feed_age_s": 1e8}, "paper_days", "a replay"),
        ({"drift": 0.002, "spread": 0.05}, "drawdown", "more than 20%"),
        ({"wins": 0.5}, "win_rate", "target missed"),
        ({"drift": 0.0008, "spread": 0.012}, "sharpe", "target missed"),
    ],
)
def test_what_was_not_earned_opens_its_line(
    how: dict[str, Any], line: str, why: str, tmp_path: Path, judge: Judge
) -> None:
    found = opened(judge(trader(tmp_path / "host", **({"equity": 10_000.0} | how))))
    assert why in found[line]


def test_sixty_days_are_enough_and_older_ones_than_ninety_do_not_count(
    tmp_path: Path, judge: Judge
) -> None:
    assert judge(trader(tmp_path / "few", days=60)).ready
    many = judge(trader(tmp_path / "many", days=95))
    assert next(x for x in many.lines if x.line == "paper_days").figures["days"] == 90


def test_days_of_another_strategy_do_not_count(host: Host, judge: Judge) -> None:
    other = Host(host.folder, host.now_ns, host.key, machine(strategy="other"))
    assert "of strategy 'trend'" in opened(judge(other))["paper_days"]


def test_a_power_cycle_of_the_box_costs_no_day(tmp_path: Path, judge: Judge) -> None:
    decision = judge(trader(tmp_path / "host", days=62, power_cycle_hour=31 * 24))
    assert opened(decision) == {}


def test_what_newer_days_lost_is_not_forgotten_and_what_they_won_adds_nothing(good: Host) -> None:
    known = gather(good.now_ns, good.machine, good.audit_dir, good.evidence, good.root)
    today = known.log.days[-1]
    assert today.fault
    before = earned.paper_result(known).figures["net_quote"]
    (account,) = today.accounts
    high = {"equity_end": 1e9, "equity_high": 1e9, "pnl": 1e9 - account.equity_start}
    today.accounts = [msgspec.structs.replace(account, **high)]
    assert earned.paper_result(known).figures["net_quote"] <= before + abs(account.pnl)
    low = {"equity_end": 100.0, "equity_low": 100.0, "pnl": 100.0 - account.equity_start}
    today.accounts = [msgspec.structs.replace(account, **low)]
    assert earned.paper_result(known).reason == "no profit after costs"
    assert "more than" in earned.paper_drawdown(known).reason


def test_days_that_ended_long_ago_are_too_old(host: Host, judge: Judge) -> None:
    later = Host(host.folder, host.now_ns + 4 * DAY_S * NS, host.key, host.machine)
    found = opened(judge(later))
    assert {"paper_days", "paper_result", "drawdown", "sharpe", "win_rate"} == set(found)
    assert all("too old" in reason for reason in found.values())


def test_a_press_that_was_long_ago_is_too_old(host: Host, judge: Judge) -> None:
    later = Host(host.folder, host.now_ns + 8 * DAY_S * NS, host.key, host.machine)
    assert "too old" in opened(judge(later))["proof_test"]


def test_a_missed_target_needs_an_acceptance_that_covers_it(tmp_path: Path, judge: Judge) -> None:
    host = trader(tmp_path / "host", wins=0.5)
    assert "nobody has accepted" in opened(judge(host))["win_rate"]
    word = {"target": "win_rate", "at_least": 0.9, "reason": "few losses", "by": "A. Auditor"}
    host.sign("acceptance", word)
    assert "accepted is 0.9 at least" in opened(judge(host))["win_rate"]
    host.sign("acceptance", word | {"at_least": 0.4}, age_days=31)
    assert "nobody has accepted" in opened(judge(host))["win_rate"]
    host.sign("acceptance", word | {"at_least": 0.4, "target": "sharpe"})
    assert "win_rate" in opened(judge(host))
    host.sign("acceptance", word | {"at_least": 0.4})
    decision = judge(host)
    assert decision.ready
    line = next(each for each in decision.lines if each.line == "win_rate")
    assert "MISSED, accepted by A. Auditor" in line.found
    assert any(piece["file"].endswith(f"acceptance{SUFFIX}") for piece in line.evidence)


def test_a_venue_without_a_dead_mans_switch_needs_an_acceptance(host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece("venue").read_bytes())["result"]
    host.sign("venue", told | {"deadman": told["deadman"] | {"seen_firing": False}})
    assert "venue" in opened(judge(host))
    word = {"target": "deadman", "at_least": 0, "reason": "spot only", "by": "A. Auditor"}
    host.sign("acceptance", word)
    assert judge(host).ready
    host.sign("acceptance", word, age_days=31)
    assert "venue" in opened(judge(host))


def test_without_a_count_of_trials_the_deflated_ratio_is_not_known(
    host: Host, judge: Judge
) -> None:
    host.piece("trials").unlink()
    decision = judge(host)
    line = next(each for each in decision.lines if each.line == "sharpe")
    assert decision.ready
    assert "not known" in line.found
    assert line.figures["deflated"] is None
