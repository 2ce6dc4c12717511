"""The disk operations of the writer: locking, whole writes, and errors in plain words."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.audit import AuditBusy, AuditWriteError

# No O_APPEND: Linux appends even a pwrite then, and a repeated commit must overwrite its first try.
OPEN_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def disk_errors(action: str) -> Iterator[None]:
    """Turn an error of the disk into AuditWriteError with one clear line."""
    try:
        yield
    except OSError as error:
        raise AuditWriteError(f"cannot {action}: {error.strerror or error}") from error


def write_at(fd: int, content: bytes, offset: int) -> None:
    """Write all of `content` at `offset`, also when the kernel takes it in pieces."""
    left = memoryview(content)
    while left:
        written = os.pwrite(fd, left, offset)
        if written == 0:  # no error and no progress: never spin on a broken device
            raise OSError(errno.EIO, "the disk takes no more bytes")
        left = left[written:]
        offset += written


def open_directory(directory: Path) -> int:
    """Open `directory`, made with mode 0700 and anchored in its parent when it is not there yet."""
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True)
        parent_fd = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent_fd)
        finally:
            os.close(parent_fd)
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def lock(path: Path) -> int:
    """Take the exclusive lock at `path`, held by the descriptor; AuditBusy when it is taken."""
    fd = os.open(path, OPEN_FLAGS, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise AuditBusy(f"{path.parent}: another recorder writes this log") from error
    return fd
