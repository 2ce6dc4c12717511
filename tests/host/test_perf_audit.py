"""The audit figures: taken from the real recorder, and a limit that does not hold is said."""

import json
from pathlib import Path

import pytest

from host.perf import audit


def test_the_rows_are_measured_and_have_their_fields(tmp_path: Path) -> None:
    rows = audit.rows(tmp_path, tmp_path / "no-host", presses=10, records=1_024)
    assert [row["what"] for row in rows] == [
        "write + fdatasync, bare",
        "safety record durable",
        "record chained and committed",
        "record verified",
        "record verified, of CPU time",
        "guard loaded, resident",
    ]
    fields = {"what", "p50", "p99", "p999", "max", "unit", "limit", "judged", "pass"}
    for row in rows:
        assert set(row) == fields
        assert 0 < row["p50"] <= row["p99"] <= row["p999"] <= row["max"]
    assert rows[1]["limit"] == pytest.approx(1.5 * rows[0]["p99"] + 1_000, abs=0.02)
    assert rows[-1]["p50"] > 10  # a whole interpreter, not nothing
    assert list(tmp_path.iterdir()) == []
    assert max(map(len, audit.show(rows).splitlines())) <= 80


def test_a_limit_that_does_not_hold_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    good = audit.row("a", [1.0, 2.0], "us", 2.0)
    slow = audit.row("b", [1.0, 2.1], "us", 2.0)
    judged = audit.row("c", [1.0, 9.0], "us", 2.0, judged="p50")
    assert (good["pass"], slow["pass"], judged["pass"]) == (True, False, True)
    for rows, code in (([good, judged], 0), ([good, slow], 1)):
        monkeypatch.setattr(audit, "rows", lambda *_arguments, rows=rows: rows)
        assert audit.main(["--json", str(tmp_path)]) == code
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["verdict"] for answer in said] == ["pass", "fail"]


def test_a_folder_that_is_not_there_is_one_line_and_2(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert audit.main([str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("perf: ")
    assert said.count("\n") == 1
