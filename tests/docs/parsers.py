"""Whether a command line would be understood, by the program's own parser and without running it."""

import functools
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import PurePath
from typing import Any

import typer

from bot4.cli import UsageProblem, app
from tests.docs.pages import HOUSE


class NotUnderstood(Exception):
    """What is wrong with a command line, in one line."""


def check(words: list[str]) -> None:
    """Raise NotUnderstood when the command would be refused for its name, options or arguments."""
    program, *rest = words
    if program not in PARSERS:
        raise NotUnderstood(f"no parser for {program!r}: run it, or name it in NOT_RUN")
    PARSERS[program](rest)


def check_as_root(words: list[str]) -> None:
    """The same for `sudo`, whatever stands between `&&`; programs that are not ours pass."""
    left = list(words)
    while left:
        end = left.index("&&") if "&&" in left else len(left)
        part, left = left[:end], left[end + 1 :]
        part = part[1:] if part[:1] == ["sudo"] else part
        part = part[2:] if part[:1] == ["-u"] else part
        program = PurePath(part[0]).name
        if program in PARSERS:
            check([program, *part[1:]])


def bot4(words: list[str]) -> None:
    """Parse as `bot4` would, down to the types of values."""
    command, path, left = found(words)
    if hasattr(command, "commands") and not command.invoke_without_command:
        raise NotUnderstood(f"{path}: a command is missing")
    try:
        command.make_context(path, left).close()
    except UsageProblem as error:
        raise NotUnderstood(f"{path}: {getattr(error, 'message', error)}") from None


def named(words: list[str]) -> None:
    """Check a command as a text names it: `...` and FILE may stand in it, or nothing at all."""
    command, path, left = found(words)
    for word in left:
        if word.startswith("-") and word not in _options_of(command):
            raise NotUnderstood(f"{path} has no option {word}")


def found(words: list[str]) -> tuple[Any, str, list[str]]:
    """Return (command, its path, the words left for it)."""
    command, path, left = typer.main.get_command(app), "bot4", list(words)
    while hasattr(command, "commands") and left and not left[0].startswith("-"):
        name = left.pop(0)
        if name not in command.commands:
            raise NotUnderstood(f"{path} has no command {name!r}")
        command, path = command.commands[name], f"{path} {name}"
    return command, path, left


def options() -> set[str]:
    """Every option of every `bot4` command."""
    known: set[str] = set()
    waiting: list[Any] = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        known |= _options_of(command)
    return known


def _options_of(command: Any) -> set[str]:
    parts = (option for one in command.params for option in (*one.opts, *one.secondary_opts))
    return {option for option in parts if option.startswith("-")}


def make(words: list[str]) -> None:
    """A target that the Makefile knows how to make."""
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", *words], cwd=HOUSE, capture_output=True, text=True
    )
    if done.returncode:
        raise NotUnderstood(f"make {' '.join(words)}: {done.stderr.strip()}")


def python(words: list[str]) -> None:
    """A module of ours, with options that its help shows."""
    if words[:1] != ["-m"]:
        raise NotUnderstood(f"python {' '.join(words)}: only -m is looked at")
    module, *given = words[1:]
    if importlib.util.find_spec(module) is None:
        raise NotUnderstood(f"python -m {module}: no such module")
    if any(word.startswith("--") for word in given):
        _known_options(f"python -m {module}", given, help_of(module))


def pytest(words: list[str]) -> None:
    """Folders that exist, options that pytest shows for them."""
    for word in words:
        if word.split("/")[0] in ("hil", "tests") and not (HOUSE / word).exists():
            raise NotUnderstood(f"pytest {word}: not there")
    _known_options("pytest", words, help_of("pytest", words[0]))


def pip(words: list[str]) -> None:
    """Extras that the project has."""
    extras = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for word in words[1:]:
        for extra in re.findall(r"bot4\[([\w,]+)\]", word):
            unknown = set(extra.split(",")) - set(extras)
            if unknown:
                raise NotUnderstood(f"pip: no extra is called {unknown.pop()!r}")


@functools.cache
def help_of(module: str, *words: str) -> str:
    """What `python -m MODULE --help` prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words, "--help"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise NotUnderstood(f"python -m {module} --help: {done.stderr.strip()[-200:]}")
    return done.stdout


def _known_options(program: str, words: list[str], shown: str) -> None:
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and not re.search(rf"{re.escape(option)}(?![\w-])", shown):
            raise NotUnderstood(f"{program} has no option {option}")


PARSERS = {
    "bot4": bot4,
    "make": make,
    "pip": pip,
    "pytest": pytest,
    "python": python,
}
