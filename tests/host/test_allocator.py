"""Engine and recorder start on mimalloc where there is one, the guard never, and each says so."""

import os
import subprocess
import sys

import pytest

from host import allocator
from host.doctor import kernel
from host.doctor.finding import Status

WITHOUT = {name: value for name, value in os.environ.items()
           if name not in ("LD_PRELOAD", "PYTHONMALLOC")}  # fmt: skip
SAY = "from host import allocator; print(allocator.in_use())"
there = pytest.mark.skipif(allocator.library() is None, reason="libmimalloc is not installed")


def started(process: str, base: dict[str, str] = WITHOUT) -> str:
    """Start Python as a process of the host; return what it says it allocates with."""
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        env=allocator.environment(process, base),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@there
@pytest.mark.parametrize(
    ("process", "wanted"), [("engine", True), ("recorder", True), ("guard", False)]
)
def test_a_process_runs_on_what_it_was_started_on(process: str, wanted: bool) -> None:
    assert ("mimalloc" in started(process)) == wanted
    assert (started(process) == allocator.NONE) != wanted


def test_what_somebody_has_chosen_stays() -> None:
    for chosen in ({"PYTHONMALLOC": "debug"}, {"LD_PRELOAD": ""}):
        assert allocator.environment("engine", WITHOUT | chosen) == WITHOUT | chosen


def test_without_mimalloc_it_runs_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "LIBRARIES", ())
    monkeypatch.setattr(allocator, "PYTHON_HAS_ITS_OWN", (99, 0))
    assert allocator.environment("engine", WITHOUT) == WITHOUT
    note = allocator.note()
    assert note is not None
    assert "libmimalloc2.0" in note
    assert kernel.allocator(None).status == Status.WARN  # type: ignore[arg-type]
    assert started("engine") == allocator.NONE


def test_a_newer_python_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "LIBRARIES", ())
    monkeypatch.setattr(allocator, "PYTHON_HAS_ITS_OWN", (3, 0))
    assert allocator.environment("engine", {}) == {"PYTHONMALLOC": "mimalloc"}
    assert allocator.environment("guard", {}) == {}
    assert allocator.note() is None
    monkeypatch.setenv("PYTHONMALLOC", "mimalloc")
    assert allocator.in_use() == "mimalloc"
