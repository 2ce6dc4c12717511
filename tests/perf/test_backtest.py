"""The backtest's rows of `bot4 perf`, and its peers: figures are printed, none is judged here."""

import subprocess
from typing import Any

import pytest

from host.perf import backtest, peers
from host.perf.peers import backtests


def test_rows_are_of_ticks_that_were_traded(capsys: pytest.CaptureFixture) -> None:
    found = backtest.rows(120_000, 600, 1)
    with capsys.disabled():
        print("\n  " + ", ".join(f"{row['what']}: {row['p50']} {row['unit']}" for row in found))
    assert [row["limit"] for row in found] == [1_000.0, None]
    assert all(float(str(row["p50"])) > 0 for row in found)


def test_ticks_without_a_trade_are_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="no trade"):
        backtest.rows(2_000, 600, 1)


def test_ours_is_measured_and_peers_that_are_not_there_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (peers, backtests):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    found = backtests.beside(2_000, 1)
    text = peers.show(found)
    assert all(row["ours"] > 0 and row["theirs"] is None for row in found)
    assert "NautilusTrader is not installed" in text
    assert "backtesting.py is not installed" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_what_a_peer_says_stands_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    said = '{"version": "9.9", "ticks_per_s": 5000.0, "orders_per_s": 1.0}'
    real = subprocess.run

    def run(command: list[str], *args: Any, **more: Any) -> Any:
        if "-m" not in command:
            return real(command, *args, **more)
        return subprocess.CompletedProcess(command, 0, said, "")

    for module in (peers, backtests):
        monkeypatch.setattr(module, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", run)
    found = backtests.beside(2_000, 1)
    assert [row["theirs"] for row in found] == [5.0, 5.0]
    text = peers.show(found)
    assert "backtesting.py 9.9" in text
    assert all(len(line) <= 80 for line in text.splitlines())
