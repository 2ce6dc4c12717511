"""Faults of the guard itself, and of what it is given."""

import os
import time
from pathlib import Path

import pytest

from rig.virtual.bench import Setup, VirtualBench
from tests.integration.kit import PATIENCE_S, bot4, planted, trading


def test_a_callback_that_raises_on_the_halt_path_trips(tmp_path: Path) -> None:
    host = planted("host.guard", "tests.planted.raising_guard")
    with trading(tmp_path, host=host) as bench:
        bench.press()
        pressed_ns = time.monotonic_ns()
        bench.wait_status(mode="EMERGENCY")
        # The reflex has closed the gate before the callback ran, so the reason may be HALT_LINE.
        assert "planted" in bench.wait_record("guard_fault").get("error", "")
        time.sleep(0.5)
        assert bench.orders_after(pressed_ns) == []


def test_status_names_the_switch_after_a_press(tmp_path: Path) -> None:
    with trading(tmp_path) as bench:
        bench.press()
        status = bench.wait_status(controller="TRIPPED")
        assert status["reason"] == "HALT_LINE"
        assert status["controller_reason"] in ("SWITCH_A", "SWITCH_B")


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a host that could run, on a bench that is up without one."""

    class NoHost(VirtualBench):
        def start_host(self) -> None:
            """Leave the host to the test."""

    with NoHost(Setup(out=tmp_path / "out", patience_s=PATIENCE_S)) as bench:
        monkeypatch.setenv("BOT4_BENCH_SOCKET", bench._socket)
        yield {
            "--run-dir": str(tmp_path / "run"),
            "--audit-dir": str(tmp_path / "audit"),
            "--venue": str(bench._venue_socket),
            "--serial": str(bench._room / "serial"),
            "--pins": "bot4bench",
            "--link-key": str(bench._key),
            "--profile": "bench",
        }


def bad_key(path: Path, content: bytes, mode: int) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--serial", "/dev/none", "/dev/none"),
        ("--serial", "/dev/null", "/dev/null"),
        ("--pins", "lgpio-of-tomorrow", "lgpio-of-tomorrow"),
        ("--pins", "mock", "mock"),
        ("--link-key", "/none.key", "/none.key"),
        ("--link-key", "short", "32 bytes"),
        ("--link-key", "shared", "chmod 600"),
        ("--venue", "/none.sock", "/none.sock"),
        ("--profile", "quick", "quick"),
        ("--guard-cpu", "4096", "4096"),
        ("--scheduler", "deadline", "deadline"),
    ],
)
def test_wrong_options_of_run_are_one_line_and_exit_2(
    offered: dict[str, str], tmp_path: Path, option: str, value: str, named: str
) -> None:
    if value == "short":
        value = bad_key(tmp_path / "short.key", os.urandom(31), 0o600)
    elif value == "shared":
        value = bad_key(tmp_path / "shared.key", os.urandom(32), 0o644)
    words = [word for pair in {**offered, option: value}.items() for word in pair]
    done = bot4("run", *words)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1
    assert named in lines[0]
