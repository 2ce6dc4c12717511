"""`bot4 status` and `bot4 halt` load nothing heavy, and answer as typer's commands do."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot4 import cli, start

# Each takes longer to load than the guard to answer.
HEAVY = {"typer", "click", "rich", "pydantic", "numpy", "pandas", "scipy", "asyncio",
         "multiprocessing", "arch", "sklearn", "onnxruntime", "email", "unittest"}  # fmt: skip
LIST = (
    "import atexit, sys\n"
    "atexit.register(lambda: print('modules', *sorted(sys.modules)))\n"
    "before = set(sys.modules)\n"
    "from bot4.start import main\n"
    "main()\n"
)


def run(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, *(("-c", code) if code else ("-m", "bot4")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def loaded(*arguments: str) -> set[str]:
    done = run(*arguments, code=LIST)
    names = done.stdout.splitlines()[-1].split()
    assert names[0] == "modules"
    return set(names[1:])


@pytest.mark.parametrize("arguments", [("status",), ("status", "--json"), ("halt", "a word")])
def test_nothing_heavy_is_loaded(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    # What the interpreter's own site loads (path files of editable installs) is not ours.
    site = loaded_by_site()
    found = loaded(*arguments, "--run-dir", str(tmp_path)) - site
    with capsys.disabled():
        print(f"\n  {arguments[0]}: {len(found)} modules", end=" ")
    assert not HEAVY & {name.split(".")[0] for name in found}
    assert "host.guard.client" in found


def loaded_by_site() -> set[str]:
    done = run(code="import sys; print(*sys.modules)")
    return set(done.stdout.split())


def test_what_is_heavy_is_found(tmp_path: Path) -> None:
    found = {name.split(".")[0] for name in loaded("status", "--run-dir", str(tmp_path), "--help")}
    assert "typer" in HEAVY & found


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "--json"),
        ("halt", "why"),
        ("halt",),
        ("halt", "a", "b"),
        ("status", "x"),
        ("status", "--jsn"),
        ("status", "--run-dir"),
        ("halt", "--json", "why"),
    ],
)
def test_the_answer_is_the_one_of_typer(
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    if start.plain(arguments):
        arguments += ("--run-dir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bot4", *arguments])
    answers = []
    for main in (start.main, cli.main):
        with pytest.raises(SystemExit) as ended:
            main()
        answers.append((ended.value.code, capsys.readouterr().err))
    assert answers[0] == answers[1]
    assert answers[0][0] == 2
    if arguments[0] == "status" and start.plain(arguments):
        assert "no guard at" in answers[0][1]
    assert len(answers[0][1].splitlines()) == 1


def test_options_are_read_wherever_they_stand() -> None:
    place = Path("/x")
    assert start.plain(["halt", "--run-dir", "/x", "why"]) == {"run_dir": place, "reason": "why"}
    assert start.plain(["status", "--json", "--run-dir", "/x"]) == {
        "run_dir": place, "as_json": True}  # fmt: skip
    for odd in (
        [],
        ["run"],
        ["status", "-h"],
        ["halt", "--run-dir", "--json"],
        ["halt", "--", "x"],
    ):
        assert start.plain(odd) is None
