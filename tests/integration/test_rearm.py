"""After a press nothing but a held button brings trading back."""

import subprocess
import sys
import time
from pathlib import Path

from tests.integration.kit import bot4, trading


def test_nothing_but_the_button_brings_trading_back(tmp_path: Path) -> None:
    with trading(tmp_path) as bench:
        bench.press()
        pressed_ns = time.monotonic_ns()
        run_dir = str(bench.bench.run_dir)
        commands = (
            ("status", "--run-dir", run_dir),
            ("halt", "please go on", "--run-dir", run_dir),
            ("halt", "NORMAL", "--run-dir", run_dir),
            ("run", "--run-dir", run_dir, "--venue", "x", "--profile", "bench"),
            ("resume", "--run-dir", run_dir),
            ("rearm",),
        )
        codes = [bot4(*command).returncode for command in commands]
        assert codes == [0, 0, 0, 2, 2, 2]
        bench.bench.wires.stimulate([(0, "SWITCH_A", 0), (0, "SWITCH_B", 0)])
        time.sleep(1.5)
        status = bench.status()
        assert (status["mode"], status["halt"]) == ("EMERGENCY", "low")
        assert bench.orders_after(pressed_ns) == []
        bench.rearm()
        assert bench.orders_after(pressed_ns) != []


def test_a_restarted_host_does_not_trade_before_the_button(tmp_path: Path) -> None:
    with trading(tmp_path) as bench:
        assert bench.bench.end("host") == 0
        ended_ns = time.monotonic_ns()
        bench.bench.start_host()
        time.sleep(1.5)
        assert bench.orders_after(ended_ns) == []
        assert bench.wait_status(mode="EMERGENCY")["halt"] == "low"
        bench.rearm()


def test_no_request_to_the_guard_steps_up(tmp_path: Path) -> None:
    tries = (
        '{"op":"up"}',
        '{"op":"mode","mode":"NORMAL"}',
        '{"op":"down","reason":"REARMED"}',
        '{"op":"ladder","epoch":1}',
        '{"op":"attach","role":"guard"}',
        "garbage",
        "[]",
        "",
    )
    with trading(tmp_path) as bench:
        bench.press()
        pressed_ns = time.monotonic_ns()
        script = (
            "import socket,sys\n"
            "for text in sys.argv[2:]:\n"
            "    s=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
            "    s.send(text.encode()); s.settimeout(1)\n"
            "    try: s.recv(65536)\n"
            "    except TimeoutError: pass\n"
        )
        path = str(bench.bench.run_dir / "guard.sock")
        subprocess.run([sys.executable, "-c", script, path, *tries], check=True, timeout=30)
        bench.bench.wires.stimulate([(0, "SWITCH_A", 0), (0, "SWITCH_B", 0)])
        time.sleep(0.5)
        assert bench.status()["mode"] == "EMERGENCY"
        assert bench.orders_after(pressed_ns) == []
