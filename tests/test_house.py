"""Rules of the house, and that breaking one is found."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
PACKAGES = ("bot4", "controller", "firmware", "host", "rig")
# What the brain may use of a library: MicroPython has it, and it is no clock, no I/O, no chance.
CONTROLLER_MAY_IMPORT = {"binascii", "controller", "hashlib", "struct"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def copy_of_the_house(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            HOUSE / package, folder / package, ignore=shutil.ignore_patterns("*.so", "*.c")
        )
    shutil.copy(HOUSE / "pyproject.toml", folder)
    return folder


def test_nobody_imports_what_it_must_not() -> None:
    done = lint_imports(HOUSE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("controller/times.py", "import host.modes"),
        ("firmware/loop.py", "import rig.latency"),
        ("host/modes.py", "import rig.latency"),
        ("host/enrich/service.py", "import host.engine.trader"),
        ("host/enrich/grok.py", "import host.guard.client"),
        ("rig/latency.py", "import host.modes"),
        ("rig/latency.py", "import firmware.loop"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, place: str, line: str) -> None:
    house = copy_of_the_house(tmp_path)
    with (house / place).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(house)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def imports_of(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("file", sorted((HOUSE / "controller").glob("*.py")), ids=lambda f: f.name)
def test_the_controller_reads_no_clock_and_does_no_io(file: Path) -> None:
    source = file.read_text()
    assert imports_of(source) <= CONTROLLER_MAY_IMPORT
    assert not {"print", "open", "input"} & {
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
