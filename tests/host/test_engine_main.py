"""How an engine ends: only a lost guard is no failure of its own."""

import signal
from pathlib import Path
from typing import Any

import pytest

from host import realtime
from host.engine import __main__ as engine_main
from host.guard.client import GuardUnreachable

ROOT = Path(__file__).parents[2]


class Engine:
    """Attaches, and fails while it runs."""

    error: Exception = ValueError("a fill without a number")

    def __init__(self, *_given: Any) -> None:
        self.running = True

    def event(self, _kind: str, **_data: Any) -> None:
        """Nobody reads it."""

    def run(self) -> None:
        raise self.error


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(engine_main, "GuardClient", lambda _run_dir: None)
    monkeypatch.setattr(engine_main, "Engine", Engine)
    monkeypatch.setattr(realtime, "die_with_parent", lambda: None)
    monkeypatch.setattr(realtime, "freeze_gc", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    settings = str(ROOT / "host" / "default.toml")
    return lambda: engine_main.main(str(tmp_path), "", settings, str(tmp_path / "state"))


def test_a_failure_of_its_own_is_not_told_as_a_lost_guard(run: Any) -> None:
    with pytest.raises(ValueError, match="a fill without a number"):
        run()


def test_a_lost_guard_is(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "error", GuardUnreachable("the guard is gone"))
    assert run() == engine_main.GUARD_LOST
