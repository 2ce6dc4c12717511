"""The measurement measures: every order passes, figures are ordered, a refusal is an error."""

import json

import pytest
from host.hotpath.riskorder import Facts, Proposal

from host.hotpath import riskbench
from host.perf import checks, timing

BATCHES = 200
WORLD = (
    60 * checks.SECOND_NS, 1.0, 100.0, 0.1, 2.0, 1.0, 1.0, 2, 500.0, 9_000.0, 0.03, 0.042, 0.1, 9.0, 12.0,
)  # fmt: skip


def test_rows_have_figures_in_order_and_fit_into_80_columns() -> None:
    found = checks.rows(BATCHES)
    text = checks.show(found)
    print("\n" + text)
    assert max(map(len, text.splitlines())) <= 80
    for row in found:
        assert 0 <= row["p50"] <= row["p99"] <= row["p999"] <= row["max"]
        assert row["pass"] == (row["limit"] is None or row["p99"] <= row["limit"])
    assert [row["limit"] for row in found].count(None) == 2
    by_name = {row["what"]: row for row in found}
    assert by_name["pre-trade checks, compiled"]["p50"] > 0
    assert by_name["pre-trade checks, from Python"]["p50"] > 0


@pytest.mark.parametrize("timed", [riskbench.check, riskbench.check_and_count])
def test_an_order_that_is_refused_is_not_taken_for_a_fast_one(timed: object) -> None:
    bad = Proposal("trend.1.1.1", "other", "PAPER", 1, 1.0, 100.0, True)
    with pytest.raises(RuntimeError, match="refused"):
        timed(checks.warm(), bad, Facts(*WORLD), 1)  # type: ignore[operator]


def test_the_empty_loop_is_subtracted_and_a_limit_can_fail() -> None:
    taken = [64 * ns for ns in (100, 100, 100, 300)]
    row = timing.row("x", taken, [640, 640, 6_400], limit_ns=200.0)
    assert (row["p50"], row["p99"], row["max"]) == (90.0, 290.0, 290.0)
    assert row["pass"] is False
    assert timing.row("x", taken, [640], limit_ns=290.0)["pass"] is True


def test_a_row_over_its_limit_is_marked_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for limit, code in ((1.0, 1), (1_000.0, 0)):
        row = timing.row("x", [64 * 100] * 3, [], limit)
        monkeypatch.setattr(checks, "rows", lambda row=row: [row])
        assert checks.main([]) == code
        assert ("!" in capsys.readouterr().out) == bool(code)
        assert checks.main(["--json"]) == code
        verdict = json.loads(capsys.readouterr().out)["verdict"]
        assert verdict == ("fail" if code else "pass")
    assert checks.main(["--jsn"]) == 2
    assert "usage" in capsys.readouterr().err
