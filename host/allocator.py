"""Which allocator a process runs on: mimalloc where there is one, and said so where there is none.

Python before 3.13 has no mimalloc of its own: Debian's libmimalloc goes in front of libc, and Python's
allocator out of the way. It is chosen at the start of a process, so by the environment it starts in.

The guard stays on glibc. It locks all of its memory, and every mapping it makes later: mimalloc takes
whole segments at a time, each of which would be locked in full (`python -m host.perf.guard_loaded`
under both), and in its loop it allocates too little to win anything.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

LIBRARIES = ("/usr/lib/*/libmimalloc.so.2*", "/usr/local/lib/libmimalloc.so.2*")
# Processes of the host that `bot4 run` starts on it.
PROCESSES = ("engine", "recorder")
PYTHON_HAS_ITS_OWN = (3, 13)
NAME, NONE = "mimalloc", "glibc"


def library() -> Path | None:
    """Return Debian's libmimalloc, or one that was built by hand, or None."""
    for pattern in LIBRARIES:
        for file in sorted(Path("/").glob(pattern[1:])):
            return file
    return None


def environment(process: str, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment to start a process of the host in; as `base` without mimalloc.

    What somebody has chosen there already, in LD_PRELOAD or PYTHONMALLOC, stays.
    """
    chosen = dict(base)
    if process not in PROCESSES or "PYTHONMALLOC" in base or "LD_PRELOAD" in base:
        return chosen
    if sys.version_info >= PYTHON_HAS_ITS_OWN:
        return chosen | {"PYTHONMALLOC": NAME}
    found = library()
    return (
        chosen if found is None else chosen | {"LD_PRELOAD": str(found), "PYTHONMALLOC": "malloc"}
    )


def in_use() -> str:
    """Return what this process allocates with: the file of mimalloc, "mimalloc" of Python, or glibc."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        if "libmimalloc" in line:
            return line.split(maxsplit=5)[-1]
    return NAME if os.environ.get("PYTHONMALLOC") == NAME else NONE


def note() -> str | None:
    """Return one line when the host will run without mimalloc, else None."""
    if environment(PROCESSES[0], {}):
        return None
    return "libmimalloc is not installed (Debian: libmimalloc2.0); running on glibc's allocator"
