"""The command line of the paper venue: what is wrong is one line, and what is set is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.paper.kit import BARS, QUOTES, TRADES, Launch, refusal, start


@pytest.mark.parametrize(
    ("data", "more", "reason"),
    [
        ("absent.csv", [], "no such file"),
        ("x.csv", ["--start-row", "600"], "--start-row must be 0 to 599"),
        ("x.csv", ["--rows-per-s", "nan"], "--rows-per-s must be above 0"),
        ("x.csv", ["--rows-per-s", "fast"], "invalid float value"),
        ("x.csv", ["--record", "/nowhere/at/all"], "No such file or directory"),
        ("x.csv", ["--listen", "/tmp/" + "x" * 200], "path too long"),
        ("x.csv", ["--listen", "/nowhere/at/all"], "No such file or directory"),
        ("x.csv", ["--listen", "/dev/null"], "not a socket"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, data: str, more: list[str], reason: str
) -> None:
    (tmp_path / "x.csv").write_text(BARS)
    process = start(tmp_path / "v", tmp_path / "r", tmp_path / data, 1.0, *more)
    out, complaint = process.communicate(timeout=20)
    assert (process.returncode, out, complaint.count("\n")) == (2, "", 1)
    assert reason in complaint
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--min-notional", value) for value in ("-1", "nan", "much", "0.000000001", "1e30")),
        ("--tick", "0"),
        ("--qty-step", "-1"),
        ("--band", "0"),
        ("--max-qty", "0"),
        ("--maker-bps", "-101"),
        ("--latency-ms", "-1"),
        ("--latency-ms", "nan"),
        ("--jitter-ms", "1e9"),
        ("--jitter-ms", "nan"),
        ("--seed", "x"),
        ("--symbol", "BTCUSDT"),
        ("--fee-in", "BNB"),
        ("--fee-in", "BNB=0"),
        ("--cannot", "fly"),
        ("--rows-per-s", "0"),
        ("--control", "/dev/null"),
        ("--control", "/nowhere/at/all"),
        ("--trades", "absent.csv"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it_and_exit_2(
    tmp_path: Path, option: str, value: str
) -> None:
    (tmp_path / "x.csv").write_text(BARS)
    command = [option, value, "--data", str(tmp_path / "x.csv")]
    code, err = refusal(start(tmp_path / "v", tmp_path / "r", "sp500", 1.0, *command))
    assert (code, err.count("\n")) == (2, 1), err
    assert option in err or value in err
    assert len(err) < 200
    assert not (tmp_path / "v").exists()


def test_trades_are_played_beside_quotes_of_their_time_alone(tmp_path: Path) -> None:
    (tmp_path / "quotes.csv").write_text(QUOTES)
    (tmp_path / "trades.csv").write_text(TRADES)
    (tmp_path / "late.csv").write_text("timestamp_ms,price,qty\n1804067200000,10,1\n")
    for data, trades, reason in (
        ("trades.csv", "quotes.csv", "beside quotes alone"),
        ("quotes.csv", "quotes.csv", "beside quotes alone"),
        ("quotes.csv", "late.csv", "no time in common"),
    ):
        more = ["--trades", str(tmp_path / trades)]
        code, err = refusal(start(tmp_path / "v", tmp_path / "r", tmp_path / data, 1.0, *more))
        assert (code, err.count("\n")) == (2, 1), err
        assert reason in err


def test_quotes_and_trades_are_fed_in_the_order_of_their_time(
    launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / "trades.csv").write_text(TRADES)
    feed = launch(QUOTES, 200.0, "--trades", str(tmp_path / "trades.csv")).join("feed")
    events = [feed.get()]
    while events[-1]["ev"] != "end":
        events.append(feed.get())
    assert events.pop()["rows"] == 40
    times = [event["time_ns"] for event in events]
    assert times == sorted(times)
    kinds = [event["ev"] for event in events]
    assert set(kinds) == {"trade", "quote"}
    assert all(a != b for a, b in zip(kinds, kinds[1:], strict=False))
