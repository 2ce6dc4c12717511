"""The running host as it can be seen from outside: the guard's status, and pages mapped read-only.

A page comes as the descriptor of its writer; it is opened anew for reading alone, and the one that
came is closed. Guard, engine and recorder hand theirs to nobody but each other, so those are
opened at their processes (/proc/PID/fd), where the kernel permits that to the host's own user.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Any

from controller import protocol
from controller import reasons as trip_reasons
from controller.times import PROFILES, Times
from host import forecast, layout, shm
from host.dashboard import view
from host.dashboard.worst import Worst
from host.guard.client import GuardClient, GuardUnreachable

GUARD_S = 1.0
MS = 1e6
# ms. What the controller said last counts as what it says now for so long.
HEARD_MS = 2000
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
        sock.settimeout(GUARD_S)
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

    def _keep(self, name: str, key: int, get: Any) -> shm.Page | None:
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


class Live:
    """Looks at the host; `guard` is the last answer, None when there was none."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._client: GuardClient | None = None
        self.pages = Pages(run_dir)
        self.status: dict[str, Any] | None = None
        self.guard_why = "not asked yet"
        self._asked_ns = 0
        self._worst = Worst()

    @property
    def guard_pid(self) -> int | None:
        """Process id of the guard that answers."""
        return self.status["guard_pid"] if self.status else None

    def ask(self) -> None:
        """Ask the guard for its status, over one connection that stays."""
        try:
            if self._client is None:
                self._client = GuardClient(self._run_dir, GUARD_S)
            self.status, self.guard_why = self._client.request(op="status"), ""
            self._asked_ns = time.monotonic_ns()
        except (GuardUnreachable, ValueError, OSError) as error:
            if self._client is not None:
                self._client.close()
            self._client, self.status = None, None
            self.guard_why = str(error)

    def guard(self) -> view.Guard | None:
        """Return the last answer as it is shown."""
        return None if self.status is None else _guard(self.status, self._asked_ns)

    def watches(self) -> list[view.Watch]:
        """Return every watchdog that can be read now, with the worst of the last minute."""
        status, now_ns = self.status, time.monotonic_ns()
        if status is None or status.get("profile") not in PROFILES:
            return []
        times = Times(status["profile"])
        link = status["link"]
        lease = self._word("guard", status["guard_pid"], layout.GUARD_LEASE_NS)
        challenged_ns = link.get("challenge_ns") or None
        beats = {
            "engine": self._word("engine", status["engine_pid"], layout.ENGINE_HEARTBEAT_NS),
            "recorder": self._word(
                "recorder", status["recorder_pid"], layout.RECORDER_HEARTBEAT_NS
            ),
        }
        used: list[tuple[str, str, float, float | None]] = [
            ("challenge of the controller", "ms", times.controller_silence_ms,
             _age_ms(self._asked_ns, challenged_ns)),
            ("answers missing in a row", "", times.bad_answers_trip,
             link.get("status", {}).get("bad")),
            ("lease of the guard", "ms", times.guard_lease_ms,
             None if lease is None else max(0.0, times.guard_lease_ms - (lease - now_ns) / MS)),
            ("heartbeat of the engine", "ms", times.engine_heartbeat_ms,
             _age_ms(now_ns, beats["engine"])),
            ("heartbeat of the recorder", "ms", times.recorder_heartbeat_ms,
             _age_ms(now_ns, beats["recorder"])),
        ]  # fmt: skip
        return [
            view.Watch(name, unit, limit, value, self._worst.seen(name, value, now_ns))
            for name, unit, limit, value in used
        ]

    def failing(self) -> bool | None:
        """True when the recorder's last commit failed."""
        pid = self.status["recorder_pid"] if self.status else None
        word = self._word("recorder", pid, layout.RECORDER_FAILING)
        return None if word is None else bool(word)

    def forecast(self) -> view.Forecast | None:
        """Return the forecast that stands in the modeller's page."""
        page = self.pages.forecast()
        if page is None:
            return None
        now_ns = time.monotonic_ns()
        found = forecast.read(page.words, now_ns)
        if found is None:
            self.pages.why[FORECAST] = "the modeller has made no forecast yet"
            return None
        self.pages.why.pop(FORECAST, None)
        last, written_ns = found
        return view.Forecast(
            (now_ns - written_ns) / 1e9,
            last.mean_pct,
            last.sigma_pct,
            last.var_share,
            last.cvar_share,
            int(last.fits),
            int(last.failures),
        )

    def close(self) -> None:
        """Give everything back."""
        self.pages.close()
        if self._client is not None:
            self._client.close()

    def _word(self, name: str, pid: int | None, word: int) -> int | None:
        page = self.pages.page(name, pid)
        return None if page is None else page.words.load(word)


def _age_ms(now_ns: int, at_ns: int | None) -> float | None:
    return None if at_ns is None else max(0.0, (now_ns - at_ns) / MS)


def _guard(status: dict[str, Any], asked_ns: int) -> view.Guard:
    link = status["link"]
    age_ms = _age_ms(asked_ns, link.get("challenge_ns") or None)
    said = link.get("status") or None
    shown = {name: status[name] for name in view.Guard.__struct_fields__ if name in status}
    if age_ms is None or age_ms > HEARD_MS:
        said = None
        shown |= {"controller": "silent", "controller_reason": ""}
    return view.Guard(
        **shown,
        inputs=None if said is None else _bits(said["inputs"]),
        faults=None if said is None else _faults(said["faults"]),
        pids={
            "guard": status["guard_pid"],
            "recorder": status["recorder_pid"],
            **status["engines"],
        },
        **{key: link[key] for key in ("sessions", "unanswered", "noise", "refused", "mismatch")},
    )


def _bits(inputs: int) -> dict[str, bool]:
    return {name: bool(inputs >> place & 1) for place, name in enumerate(protocol.INPUT_BITS)}


def _faults(bits: int) -> list[str]:
    return [name for code, name in enumerate(trip_reasons.NAMES) if bits >> code & 1]
