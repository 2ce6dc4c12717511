"""Runs one writer scenario many times, killed before or after each of its system calls in turn.

Usage: crash_points.py TORN_LOG WORK_DIR. Prints one JSON line per crash: the directory left behind,
its exit code, and how many records had been confirmed. A process of its own, because it forks; and
the child ends with `os._exit`, so no `finally` tidies up after it, as with a killed process.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.audit.writer import AuditWriter

CALLS = ("open", "mkdir", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "close")


def scenario(directory: Path, confirm: Callable[[int], None]) -> None:
    """Recover a torn log, commit over several segments, close."""
    writer = AuditWriter(directory, host_id="pi", segment_bytes=1_000)
    confirm(writer.head[0])
    for number in range(5):
        writer.append("order", "engine", {"n": number})
        writer.append("fill", "venue", {"n": number})
        writer.commit()
        confirm(writer.head[0])
    writer.close()


def arm(die_at: int, counter: list[int], name: str) -> None:
    """Make point `die_at` fatal; points lie before and after each call, and inside a write."""
    real = getattr(os, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        counter[0] += 1
        if counter[0] == die_at:
            os._exit(9)
        if name == "pwrite":  # the kernel took only a part before the power went
            half = len(args[1]) // 2
            counter[0] += 1
            if counter[0] == die_at:
                real(args[0], args[1][:half], args[2])
                os._exit(9)
        result = real(*args, **kwargs)
        counter[0] += 1
        if counter[0] == die_at:
            os._exit(9)
        return result

    setattr(os, name, call)


def crash(directory: Path, die_at: int) -> tuple[int, int]:
    """Run the scenario in a child; its exit status and the number of confirmed records."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        counter = [0]
        for name in CALLS:
            arm(die_at, counter, name)
        real_write = os.write
        scenario(directory, lambda count: print_count(real_write, writing, count))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        counts = pipe.read().split()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(counts[-1]) if counts else 0


def print_count(write: Callable[[int, bytes], int], fd: int, count: int) -> None:
    write(fd, b"%d " % count)


def main(torn_log: Path, work: Path) -> None:
    for die_at in range(1, 10_000):
        directory = work / f"crash-{die_at:04d}"
        shutil.copytree(torn_log, directory)
        code, confirmed = crash(directory, die_at)
        print(json.dumps({"directory": str(directory), "code": code, "confirmed": confirmed}))
        if code == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
