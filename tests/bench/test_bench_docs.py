"""Every command in docs/bench.md exists, with the options that it shows; so do the files it names."""

import re
import shlex
from pathlib import Path

import msgspec
import pytest
import typer

from bot4.cli import app
from hil import capabilities
from rig.benchfile import Driver, load

HOUSE = Path(__file__).resolve().parents[2]
TEXT = (HOUSE / "docs" / "bench.md").read_text()
COMMANDS = re.findall(r"^    (bot4 .*)$", TEXT, re.M)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_handbook_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_files_that_the_handbook_names_are_there() -> None:
    named = re.findall(r"`((?:benches|hil|\.github)/[\w./-]+)`", TEXT)
    named = [name for name in named if name != "benches/physical.toml"]  # the reader's own
    assert len(named) >= 3
    assert [name for name in named if not (HOUSE / name).exists()] == []


def test_options_of_the_suite_are_as_written() -> None:
    shown = set(re.findall(r"^    pytest hil .*$", TEXT, re.M))
    options = {word for line in shown for word in line.split() if word.startswith("--")}
    source = (HOUSE / "hil" / "conftest.py").read_text()
    assert all(f'"{option}"' in source for option in options - {"--junit-xml"})


def test_the_workflow_requires_the_bench_and_keeps_what_was_seen() -> None:
    text = (HOUSE / ".github" / "workflows" / "hil.yml").read_text()
    for needed in ("--require-bench", "if: always()", "concurrency:", "bot4 bench summary"):
        assert needed in text


def test_every_capability_that_a_test_needs_is_a_word() -> None:
    for file in (HOUSE / "hil").glob("test_*.py"):
        for words in re.findall(r"mark\.needs\(([^)]*)\)", file.read_text()):
            assert set(re.findall(r'"([\w-]+)"', words)) <= set(capabilities.WORDS)


def test_a_bench_lacks_what_it_does_not_have() -> None:
    assert capabilities.missing(load("virtual"), tuple(capabilities.WORDS)) == []
    assert capabilities.missing(load("emulated"), ("true-latency",)) != []
    robot = load("physical-example")
    assert capabilities.missing(robot, ("cut-wire", "rearm")) == [capabilities.WORDS["cut-wire"]]
    relays = msgspec.structs.replace(robot, stimulus=Driver("gpio", {"contact_a": 1}))
    assert capabilities.missing(relays, ("rearm",)) == [capabilities.WORDS["rearm"]]
    relays = msgspec.structs.replace(robot, stimulus=Driver("gpio", {"button": 3}))
    assert capabilities.missing(relays, ("rearm", "timed-contacts")) == []
