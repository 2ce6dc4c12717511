"""`bot4 demo` as a person runs it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from host.audit.export import records
from host.ledger.history import MOST_FEED_AGE_S, Part, days
from host.ledger.paper import KIND as PAPER_DAY
from rig.capture import LINES, read_capture
from rig.capture.grid import to_offset_ns, to_samples
from rig.capture.sr import read_sr
from rig.capture.vcd import read_vcd
from rig.latency import find_presses
from rig.outcome import CAPTURE_VCD
from tests.integration.kit import bot4, leftovers, planted, when_free

HOUSE = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("BOT4_DATA", HOUSE.parent / "shared" / "data"))
TRADES = SHARED / "ticks_btcusdt_spot_2024-08-08_trades.csv.gz"


def demo(out: Path, *arguments: str) -> tuple[dict, int]:
    done = when_free(lambda: bot4("demo", "--json", "--out", str(out), *arguments, timeout_s=120))
    assert done.stderr == ""
    return json.loads(done.stdout), done.returncode


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return demo(tmp_path_factory.mktemp("demo"), "--presses", "4")[0]


def test_result_has_the_promised_form(result: dict) -> None:
    assert {
        "bench",
        "mcu",
        "micropython",
        "data",
        "presses",
        "latency_us",
        "noise_floor_us",
    } <= set(result)
    assert {"orders", "audit", "limit_us", "verdict", "artifacts"} <= set(result)
    assert set(result["latency_us"]) == {"switch_to_halt", "halt_to_ack", "switch_to_ack"}
    for stage in result["latency_us"].values():
        assert set(stage) == {"p50", "p99", "p999", "max", "n"}
        assert stage["n"] == 4
    measured = {"report", "junit", "presses", "views", "plots", "capture_vcd", "capture_sr"}
    assert set(result["artifacts"]) == {*measured, "audit", "venue"}
    assert all(Path(path).exists() for path in result["artifacts"].values())


def test_no_order_left_after_ack_and_the_log_is_verified(result: dict) -> None:
    # Not "pass": on a machine that was late at the wrong moment the honest word is too_noisy.
    assert result["verdict"] in ("pass", "too_noisy"), result["reasons"]
    assert result["orders"]["after_ack"] == 0
    assert result["orders"]["sent"] > 0
    assert result["audit"]["verified"] is True
    assert result["bench"] == "virtual"


def test_the_paper_ledger_is_on_record_and_a_replay_is_none_that_counts(result: dict) -> None:
    found = [each for each in records(Path(result["artifacts"]["audit"])) if each.kind == PAPER_DAY]
    assert found
    assert {each.origin for each in found} == {"engine"}
    told = days([Part(each.seq, each.wall_ns, each.data) for each in found], [], 0, "trend")
    account = told[-1].accounts[-1]
    assert account.orders > 0
    assert account.fills > 0
    assert account.done
    assert account.equity_low > 0
    assert account.feed_age_max_s is not None
    assert account.feed_age_max_s > MOST_FEED_AGE_S
    assert all(day.fault for day in told)


def test_the_guards_own_stamps_agree_with_the_wire(result: dict) -> None:
    for layout in result["layouts"].values():
        assert layout["guard_complaints"] == []
        assert {stage["n"] for stage in layout["guard_us"].values()} == {4}
        assert layout["confidence"]["presses"] == layout["asked"] == 4


def test_both_captures_show_the_edges_of_the_report(result: dict) -> None:
    vcd = read_vcd(Path(result["artifacts"]["capture_vcd"]))
    presses = find_presses(vcd)
    ours = max(press.switch_to_ack_us for press in presses[: result["presses"]])
    assert ours == result["latency_us"]["switch_to_ack"]["max"]
    sampled = read_sr(Path(result["artifacts"]["capture_sr"]))
    assert sampled.rate_hz is not None
    for line in LINES:
        at = to_samples(vcd.times(line) - vcd.start_ns, sampled.rate_hz)
        assert len(set(at.tolist())) == len(at), "two edges on a sample"
        seen = sampled.times(line) - sampled.start_ns
        assert np.array_equal(to_offset_ns(at, sampled.rate_hz), seen)


@pytest.mark.skipif(shutil.which("sigrok-cli") is None, reason="sigrok-cli is not installed")
def test_sigrok_opens_the_capture_and_sees_the_same_edges(result: dict, tmp_path: Path) -> None:
    out = tmp_path / "sigrok.vcd"
    command = ["sigrok-cli", "-i", result["artifacts"]["capture_sr"], "-O", "vcd", "-o", str(out)]
    subprocess.run(command, check=True, timeout=60)
    ours = read_capture(Path(result["artifacts"]["capture_sr"]))
    assert read_capture(out, start_ns=ours.start_ns).same_edges(ours)


@pytest.mark.parametrize("kind", ["capture_vcd", "capture_sr"])
def test_the_wire_and_the_log_tell_the_same(result: dict, kind: str) -> None:
    # A limit that no machine misses: how fast it was is not the question here.
    files = [result["artifacts"][kind], "--audit", result["artifacts"]["audit"]]
    done = bot4("bench", "analyze", *files, "--json", "--limit-us", "1000000")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert len(found["presses"]) == sum(each["presses"] for each in result["layouts"].values())
    assert found["serial"]["messages"]["TRIP"] >= len(found["presses"])
    assert found["serial"]["noise"] == found["serial"]["framing_errors"] == 0
    assert found["audit"]["matched"] > len(found["presses"])


def test_one_changed_byte_in_the_log_is_found_and_the_record_named(
    result: dict, tmp_path: Path
) -> None:
    copy = tmp_path / "audit"
    shutil.copytree(result["artifacts"]["audit"], copy)
    assert bot4("audit", "verify", str(copy)).returncode == 0
    segment = next(copy.glob("audit-*.jsonl"))
    good = segment.read_bytes()
    for at in np.linspace(0, len(good) - 1, 12).astype(int).tolist():
        bad = bytearray(good)
        bad[at] ^= 0x01
        segment.write_bytes(bad)
        done = bot4("audit", "verify", str(copy), "--json")
        record = good[:at].count(b"\n") + 1
        assert done.returncode == 1
        assert json.loads(done.stdout)["first_bad"] in (record, record + 1)


def test_a_planted_leak_fails_the_demo(tmp_path: Path) -> None:
    host = shlex.join(planted("host.engine", "tests.planted.leaky_engine"))
    found, code = demo(tmp_path, "--presses", "2", "--host", host)
    assert code == 1
    assert found["verdict"] == "fail"
    assert found["orders"]["after_ack"] == 1


@pytest.mark.skipif(not TRADES.exists(), reason=f"no market data at {SHARED}")
def test_real_trades_are_replayed_and_orders_precede_each_press(tmp_path: Path) -> None:
    found, _code = demo(tmp_path, "--presses", "2", "--data", str(TRADES))
    assert found["verdict"] in ("pass", "too_noisy"), found["reasons"]
    assert found["data"]["source"] == TRADES.name
    assert found["data"]["rows"] == 19904


BAD = {
    "unknown option": (["--nope"], "--nope"),
    "no presses": (["--presses", "0"], "--presses 0"),
    "no speed": (["--speed", "-1"], "--speed -1"),
    "missing file": (["--data", "{tmp}/none.csv"], "none.csv"),
    "a folder": (["--data", "{tmp}"], "not a series"),
    "an empty file": (["--data", "{tmp}/empty.csv"], "empty.csv"),
    "a negative price": (["--data", "{tmp}/negative.csv"], "row 2: "),
    "not a number": (["--data", "{tmp}/nan.csv"], "row 1: "),
    "unordered rows": (["--data", "{tmp}/unordered.csv"], "row 2: "),
    "too few rows": (["--data", "{tmp}/short.csv"], "rows are too few"),
    "a host that does not start": (["--host", "false"], "host"),
}
HEAD = "timestamp,open,high,low,close,volume\n"
ROW = "2024-01-0{day}T00:00:00Z,1,2,1,{close},5\n"
FILES = {
    "empty.csv": "",
    "negative.csv": HEAD + ROW.format(day=1, close=1) + ROW.format(day=2, close=-1),
    "nan.csv": HEAD + ROW.format(day=1, close="nan"),
    "unordered.csv": HEAD + ROW.format(day=2, close=1) + ROW.format(day=1, close=1),
    "short.csv": HEAD + ROW.format(day=1, close=1) + ROW.format(day=2, close=1),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2_with_nothing_left(case: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    arguments, named = BAD[case]
    filled = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    done = when_free(lambda: bot4("demo", "--out", str(tmp_path / "out"), *filled))
    complaint = [row for row in done.stderr.splitlines() if row.startswith("bot4: ")]
    assert done.returncode == 2
    assert len(complaint) == 1
    assert named.replace("{tmp}", str(tmp_path)) in complaint[0]
    assert "Traceback" not in done.stderr
    assert leftovers() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_an_interrupted_demo(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "bot4", "demo", "--out", str(tmp_path)]
    process = when_free(
        lambda: subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    )
    assert process.stderr is not None
    while b"press 2" not in process.stderr.readline():
        assert process.poll() is None
    second = bot4("demo")
    assert second.returncode == 2
    assert "another bench is running" in second.stderr
    process.send_signal(how)
    process.wait(20)
    process.stderr.close()
    deadline = time.monotonic() + 5
    while leftovers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers() == []
    assert (tmp_path / "venue.jsonl").exists()  # what was recorded is kept
    assert not (tmp_path / "result.json").exists()
    if how != signal.SIGKILL:
        assert process.returncode == 130
        seen = read_vcd(tmp_path / CAPTURE_VCD)
        assert len(seen.edges["HALT"]) >= 2, "the edges so far are kept as well"
