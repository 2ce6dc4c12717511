"""Loads: what has been started ends with whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.load import LOADS, chosen


def of_group(group: int) -> list[int]:
    """Return the processes of a process group that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if folder.name.isdigit() and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("name", LOADS)
def test_a_load_leaves_no_process_behind(name: str, tmp_path: Path) -> None:
    load = subprocess.Popen([sys.executable, "-m", "rig.load", name, tmp_path], process_group=0)
    wanted = len(os.sched_getaffinity(0)) if name == "cpu" else 1
    deadline = time.monotonic() + 20
    while len(of_group(load.pid)) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(of_group(load.pid)) == wanted
    load.send_signal(signal.SIGKILL)
    load.wait()
    while of_group(load.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert of_group(load.pid) == []


def test_a_load_of_another_name_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="--load rain"):
        chosen("cpu,rain")
