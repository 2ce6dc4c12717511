"""The rows of execution measure, and a position that is not what was filled is no fast fill."""

import pytest

from host.perf import execution
from host.venues import events as ev


def test_every_row_has_figures_in_order(capsys: pytest.CaptureFixture) -> None:
    found = execution.rows(fills=300, batches=3, cycles=100)
    with capsys.disabled():
        for row in found:
            print(f"\n  {row['what']}: p50 {row['p50']} {row['unit']}", end="")
        print()
    assert [row["unit"] for row in found] == ["k/s", "us", "blocks"]
    assert all(float(row["p50"]) > 0 for row in found[:2])  # type: ignore[arg-type]


def test_a_stop_that_does_not_follow_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    say = execution.Loopback._say
    monkeypatch.setattr(
        execution.Loopback,
        "_say",
        lambda self, event: None if isinstance(event, ev.Amended) else say(self, event),
    )
    with pytest.raises(RuntimeError, match="in stop and target"):
        execution.fills_per_s(10)


def test_a_cycle_that_does_not_end_flat_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    say = execution.Loopback._say
    monkeypatch.setattr(
        execution.Loopback,
        "_say",
        lambda self, event: None if isinstance(event, ev.Cancelled) else say(self, event),
    )
    with pytest.raises(RuntimeError, match="not flat"):
        execution.open_and_close(3, 1)
