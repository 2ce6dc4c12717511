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


# A bench file of hardware that nobody has: the Pi is at an address that does not exist.
NOBODY = """
[controller]
kind = "serial"
port = "/dev/ttyAMA0"
[host]
kind = "ssh"
address = "bot4@nobody.invalid"
folder = "/var/tmp/bot4-bench"
argv = ["bot4", "run"]
connect = ["{ssh}"]
[analyser]
kind = "sigrok"
options = {{driver = "demo", sample_rate_hz = 1000000}}
[stimulus]
kind = "{hand}"
options = {{{options}}}
"""
ROBOT = {"hand": "robot", "options": 'port = "/dev/no-robot"'}
RELAYS = {"hand": "gpio", "options": 'chip = "/dev/gpiochip0", contact_a = 1, contact_b = 2'}


def nobody(folder: Path, **hand: str) -> str:
    ssh = folder / "ssh"
    ssh.write_text("#!/bin/sh\necho ssh: nobody is there >&2\nexit 255\n")
    ssh.chmod(0o755)
    (folder / "bench.toml").write_text(NOBODY.format(ssh=ssh, **hand))
    return str(folder / "bench.toml")


def test_a_bench_that_is_not_there_is_skipped_with_the_reason(tmp_path: Path) -> None:
    done = hil("--bench", nobody(tmp_path, **ROBOT), "-rs")
    assert done.returncode == 0, done.stdout
    assert "nobody is there" in done.stdout
    assert "passed" not in done.stdout


def test_what_a_bench_cannot_do_is_skipped_with_the_reason(tmp_path: Path) -> None:
    done = hil("--bench", nobody(tmp_path, **RELAYS), "-rs")
    assert done.returncode == 0, done.stdout
    assert "cannot press the re-arm button by itself" in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.parametrize("hand", [ROBOT, RELAYS])
def test_with_require_bench_that_is_a_failure(tmp_path: Path, hand: dict[str, str]) -> None:
    done = hil("--bench", nobody(tmp_path, **hand), "--require-bench")
    assert done.returncode == 1
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_within_bench_lists_what_is_left_out_and_nothing_else_is(tmp_path: Path) -> None:
    done = hil("--bench", nobody(tmp_path, **ROBOT), "--within-bench", "--require-bench")
    assert done.returncode == 1
    assert "1 left out" in done.stdout
    assert "test_button_held_since_before_does_not_arm: a serial bench cannot" in done.stdout
    assert "1 deselected" in done.stdout.splitlines()[-1]
    assert "skipped" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("bench", ["nope", "pyproject.toml"])
def test_a_bench_file_that_cannot_be_used_is_named(bench: str) -> None:
    done = hil("--bench", bench)
    assert done.returncode == 4
    assert bench in done.stderr
    assert "Traceback" not in done.stderr
