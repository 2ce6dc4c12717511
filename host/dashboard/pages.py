"""Pages of running processes, mapped read-only.

A page comes as the descriptor of its writer; it is opened anew for reading alone, and the one that
came is closed. Guard, engine and recorder hand theirs to nobody but each other, so those are
opened at their processes (/proc/PID/fd), where the kernel permits that to the host's own user.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from host import forecast, layout, shm

MODELLER_S = 1.0
# The writers whose pages are looked at: name of the memory file, kind.
KINDS = {
    "guard": layout.KIND_GUARD,
    "engine": layout.KIND_ENGINE,
    "recorder": layout.KIND_RECORDER,
}
FORECAST = "forecast"


class Pages:
    """Read-only mappings of the pages of running processes."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._pages: dict[str, tuple[int, shm.Page]] = {}
        self.why: dict[str, str] = {}

    def page(self, name: str, pid: int | None) -> shm.Page | None:
        """Return the page that process `pid` writes; None where it cannot be had, see `why`."""
        held = self._pages.get(name)
        if held is not None and held[0] == pid:
            return held[1]
        self._drop(name)
        if pid is None:
            self.why[name] = f"no {name} is attached"
            return None
        return self._keep(name, pid, lambda: _of_process(pid, name))

    def forecast(self) -> shm.Page | None:
        """Return the modeller's page, for as long as it holds the connection that it came over."""
        held = self._pages.get(FORECAST)
        if held is not None and not _hung_up(held[0]):
            return held[1]
        self._drop(FORECAST)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        sock.settimeout(MODELLER_S)
        try:
            sock.connect(str(self._run_dir / forecast.SOCKET))
            _data, fds = shm.receive_fds(sock)
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            self.why[FORECAST] = f"no modeller: {error.strerror or error}"
            return None
        try:
            if len(fds) != 1:
                self.why[FORECAST] = "the modeller handed over no page"
                sock.close()
                return None
            return self._keep(
                FORECAST, sock.detach(), lambda: _mapped(fds[0], layout.KIND_MODELLER)
            )
        finally:
            shm.close_all(fds)

    def close(self) -> None:
        """Give everything back."""
        for name in list(self._pages):
            self._drop(name)

    def _keep(self, name: str, key: int, get: Callable[[], shm.Page]) -> shm.Page | None:
        try:
            page = get()
        except OSError as error:
            self.why[name] = f"the page of {name}: {error.strerror or error}"
            if name == FORECAST:
                os.close(key)
            return None
        self._pages[name] = key, page
        self.why.pop(name, None)
        return page

    def _drop(self, name: str) -> None:
        key, page = self._pages.pop(name, (-1, None))
        if page is not None:
            page.close()
            if name == FORECAST:
                os.close(key)


def _hung_up(fd: int) -> bool:
    sock = socket.socket(fileno=os.dup(fd))
    with contextlib.closing(sock):
        try:
            return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


def _of_process(pid: int, name: str) -> shm.Page:
    """Map the page that is open in a process. Raises OSError."""
    folder = Path(f"/proc/{pid}/fd")
    for entry in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(entry.readlink()).startswith(f"/memfd:bot4-{name} "):
                return _opened(str(entry), KINDS[name])
    raise FileNotFoundError(2, "none is open in its process")


def _mapped(fd: int, kind: int) -> shm.Page:
    return _opened(f"/proc/self/fd/{fd}", kind)


def _opened(path: str, kind: int) -> shm.Page:
    """Open for reading alone, map the head, and let the descriptor go. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        page = shm.attach(fd, kind, head_only=True)
    except BaseException:
        os.close(fd)
        raise
    page.close()  # the mapping stays
    return page
