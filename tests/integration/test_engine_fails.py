"""A dead engine comes back once, in EMERGENCY, and works off `on_kill`; the second time it stays down."""

import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from host import moderecord
from host.perf.audit import GUARD_MB, resident_kb
from rig.processes import BenchError
from tests.integration.kit import Trading, bot4, trading

LIMIT_S = 10.0
QUIET_S = 1.0


def records(audit: Path) -> list[dict]:
    """Return the whole lines of the log."""
    text = b"".join(path.read_bytes() for path in sorted(audit.glob("audit-*.jsonl")))
    return [msgspec.json.decode(line) for line in text.split(b"\n")[:-1]]


def wait_for(audit: Path, kind: str, **wanted: object) -> list[dict]:
    """Return the data of the records of `kind` with these values, once there is one."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        found = [record["data"] for record in records(audit) if record["kind"] == kind]
        found = [data for data in found if wanted.items() <= data.items()]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def kill_engine(bench: Trading) -> int:
    """SIGKILL the engine; return when, ns."""
    pid = bench.pid("engine")
    os.kill(pid, signal.SIGKILL)
    return time.monotonic_ns()


def test_the_first_failure_is_worked_off_in_time_and_the_second_stays_down(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with trading(tmp_path) as bench:
        audit = tmp_path / "audit"
        first = bench.pid("engine")
        hit_ns = kill_engine(bench)
        status = bench.wait_status(timeout_s=LIMIT_S, ladder_done=True, mode="EMERGENCY")
        took_s = (time.monotonic_ns() - hit_ns) / 1e9
        assert (status["mode"], status["ladder_done"]) == ("EMERGENCY", True)
        assert status["engine_pid"] not in (None, first)
        assert took_s < LIMIT_S
        with capsys.disabled():
            print(f"\n  engine killed -> on_kill confirmed by the venue: {took_s * 1e3:.0f} ms")

        kill_engine(bench)
        alerts = wait_for(audit, "alert", code="ENGINE_GIVEN_UP")
        assert alerts
        assert alerts[0]["known"] == "as last known from the audit log"
        assert sum(len(alert["orders"]) for alert in alerts) == alerts[0]["open_orders"]
        down_ns = time.monotonic_ns()
        with pytest.raises(BenchError):
            bench.rearm()
        status = bench.status()
        assert (status["mode"], status["engine_pid"]) == ("EMERGENCY", None)
        assert bench.orders_after(down_ns) == []
        ended = [record for record in records(audit) if record["kind"] == "child_ended"]
        assert [record["data"]["name"] for record in ended] == ["engine", "engine"]
        assert {record["origin"] for record in ended} == {"supervisor"}
        assert b"stays down, in EMERGENCY" in bench.bench.log("host").read_bytes()


def look_at_the_running_host(bench: Trading, capsys: pytest.CaptureFixture) -> None:
    """The doctor knows the guard that runs, and the guard stays within its memory."""
    said = bot4("doctor", "--run-dir", str(bench.bench.run_dir), "--json")
    found = {row["name"]: row for row in msgspec.json.decode(said.stdout)["findings"]}
    for name in ("guard granted", "guard observed", "controller"):
        assert found[name]["status"] in ("ok", "warn")
        assert "no host runs here" not in found[name]["found"]
        assert "cannot be checked" not in found[name]["found"]
    guard_mb = resident_kb(bench.pid("guard")) * 1024 / 1e6
    assert f"pid {bench.pid('guard')}: " in found["guard observed"]["found"]
    assert "firmware " in found["controller"]["found"]
    with capsys.disabled():
        print(f"\n  guard, resident: {guard_mb:.1f} MB; {found['guard granted']['found']}")
    assert guard_mb <= GUARD_MB


def test_a_restarted_host_counts_on_and_a_lost_mode_record_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with trading(tmp_path) as bench:
        audit = tmp_path / "audit"
        before = bench.status()["epoch"]
        bench.bench.end("host")
        record = msgspec.json.decode(moderecord.beside(audit).read_bytes())
        assert (record["mode"], record["reason"]) == ("EMERGENCY", "SHUTDOWN")
        assert record["epoch"] > before

        bench.bench.start_host()
        status = bench.wait_status(reason="NOT_ARMED")
        assert status["mode"] == "EMERGENCY"
        assert status["epoch"] > record["epoch"]
        look_at_the_running_host(bench, capsys)
        bench.rearm()
        bench.bench.end("host")

        moderecord.beside(audit).unlink()
        bench.bench.start_host()
        status = bench.wait_status(reason="MODE_RECORD")
        assert (status["mode"], status["reason"]) == ("EMERGENCY", "MODE_RECORD")
        assert "missing, though there is a log" in status["detail"]
        bench.rearm()
