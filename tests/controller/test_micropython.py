"""The portable cases once more, on the real MicroPython of the virtual bench."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = "import sys, micropython_unix as m; sys.exit(m.main())"


def micropython(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", RUN, "-X", "heapsize=64M", *arguments],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(autouse=True)
def _port() -> None:
    pytest.importorskip("micropython_unix", reason="no MicroPython Unix port: install '.[bench]'")


def test_the_same_cases_hold_on_micropython() -> None:
    done = micropython("tests/controller/run_on_micropython.py")
    assert done.returncode == 0, done.stdout
    assert " 0 failed, on micropython " in done.stdout


def test_a_failing_case_fails_the_run(tmp_path: Path) -> None:
    runner = (ROOT / "tests/controller/run_on_micropython.py").read_text()
    planted = tmp_path / "run.py"
    planted.write_text(
        runner.replace("def cases(", "def cases_of_files(").replace(
            "def main(",
            "class Planted:\n    def test_it():\n        assert False\n\n\n"
            "def cases(name):\n    return Planted, ['test_it']\n\n\ndef main(",
        )
    )
    done = micropython(str(planted), "test_tables")
    assert done.returncode == 1
    assert "1 cases, 1 failed" in done.stdout
