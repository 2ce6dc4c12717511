"""Two runs beside each other: what differs is found, what does not is not, benches stay apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig import comparison
from rig.comparison import FASTER, OPEN, SAME, SLOWER, compare
from rig.report.files import Loaded, RunError
from rig.report.views import Run
from tests.rig import runs


def loaded(*made: Run, name: str = "x", **changes: Any) -> Loaded:
    return Loaded(Path(name), runs.result(*made, **changes), list(made))


def findings(found: comparison.Comparison, stage: str) -> dict[str, str]:
    return {row.percentile: row.finding for row in found.rows if row.stage == stage}


def test_runs_of_the_same_distribution_show_no_difference() -> None:
    false_alarms = 0
    for seed in range(20):
        pair = (loaded(runs.run(300, seed=100 + 2 * seed + k)) for k in (0, 1))
        false_alarms += bool(compare(*pair).regressions)
    assert false_alarms <= 3  # of 20, at 95 %: more than that has a chance below 2 %


def test_a_slower_guard_is_found_in_its_stage_and_is_a_regression() -> None:
    a, b = loaded(runs.run(500)), loaded(runs.run(500, seed=2, slower_us=30.0))
    found = compare(a, b)
    assert findings(found, "switch_to_ack")["p50"] == SLOWER
    assert findings(found, "halt_to_ack")["p50"] == SLOWER
    assert findings(found, "switch_to_halt")["p50"] == SAME
    assert any("switch → ACK p50" in line for line in found.regressions)
    whole = {each.stage: each.finding for each in found.wholes}
    assert (whole["halt_to_ack"], whole["switch_to_halt"]) == (SLOWER, SAME)
    back = compare(b, a)
    assert findings(back, "switch_to_ack")["p50"] == FASTER
    assert back.regressions == []


def test_what_the_machine_was_slower_by_is_no_regression() -> None:
    floor = {"p50": 80.0, "p99": 200.0, "p999": 900.0, "max": 900.0, "n": 1000}
    a, b = loaded(runs.run(500)), loaded(runs.run(500, seed=2, slower_us=30.0))
    b.result["layouts"]["one_core"]["noise_floor_us"] = floor
    assert compare(a, b).regressions == []
    for each in (a, b):
        each.result["bench"] = "physical"  # where nothing is excused
    assert compare(a, b).regressions != []


def test_without_a_noise_floor_nothing_is_concluded() -> None:
    a, b = loaded(runs.run(500)), loaded(runs.run(500, seed=2, slower_us=30.0))
    b.result["layouts"]["one_core"]["noise_floor_us"] = None
    assert set(findings(compare(a, b), "switch_to_ack").values()) == {OPEN}


def test_percentiles_that_the_presses_cannot_bound_are_not_compared() -> None:
    found = compare(loaded(runs.run(200)), loaded(runs.run(4000, seed=2)))
    assert findings(found, "switch_to_ack") == {"p50": SAME, "p99": OPEN, "p999": OPEN}
    assert all(row.difference is None for row in found.rows if row.finding == OPEN)


def test_a_run_that_fails_where_the_other_did_not_is_worse() -> None:
    a, b = loaded(runs.run(20)), loaded(runs.run(20), verdict="fail", reasons=["an order left"])
    assert compare(a, b).regressions == ["B failed and A did not: an order left"]
    assert compare(b, b).regressions == []


def test_what_else_differs_is_said() -> None:
    a, b = loaded(runs.run(20)), loaded(runs.run(20), load=["cpu", "gil"])
    b.result["environment"] = {**b.result["environment"], "kernel": "Linux 7.0"}
    assert compare(a, b).notes == [
        "kernel: A Linux 6.1, B Linux 7.0",
        "load: A none, B cpu, gil",
    ]


def test_different_benches_never_share_a_column() -> None:
    a, b = loaded(runs.run(20)), loaded(runs.run(20), name="y", bench="physical")
    with pytest.raises(RunError, match="never share a column"):
        compare(a, b)
    with pytest.raises(RunError, match="never share a column"):
        compare(replace(a, result={**a.result, "bench": None}), b)


def test_runs_without_a_common_layout_are_refused() -> None:
    with pytest.raises(RunError, match="no layout in common"):
        compare(loaded(runs.run(9)), loaded(runs.run(9, "own_core")))
