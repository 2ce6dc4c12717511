"""The live pages of a running host, read and spoilt from outside, as a fault of memory would."""

import mmap
import os
import re
from pathlib import Path

from host.hotpath.words import Words

from host import layout

WORD_BYTES = 8


class Watch:
    """A read-only view of the page that a process owns, through its descriptor in /proc."""

    def __init__(self, pid: int, name: str) -> None:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if str(link.readlink()).startswith(f"/memfd:bot4-{name} "):
                break
        else:
            raise LookupError(f"process {pid} has no page bot4-{name}")
        fd = os.open(link, os.O_RDONLY)
        view = mmap.mmap(fd, layout.PAGE_BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
        os.close(fd)
        self.words = Words(view)


def spoil(pid: int, name: str, word: int, value: int) -> None:
    """Write one word into the owner's own mapping. Raises PermissionError where ptrace is refused."""
    pattern = re.compile(rf"^([0-9a-f]+)-[0-9a-f]+ rw-s .* /memfd:bot4-{name} ", re.MULTILINE)
    found = pattern.search(Path(f"/proc/{pid}/maps").read_text())
    if found is None:
        raise LookupError(f"process {pid} does not own a page bot4-{name}")
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(int(found[1], 16) + word * WORD_BYTES)
        memory.write(value.to_bytes(WORD_BYTES, "little"))
