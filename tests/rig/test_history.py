"""All runs below a folder: in order of time, benches apart, unreadable ones named."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from rig import history
from rig.report import trend
from rig.report.files import RunError
from tests.rig import runs


def keep(folder: Path, result: dict) -> None:
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(msgspec.json.encode(result))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs on two benches, and a file that is no result."""
    made = runs.run(200)
    keep(tmp_path / "b", runs.result(made, at="2026-01-02T00:00:00+00:00"))
    later = {"at": "2026-01-03T00:00:00+00:00", "verdict": "fail", "load": ["cpu"]}
    keep(tmp_path / "a" / "deep", runs.result(made, **later))
    keep(tmp_path / "c", runs.result(made, bench="emulated", at="2026-01-01T00:00:00+00:00"))
    keep(tmp_path / "d", {"bench": "virtual"})
    return tmp_path


def test_runs_are_in_order_of_time_and_benches_apart(folder: Path) -> None:
    found = history.read(folder)
    benches = found.benches()
    assert list(benches) == ["emulated", "virtual"]
    assert [Path(entry.folder).name for entry in benches["virtual"]] == ["b", "deep"]
    assert [entry.verdict for entry in benches["virtual"]] == ["PASS", "FAIL"]
    assert [entry.load for entry in benches["virtual"]] == ["none", "cpu"]
    assert len(found.unreadable) == 1
    assert "no 'verdict'" in found.unreadable[0]


def test_the_page_has_a_table_and_a_picture_for_each_bench(folder: Path) -> None:
    trend.write(folder / "h.html", history.read(folder))
    page = (folder / "h.html").read_text()
    for wanted in ("Bench emulated", "Bench virtual", "Linux 6.1", "abababab", "FAIL", "Not read"):
        assert wanted in page
    assert page.count("<svg") == 2
    assert (folder / "history-virtual-one_core.png").exists()
    assert (folder / "history-emulated-one_core.svg").exists()


def test_the_terminal_table_fits_eighty_columns(folder: Path) -> None:
    out = io.StringIO()
    trend.show(history.read(folder), Console(file=out, width=80))
    text = out.getvalue()
    assert "bench virtual" in text
    assert "bench emulated" in text
    assert max(len(row) for row in text.splitlines() if "not read" not in row) <= 80


@pytest.mark.parametrize("what", ["empty", "none", "file"])
def test_without_a_run_there_is_no_history(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="no result of a run below it"):
        history.read(tmp_path / what)
