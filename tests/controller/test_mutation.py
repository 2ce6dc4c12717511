"""The mutation gate itself: it kills, it counts survivors, and a crash is no kill."""

import faulthandler
import os
import signal

import pytest

from tools import mutation
from tools.mutation import Mutant


def one(module: str, before: str, after: str) -> Mutant:
    """Return the mutant of `module` that makes this change."""
    found = [m for m in mutation.mutants(module) if (m.before, m.after) == (before, after)]
    assert found, f"{module} has no mutant {before} -> {after}"
    return found[0]


def test_a_mutant_that_matters_is_killed_by_a_case() -> None:
    mutant = one("states", "return state == ARMED", "return state != ARMED")
    ((_, verdict),) = mutation.judge([mutant], 1)
    assert verdict.startswith("killed by test_")


def test_a_survivor_fails_the_gate_unless_listed(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant = Mutant("states", "here", "a", "b", 1, 0)
    killed = [(mutant, "killed by x")] * 99
    assert mutation.report(killed, whole=False) == 0
    assert mutation.report([*killed, (mutant, "survived")], whole=False) == 1
    assert "NOT LISTED" in capsys.readouterr().out
    monkeypatch.setattr(mutation, "EQUIVALENT", {mutant.code: "no difference"})
    assert mutation.report([*killed, (mutant, "survived")], whole=True) == 0
    assert mutation.report(killed, whole=True) == 1
    assert "listed, but did not survive" in capsys.readouterr().out
    assert mutation.report([*killed[:9], (mutant, "survived")], whole=False) == 1


def test_a_crashed_worker_is_an_infrastructure_error(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_mutant: Mutant) -> None:
        faulthandler.disable()  # its report would look like a crash of the tests
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(mutation, "work", crash)
    mutant = Mutant("states", "here", "a", "b", 1, 0)
    verdicts = list(mutation.judge([mutant], 1))
    assert verdicts == [(mutant, "")]
    assert mutation.report(verdicts, whole=False) == 2
    assert "infrastructure error" in capsys.readouterr().out


def test_a_mutant_that_loops_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_module: str):
        yield "case", lambda: [None for _ in iter(int, 1)]

    monkeypatch.setattr(mutation, "LOOP_LIMIT_S", 1)
    monkeypatch.setattr(mutation, "_cases", endless)
    ((_, verdict),) = mutation.judge([Mutant("states", "here", "a", "b", 1, 0)], 1)
    assert verdict == "killed by case (looped)"
