"""`bot4 bench report` as a person runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rig.report import files
from tests.integration.kit import bot4
from tests.rig import runs


def keep(folder: Path, **options: object) -> Path:
    folder.mkdir()
    made = runs.run(300, **options)
    files.write(folder, runs.result(made), [made])
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and one whose guard is slower."""
    home = tmp_path_factory.mktemp("runs")
    return keep(home / "a"), keep(home / "b", seed=2, slower_us=40.0)


def test_a_regression_is_exit_1_and_named(pair: tuple[Path, Path]) -> None:
    a, b = map(str, pair)
    done = bot4("bench", "report", a, b)
    assert done.returncode == 1, done.stderr
    assert "regression: one core: switch → ACK p50 is" in done.stdout
    assert "no difference that 300 presses can show" in done.stdout  # switch -> HALT
    done = bot4("bench", "report", b, a, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["regressions"] == []


def test_one_run_is_drawn_again(pair: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(pair[0], tmp_path / "moved")
    page = tmp_path / "moved" / "report.html"
    page.unlink()
    done = bot4("bench", "report", str(tmp_path / "moved"))
    assert done.returncode == 0, done.stderr
    assert page.exists()
    assert "PASS" in done.stdout


def test_the_history_is_a_table_and_a_page(pair: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "all.html"
    done = bot4("bench", "report", "--history", str(pair[0].parent), "--out", str(page))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("one core") == 2
    assert page.exists()


BAD = {
    "nothing": ([], "give one run, two runs, or --history"),
    "three runs": (["x", "y", "z"], "3 runs"),
    "both": (["x", "--history", "y"], "give one run"),
    "out without history": (["x", "--out", "y"], "--out goes with --history"),
    "no such run": (["{tmp}/none"], "none: No such file"),
    "no run at all": (["{tmp}"], "result.json: No such file"),
    "an empty history": (["--history", "{tmp}"], "no result of a run below it"),
    "a page that cannot be": (["--history", "{runs}", "--out", "{tmp}/no/x.html"], "No such file"),
    "other benches": (["{runs}/a", "{tmp}/other"], "never share a column"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_use_is_one_line_and_exit_2(
    case: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    words, named = BAD[case]
    if case == "other benches":
        shutil.copytree(pair[0], tmp_path / "other")
        result = tmp_path / "other" / files.RESULT
        result.write_text(result.read_text().replace('"bench":"virtual"', '"bench":"emulated"'))
    places = {"{tmp}": str(tmp_path), "{runs}": str(pair[0].parent)}
    filled = [_fill(word, places) for word in words]
    done = bot4("bench", "report", *filled)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _fill(word: str, places: dict[str, str]) -> str:
    for key, value in places.items():
        word = word.replace(key, value)
    return word
