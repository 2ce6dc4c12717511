"""`bot4 bench analyze` as a user meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from rig.capture import write_capture
from tests.rig.captures import bench_at_work, on_samples


def bot4(*options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot4", "bench", "analyze", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def capture(tmp_path) -> Path:
    path = tmp_path / "capture.sr"
    write_capture(on_samples(bench_at_work(3), 12_000_000), path, "sr")
    return path


def test_a_good_capture(capture):
    done = bot4(capture)
    assert done.returncode == 0, done.stderr
    assert "verdict: pass" in done.stdout
    assert "lamp test: 10.000, 20.000, 30.000 ms" in done.stdout


def test_json_tells_the_same_edges_for_every_format(tmp_path, capture):
    told = []
    for form in ("sr", "vcd", "sigrok-csv", "saleae"):
        path = tmp_path / f"x.{form}"
        write_capture(on_samples(bench_at_work(3), 12_000_000), path, form)
        done = bot4(path, "--json", "--edges", *(["--rate", "12M"] if form == "saleae" else []))
        assert done.returncode == 0, done.stderr
        told.append(msgspec.json.decode(done.stdout))
    for name in ("edges_ns", "lines", "presses", "serial", "reference"):
        assert all(one[name] == told[0][name] for one in told), name


def test_no_proof_is_exit_1(tmp_path, capture):
    assert bot4(capture, "--limit-us", 299).returncode == 1
    path = tmp_path / "idle.vcd"
    write_capture(bench_at_work(0), path, "vcd")
    done = bot4(path, "--json")
    assert done.returncode == 1
    assert msgspec.json.decode(done.stdout)["verdict"] == "fail"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--rate", "fast"], "sample rate 'fast'"),
        (["--rate", "1M"], "sample rate is 12000000 in the file, not 1000000"),
        (["--lines", "A,B"], "8 channels, not 2"),
        (["--audit", "absent"], "absent: no audit log"),
        (["--limit-us", "0"], "a limit of 0.0 us is none"),
        (["--limit-us", "nan"], "a limit of nan us is none"),
        (["--limit-us", "1"], "do not resolve 1/50 of 1 us"),
        (["--edges"], "--edges goes with --json"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(capture, options, why):
    done = bot4(capture, *options)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_cut_file_is_one_line_and_exit_2(capture):
    capture.write_bytes(capture.read_bytes()[:-100])
    done = bot4(capture)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(capture) in done.stderr
