"""Pages: one writer each, and what happens to everybody else who tries to write."""

import ctypes
import fcntl
import mmap
import os
import signal
import subprocess
import sys

import pytest

from host import layout, shm

TRY_TO_WRITE = """
import ctypes, mmap, os, sys
fd, how = int(sys.argv[1]), sys.argv[2]
try:
    if how == "write":
        os.write(fd, b"x")
    elif how == "pwrite":
        os.pwrite(fd, b"x", 64)
    elif how == "truncate":
        os.ftruncate(fd, 0)
    elif how == "map":
        mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    elif how == "reopen":
        os.write(os.open(f"/proc/self/fd/{fd}", os.O_RDWR), b"x")
    else:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
        address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        if how == "mprotect":
            libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
            if libc.mprotect(address, 4096, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")
        else:
            ctypes.memset(address + 64, 0, 8)  # the mode word
except OSError as error:
    sys.exit(error.errno)
"""


@pytest.mark.parametrize(
    "how", ["write", "pwrite", "truncate", "map", "reopen", "mprotect", "poke"]
)
def test_no_other_process_can_write_the_mode(how: str) -> None:
    page = shm.create(layout.KIND_GUARD, "test")
    page.words.store(layout.GUARD_MODE, 3)
    command = [sys.executable, "-c", TRY_TO_WRITE, str(page.fd), how]
    code = subprocess.run(command, pass_fds=[page.fd], check=False, timeout=30).returncode
    # 1 is EPERM, 13 is EACCES; a poke into the read-only mapping ends the process.
    assert code == -signal.SIGSEGV if how == "poke" else code in (1, 13)
    assert page.words.load(layout.GUARD_MODE) == 3
    page.close()


def test_a_reader_cannot_store_and_indices_are_checked() -> None:
    page = shm.create(layout.KIND_ENGINE, "test")
    reader = shm.attach(os.dup(page.fd), layout.KIND_ENGINE)
    with pytest.raises(PermissionError):
        reader.words.store(layout.ENGINE_SLOT, 1)
    with pytest.raises(PermissionError):
        reader.words.add(layout.ENGINE_SLOT, 1)
    with pytest.raises(PermissionError):
        reader.ring.push(b"x")
    for index in (-1, page.words.count):
        with pytest.raises(IndexError):
            page.words.load(index)
    page.words.store(layout.ENGINE_SLOT, 2**64 - 1)
    assert reader.words.load(layout.ENGINE_SLOT) == 2**64 - 1
    page.close()
    reader.close()


def _unsealed() -> int:
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, layout.PAGE_BYTES)
    return fd


def _sealed(size: int) -> int:
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, shm.SEALS)
    return fd


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_unsealed, "not sealed"),
        (lambda: _sealed(4096), "4096 bytes"),
        (lambda: _sealed(layout.PAGE_BYTES), "header"),
        (lambda: os.open("/dev/null", os.O_RDONLY), "not a sealed page"),
        (lambda: shm.create(layout.KIND_ENGINE, "test").fd, "header"),
    ],
)
def test_what_is_not_a_page_of_the_kind_is_refused(make: object, complaint: str) -> None:
    fd = make()  # type: ignore[operator]
    with pytest.raises(shm.PageError, match=complaint):
        shm.attach(fd, layout.KIND_GUARD)
    os.close(fd)


def test_ring_gives_every_message_once_and_counts_what_was_overwritten() -> None:
    page = shm.create(layout.KIND_GUARD, "test")
    reader = shm.attach(os.dup(page.fd), layout.KIND_GUARD)
    for number in range(10):
        page.ring.push(b"%d" % number)
    messages, position, lost = reader.ring.read(0, 4)
    assert (messages, position, lost) == ([b"0", b"1", b"2", b"3"], 4, 0)
    for number in range(10, 10 + layout.RING_SLOTS):
        page.ring.push(b"%d" % number)
    messages, position, lost = reader.ring.read(position, 2)
    assert (messages, position, lost) == ([b"10", b"11"], 12, 6)
    assert lost + 4 == 10
    with pytest.raises(ValueError, match="reader is at"):
        reader.ring.read(page.ring.head + 1)
    with pytest.raises(ValueError, match="1009 bytes"):
        page.ring.push(b"x" * 1009)
    page.close()
    reader.close()


def test_words_refuse_a_buffer_that_is_not_made_of_words() -> None:
    from host.hotpath.words import Words

    with pytest.raises(ValueError, match="whole aligned"):
        Words(bytearray(12))
    with pytest.raises(BufferError):
        Words(bytes(16), True)
    aligned = mmap.mmap(-1, 4096)
    assert Words(aligned, True).count == 512
    assert ctypes.sizeof(ctypes.c_uint64) == 8
