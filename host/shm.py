"""Pages: sealed memory files with one writer each, and how they travel between processes.

After the writer has mapped its page, F_SEAL_FUTURE_WRITE forbids any further writable mapping
and any write() to it, by anybody: a reader can map it read-only and nothing else.
"""

import array
import contextlib
import fcntl
import mmap
import os
import socket

from host import layout
from host.hotpath.ring import Ring
from host.hotpath.words import Words

# linux/fcntl.h; not in Python's fcntl module before 3.13.
F_SEAL_FUTURE_WRITE = 0x0010
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL | F_SEAL_FUTURE_WRITE


class PageError(OSError):
    """A descriptor is not a page of the expected kind and version."""


class Page:
    """A mapped page: `words`, `ring`, and `fd` to hand to readers."""

    def __init__(self, fd: int, mapping: mmap.mmap, writable: bool) -> None:
        self.fd = fd
        self.words = Words(mapping, writable)
        self._ring: Ring | None = None

    @property
    def ring(self) -> Ring:
        """The page's ring. Raises IndexError when only the head is mapped."""
        if self._ring is None:
            first, slots = layout.RING_FIRST_WORD, layout.RING_SLOTS
            self._ring = Ring(self.words, layout.RING_HEAD, first, slots)
        return self._ring

    @property
    def pid(self) -> int:
        """Process id of the writer, as it wrote it."""
        return self.words.load(layout.HEAD_PID)

    def close(self) -> None:
        """Give the descriptor back; the mapping goes with the last reference."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def create(kind: int, name: str) -> Page:
    """Make this process's own page of `kind` and seal it against any other writer."""
    fd = os.memfd_create(f"bot4-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, layout.PAGE_BYTES)
    page = Page(fd, mmap.mmap(fd, layout.PAGE_BYTES, mmap.MAP_SHARED), writable=True)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    page.words.store(layout.HEAD_VERSION, layout.VERSION)
    page.words.store(layout.HEAD_KIND, kind)
    page.words.store(layout.HEAD_PID, os.getpid())
    page.words.store(layout.HEAD_MAGIC, layout.MAGIC)
    return page


def attach(fd: int, kind: int, head_only: bool = False) -> Page:
    """Map another process's page read-only. Raises PageError when it is not what it should be.

    head_only -- without the ring: in a process with locked memory the kernel brings in every byte
    that is mapped, before it comes back
    """
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        size = os.fstat(fd).st_size
    except OSError as error:
        raise PageError(f"not a sealed page: {error.strerror}") from None
    if seals & SEALS != SEALS:
        raise PageError("the page is not sealed against other writers")
    if size != layout.PAGE_BYTES:
        raise PageError(f"the page has {size} bytes, not {layout.PAGE_BYTES}")
    mapped = layout.HEAD_BYTES if head_only else size
    page = Page(fd, mmap.mmap(fd, mapped, mmap.MAP_SHARED, mmap.PROT_READ), writable=False)
    found = [page.words.load(word) for word in range(3)]
    wanted = [layout.MAGIC, layout.VERSION, kind]
    if found != wanted:
        raise PageError(f"the page's header is {found}, not {wanted}")
    return page


def send_fds(sock: socket.socket, data: bytes, fds: list[int]) -> None:
    """Send one message with descriptors (SCM_RIGHTS)."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], rights)


def receive_fds(sock: socket.socket, most_bytes: int = 65536) -> tuple[bytes, list[int]]:
    """Receive one message and its descriptors (close-on-exec); empty data means the peer left."""
    data, ancillary, flags, _address = sock.recvmsg(
        most_bytes, socket.CMSG_SPACE(8 * array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
    )
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
        close_all(list(fds))
        raise PageError("a message was cut off on its way")
    return data, list(fds)


def close_all(fds: list[int]) -> None:
    """Close descriptors that nobody wants."""
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)


def level_words(fd: int) -> Words:
    """Map a bench's page of line levels read-only; it must be sealed like every other page."""
    if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise PageError("the page of line levels is not sealed against other writers")
    size = os.fstat(fd).st_size
    return Words(mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ))
