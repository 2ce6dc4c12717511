"""`bot4 perf --peers`: ours is measured, and a peer that cannot be is named with the reason."""

import subprocess
from typing import Any

import pytest

from host.perf import peers


def test_ours_is_measured_and_a_peer_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    found = peers.beside(2_000, 500, 1)
    text = peers.show(found)
    with capsys.disabled():
        print(f"\n{text}", end="")
    assert [row["what"] for row in found] == list(peers.WHAT.values())
    assert all(row["ours"] > 0 and row["theirs"] is None for row in found)
    assert "NautilusTrader is not installed" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (subprocess.CalledProcessError(-6, "x", stderr="one\ndouble free\n"), "double free"),
        (subprocess.CalledProcessError(-6, "x", stderr=""), "SIGABRT"),
        (subprocess.TimeoutExpired("x", 5), "timed out"),
        ("no json", "Expecting value"),
    ],
)
def test_a_peer_that_fails_is_no_figure(
    monkeypatch: pytest.MonkeyPatch, outcome: Any, why: str
) -> None:
    def run(*_args: Any, **_more: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return subprocess.CompletedProcess("x", 0, outcome, "")

    monkeypatch.setattr(peers, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", run)
    found, missing = peers.nautilus(10, 10, 1)
    assert found == {}
    assert why in missing


def test_what_a_peer_says_is_shown_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    said = '{"version": "9.9", "ticks_per_s": 5000.0, "orders_per_s": 1500.0}'
    done = subprocess.CompletedProcess("x", 0, said, "")
    monkeypatch.setattr(peers, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_more: done)
    found = peers.beside(200, 100, 1)
    assert [row["theirs"] for row in found] == [5.0, 1.5]
    assert "NautilusTrader 9.9" in peers.show(found)
