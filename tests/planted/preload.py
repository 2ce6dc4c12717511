"""A host of unchanged code on a libc with a planted fault: builds and steers shim.c."""

import mmap
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("shim.c")
SHIFT, STOP, STOPPED = range(3)
WORDS_BYTES = 4096


class Shim:
    """The compiled shim and the words that it looks at."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler for the planted libc")
        self.library = folder / "shim.so"
        options = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC"]
        subprocess.run([compiler, *options, "-o", self.library, SOURCE], check=True, timeout=60)
        self._file = folder / "shim.words"
        self._file.write_bytes(bytes(WORDS_BYTES))
        with self._file.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), WORDS_BYTES)
        self.words = memoryview(self._map).cast("q")

    def host(self, *command: str) -> list[str]:
        """Return the command line of a host (the honest one) whose processes all carry the shim."""
        set_here = ["env", f"LD_PRELOAD={self.library}", f"LD_SHIM_WORDS={self._file}"]
        return [*set_here, *(command or (sys.executable, "-m", "bot4", "run"))]

    def stop_next_open(self) -> None:
        """Have the next OPEN stop between the gate's permit and the kernel."""
        self.words[STOPPED] = 0
        self.words[STOP] = 1

    @property
    def stopped(self) -> int:
        """Process id of the engine that stopped, or 0."""
        return self.words[STOPPED]

    def set_clock(self, shift_ns: int) -> None:
        """Set the host's wall clock off by `shift_ns`."""
        self.words[SHIFT] = shift_ns


def state(pid: int) -> str:
    """Return the state letter of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""
