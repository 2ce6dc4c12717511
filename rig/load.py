"""Load beside the bench: `python -m rig.load NAME FOLDER` until it is ended.

Everything stays on this machine and within its bounds: the disk load rewrites one file, the network
load talks to itself on the loopback.
"""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from rig.processes import die_with_parent

BLOCK = bytes(1 << 20)
FILE_BLOCKS = 64
MEMORY_BYTES = 256 << 20
HOGS = 4
DATAGRAM = bytes(1024)


def cpu(_folder: Path) -> None:
    """Keep every core busy, one process a core."""
    for _ in range(len(os.sched_getaffinity(0)) - 1):
        if os.fork() == 0:
            die_with_parent()
            break
    while True:
        pass


def gil(_folder: Path) -> None:
    """Many busy threads in one interpreter, and long calls that never let go of it."""

    def hog() -> None:
        while True:
            sorted(range(200_000), key=lambda n: -n)

    for _ in range(HOGS - 1):
        threading.Thread(target=hog, daemon=True).start()
    hog()


def disk(folder: Path) -> None:
    """Rewrite a file of 64 MiB and wait for the disk after each MiB."""
    path = folder / "load.bin"
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        stack.callback(path.unlink, missing_ok=True)
        while True:
            file.seek(0)
            for _ in range(FILE_BLOCKS):
                file.write(BLOCK)
                file.flush()
                os.fdatasync(file.fileno())


def memory(_folder: Path) -> None:
    """Copy 256 MiB to and fro, so that nothing else stays in the caches."""
    source, target = bytearray(MEMORY_BYTES), bytearray(MEMORY_BYTES)
    while True:
        target[:] = source
        source, target = target, source


def network(_folder: Path) -> None:
    """Send datagrams to ourselves on the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        here = sock.getsockname()
        while True:
            with contextlib.suppress(BlockingIOError):
                sock.sendto(DATAGRAM, here)
                sock.recv(2048)


LOADS: dict[str, Callable[[Path], None]] = {
    "cpu": cpu,
    "gil": gil,
    "disk": disk,
    "memory": memory,
    "network": network,
}


def chosen(text: str) -> tuple[str, ...]:
    """Return the loads of `none`, `full` or a list with commas. Raises ValueError with one line."""
    if text == "none":
        return ()
    if text == "full":
        return tuple(LOADS)
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in LOADS]
    if unknown:
        raise ValueError(f"--load {unknown[0]}: it is none, full or some of {', '.join(LOADS)}")
    return names


if __name__ == "__main__":
    LOADS[sys.argv[1]](Path(sys.argv[2]))
