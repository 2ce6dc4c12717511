"""The short version of `make wheel`: what would get into a wheel, without building one."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from setuptools.dist import Distribution

from tests.packaging.contents import HOUSE, NEEDED, sources

HASH = re.compile(r" *--hash=sha256:[0-9a-f]{64}( \\)?")
PINNED = re.compile(r"([a-z0-9.-]+)==(\S+?)( ; .+?)? \\")


@pytest.fixture(scope="module")
def inside() -> Iterator[set[str]]:
    """What setuptools would take, by pyproject.toml alone."""
    was = Path.cwd()
    os.chdir(HOUSE)
    try:
        distribution = Distribution({"script_name": "setup.py"})
        distribution.parse_config_files()
        command = distribution.get_command_obj("build_py")
        command.ensure_finalized()
        folder = Path(command.build_lib)
        outputs = command.get_outputs(include_bytecode=False)
        yield {Path(path).relative_to(folder).as_posix() for path in outputs}
    finally:
        os.chdir(was)


def test_everything_that_runs_or_is_read_gets_into_the_wheel(inside: set[str]) -> None:
    assert sources() - inside == set()
    assert set(NEEDED) <= inside


def test_nothing_else_does(inside: set[str]) -> None:
    assert not [name for name in inside if name.split("/")[0] in ("tests", "hil", "tools", "docs")]
    made = {name for name in inside - sources() if not name.endswith((".so", ".c"))}
    assert made <= {"firmware/mypy.ini"}


def test_a_file_of_a_kind_that_nobody_has_named_would_be_missed_and_found(
    inside: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is of endings: a new one has to be added, and this is how it would show."""
    assert "host/new.dat" not in inside
    assert {*sources(), "host/new.dat"} - inside == {"host/new.dat"}


def project() -> dict:
    with (HOUSE / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def test_the_licence_the_command_and_the_machines_are_named() -> None:
    told = project()
    assert told["project"]["license-files"] == ["LICENSE"]
    assert (HOUSE / "LICENSE").read_text().startswith(f"{told['project']['license']} License")
    assert told["project"]["scripts"] == {"bot4": "bot4.start:main"}
    wheels = told["tool"]["cibuildwheel"]
    assert wheels["linux"]["archs"] == ["x86_64", "aarch64"]
    oldest = told["project"]["requires-python"].removeprefix(">=").replace(".", "")
    assert wheels["build"][0] == f"cp{oldest}-*"
    assert any(line.startswith("Cython") for line in told["build-system"]["requires"])


def test_the_lock_file_pins_all_that_is_asked_for_and_names_no_index() -> None:
    lines = (HOUSE / "requirements.lock").read_text().splitlines()
    pinned = {found[1] for line in lines if (found := PINNED.match(line))}
    text = "\n".join(lines)
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    for line in lines:
        assert line.startswith("#") or line.lstrip().startswith("#") or not line.strip() or (
            PINNED.match(line) or HASH.fullmatch(line)
        ), line  # fmt: skip
    told = project()["project"]
    extras = ("bench", "dashboard", "enrich", "exchanges", "live", "models")
    wanted = [*told["dependencies"], *(x for e in extras for x in told["optional-dependencies"][e])]
    for requirement in wanted:
        name = re.split(r"[\[<>=;~! ]", requirement)[0].lower().replace("_", "-")
        assert name in pinned, requirement
