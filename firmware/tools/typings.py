"""Gathers MicroPython's stubs where mypy takes them: `python -m firmware.tools.typings FOLDER`.

The stub packages install beside everything else, with no mark that they hold types, and bring a standard
library of their own; mypy wants both in a folder that is named to it.
"""

import importlib.metadata
import shutil
import sys
from pathlib import Path

PACKAGES = ("micropython-stdlib-stubs", "micropython-rp2-stubs")


def gather(folder: Path) -> int:
    """Copy the stubs of both packages into a new folder; return how many files."""
    shutil.rmtree(folder, ignore_errors=True)
    stubs = [
        file
        for package in PACKAGES
        for file in importlib.metadata.files(package) or ()
        if file.suffix == ".pyi" or file.name == "VERSIONS"
    ]
    for file in stubs:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)
    return len(stubs)


if __name__ == "__main__":
    print(f"{gather(Path(sys.argv[1]))} stubs in {sys.argv[1]}")
