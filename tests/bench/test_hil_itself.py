"""The suite can fail: planted faults are found after a test, and a missing bench is no pass."""

import subprocess
import sys
from pathlib import Path

import pytest

from controller import reasons
from hil.health import host_complaints

HOUSE = Path(__file__).resolve().parents[2]


def status(**facts: object) -> dict:
    good: dict = {"reason": "HALT_LINE", "link": {"mismatch": "", "status": {"faults": 0}}}
    return good | facts


def test_a_healthy_host_has_no_complaints() -> None:
    assert host_complaints(status(), frozenset()) == []


@pytest.mark.parametrize(
    "sick",
    [
        {"reason": "LOST_EDGE"},
        {"link": {"mismatch": "times", "status": {"faults": 0}}},
        {"link": {"mismatch": "", "status": {"faults": 1 << reasons.BAD_MAC}}},
    ],
)
def test_what_nobody_expected_is_a_complaint(sick: dict) -> None:
    assert host_complaints(status(**sick), frozenset({"ENCLOSURE"})) != []


def test_a_fault_that_the_test_provoked_is_none() -> None:
    sick = status(link={"mismatch": "", "status": {"faults": 1 << reasons.BAD_MAC}})
    assert host_complaints(sick, frozenset({"BAD_MAC"})) == []


def hil(*words: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "hil/test_rearm.py",
        *words,
    ]
    return subprocess.run(
        command, cwd=HOUSE, capture_output=True, text=True, check=False, timeout=100
    )


def test_what_a_bench_cannot_do_is_skipped_with_the_reason() -> None:
    done = hil("--bench", "physical-example")
    assert done.returncode == 0
    assert "stamp every edge" in done.stdout
    assert "passed" not in done.stdout


def test_with_require_bench_that_is_a_failure() -> None:
    done = hil("--bench", "physical-example", "--require-bench")
    assert done.returncode == 1
    assert "skipped" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("bench", ["nope", "pyproject.toml"])
def test_a_bench_file_that_cannot_be_used_is_named(bench: str) -> None:
    done = hil("--bench", bench)
    assert done.returncode == 4
    assert bench in done.stderr
    assert "Traceback" not in done.stderr
