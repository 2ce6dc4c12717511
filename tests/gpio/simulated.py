"""The simulated header inside the virtual machine (tools/vm-gpio): what drives and watches its lines."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
CONFIGFS = Path("/sys/kernel/config/gpio-sim")
HALT, ACK = 17, 27
RED, YELLOW, GREEN = 22, 23, 24
LINES = 28
SPARE_LABEL = "bot4-spare"


class Header:
    """The lines of one simulated chip, from the side of whoever is wired to them."""

    def __init__(self, sysfs: Path) -> None:
        self.sysfs = sysfs

    def pull(self, number: int, level: int) -> None:
        """Drive a line that is an input of the Pi; the edge is in the kernel when this returns."""
        text = "pull-up" if level else "pull-down"
        (self.sysfs / f"sim_gpio{number}" / "pull").write_text(text)

    def level(self, number: int) -> int:
        """Level of a line, whoever drives it."""
        return int((self.sysfs / f"sim_gpio{number}" / "value").read_text())


class SpareChip:
    """A further simulated chip, to be taken away while it is in use."""

    def __init__(self) -> None:
        self._folder = CONFIGFS / "spare"
        self._there = True
        bank = self._folder / "bank"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(LINES))
        (bank / "label").write_text(SPARE_LABEL)
        for number in range(LINES):
            (bank / f"line{number}").mkdir()
            (bank / f"line{number}" / "name").write_text(f"GPIO{number}")
        (self._folder / "live").write_text("1")
        chip = (bank / "chip_name").read_text().strip()
        device = (self._folder / "dev_name").read_text().strip()
        self.path = f"/dev/{chip}"
        self.header = Header(Path("/sys/devices/platform") / device / chip)

    def take_away(self) -> None:
        """Remove the device, as unbinding its driver does."""
        if self._there:
            self._there = False
            (self._folder / "live").write_text("0")

    def remove(self) -> None:
        """Undo everything."""
        self.take_away()
        for number in range(LINES):
            (self._folder / "bank" / f"line{number}").rmdir()
        (self._folder / "bank").rmdir()
        self._folder.rmdir()


def until(condition: Callable[[], object], what: str, limit_s: float = 20.0) -> None:
    """Wait for a condition; the emulated machine is slow, so the limit is only against hanging."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {limit_s} s"
        time.sleep(0.002)


def python(module: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start a module of the house as a process."""
    env = {**os.environ, "PYTHONPATH": f"{HOUSE}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, text=True, cwd=HOUSE, env=env, **options)  # type: ignore[call-overload]


def percentile(samples: list[float], share: float) -> float:
    """Return the sample below which `share` of all lie (nearest rank)."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
