"""The table of `bot4 perf`: what is missing fails it, a regression is found, bad input is one line."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from host import perf
from host.perf import core, table
from host.perf.judging import judge

ALL = [judge(answer, [1.0]) for _what, answer, _figure in table.SPECIFICATION]


def test_all_rows_there_is_a_pass_and_each_missing_one_is_not() -> None:
    assert table.table(ALL, {})["verdict"] == "pass"
    for left_out in range(len(ALL)):
        found = table.table(ALL[:left_out] + ALL[left_out + 1 :], {})
        assert found["verdict"] == "fail"
        assert found["rows"][left_out]["missing"] == "nothing measures it yet"
    failed = table.table(ALL, {"core": "OSError: no memory"})
    assert failed["verdict"] == "fail"
    assert "OSError: no memory" in table.show(failed)


def test_a_row_beyond_its_limit_fails_the_table() -> None:
    assert table.table([*ALL, judge("slow", [9.0], limit=8.0)], {})["verdict"] == "fail"


def test_a_module_that_cannot_measure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> list:
        raise OSError("no memory")

    others = [
        info for info in pkgutil.iter_modules(perf.__path__) if info.name in ("core", "inference")
    ]
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: others)
    monkeypatch.setattr(core, "rows", rows)
    measured, failed = table.measured({})
    assert failed["core"] == "OSError: no memory"
    assert measured, "the others are measured"


def test_regressions_are_found_both_ways_and_noise_is_not_one() -> None:
    def one(value: float, at_least: bool = False) -> dict:
        return {"rows": [judge("x", [value], at_least=at_least)]}

    assert table.regressions(one(100), one(50)) == ["x: p50 was 50, now 100 ns"]
    assert table.regressions(one(70), one(50)) == []
    assert table.regressions(one(50), one(100)) == []
    assert table.regressions(one(1.5), one(0.6)) == [], "below one unit it is the timer"
    assert table.regressions(one(10, True), one(50, True)) == ["x: p50 was 50, now 10 ns"]
    assert table.regressions(one(50, True), one(10, True)) == []
    assert table.regressions({"rows": []}, one(5)) == ["x: was 5 ns, now not measured"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"rows": 1}', '{"rows": [1]}', '{"rows": [{"what": "x", "p50": "y"}]}']
)  # fmt: skip
def test_a_baseline_that_is_none_is_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    file.write_text(content)
    for name in (file, tmp_path / "nothing"):
        command = [sys.executable, "-m", "bot4", "perf", "--baseline", str(name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith(f"bot4: --baseline {name}: ")


def test_the_command_prints_every_row_and_a_verdict(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot4", "perf"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["verdict"] == "pass" else 1), done.stderr
    asked = [row["answers"] for row in found["rows"] if "answers" in row]
    assert asked == [what for what, _answer, _figure in table.SPECIFICATION]
    wanted = {"what", "p50", "p99", "p999", "max", "unit", "limit", "spec", "pass"}
    assert all(wanted <= row.keys() for row in found["rows"])
    assert {"cpu", "cores", "load_1m", "kernel", "python", "malloc"} <= found["environment"].keys()
    text = table.show(found)
    print("\n" + text)
    assert max(map(len, text.splitlines())) <= 80
