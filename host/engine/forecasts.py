"""What the engine knows of the forecast, and how old it is (see host.modeller)."""

from __future__ import annotations

import socket
from collections import deque
from pathlib import Path

from host import forecast, layout, shm
from host.forecast import Forecast

RETRY_NS = 200_000_000
# Rows that the forecast may not know. More are not kept: the first of them is what counts.
MOST_ROWS = 4096
# s. The age of a forecast that there is not.
NEVER_S = 1e9


class Forecasts:
    """The modeller's page; `age_s` grows for whatever reason nothing new is said.

    run_dir -- where the modeller listens
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / forecast.SOCKET
        self._sock: socket.socket | None = None
        self._page: shm.Page | None = None
        self._handed = False
        self._tried_ns = 0
        self._rows: deque[tuple[int, int]] = deque()
        self._written_ns = 0
        self.last: Forecast | None = None

    def seen(self, row: int, now_ns: int) -> None:
        """Note a row of the feed and when it came."""
        if len(self._rows) < MOST_ROWS:
            self._rows.append((row, now_ns))

    def look(self, now_ns: int) -> float:
        """Read the page into `last`; return its age in seconds, NEVER_S before the first.

        A page that cannot be read now leaves what was read before, which goes on growing old.
        """
        self._reach(now_ns)
        found = forecast.read(self._page.words, now_ns) if self._page is not None else None
        if found is not None:
            self.last, self._written_ns = found
        if self.last is None:
            return NEVER_S
        while self._rows and self._rows[0][0] <= self.last.row:
            self._rows.popleft()
        unknown_ns = now_ns - self._rows[0][1] if self._rows else 0
        return max(unknown_ns, now_ns - self._written_ns, 0) / 1e9

    def close(self) -> None:
        """Let page and connection go."""
        if self._sock is not None:
            self._sock.close()
        if self._page is not None:
            self._page.close()

    def _reach(self, now_ns: int) -> None:
        """Connect what is not connected; nothing here waits."""
        if self._sock is not None and (not self._handed or self._left(self._sock)):
            self._receive(self._sock)
        if self._sock is not None or now_ns - self._tried_ns < RETRY_NS:
            return
        self._tried_ns = now_ns
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            sock.connect(str(self._path))
        except OSError:
            sock.close()
            return
        self._sock, self._handed = sock, False
        self._receive(sock)

    @staticmethod
    def _left(sock: socket.socket) -> bool:
        """Return True when the modeller has closed its end."""
        try:
            return not sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _receive(self, sock: socket.socket) -> None:
        """Take the page; the one before stays until there is another, and grows old."""
        try:
            data, fds = shm.receive_fds(sock)
            page = shm.attach(fds[0], layout.KIND_MODELLER, head_only=True) if fds else None
        except BlockingIOError:
            return
        except OSError:
            data, page = b"", None
        if not data or page is None:
            sock.close()
            self._sock = None
            return
        if self._page is not None:
            self._page.close()
        self._page, self._handed = page, True


def shares(last: Forecast | None) -> tuple[float, float]:
    """Return VaR and CVaR as shares of the position's value; zeros when there is no forecast."""
    return (0.0, 0.0) if last is None else (last.var_share, last.cvar_share)
