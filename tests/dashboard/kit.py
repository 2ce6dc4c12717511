"""A host to look at, made of a log, a guard's socket and pages; and a dashboard that looks at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from host import config, forecast, layout, shm
from host.audit.writer import AuditWriter
from host.forecast import Forecast

READY_S = 30.0
WORD = "a-token-of-thirty-two-characters-"


def status(pid: int, **changes: Any) -> dict[str, Any]:
    """Return what a guard in NORMAL says."""
    link = {
        "challenge_ns": time.monotonic_ns(), "noise": 0, "refused": 0, "sessions": 1, "unanswered": 0,
        "mismatch": "",
        "status": {"state": 4, "reason": 0, "inputs": 0, "leds": 4, "blinking": 0, "bad": 0,
                   "noise": 0, "faults": 0},
    }  # fmt: skip
    return {
        "mode": "NORMAL", "reason": "CONDITIONS_HELD", "detail": "", "epoch": 4, "since_s": 1.0,
        "halt": "high", "ack": "low", "lamps": {"red": 0, "yellow": 0, "green": 1},
        "ladder_done": False, "forced": 0, "profile": "bench", "controller": "ARMED",
        "controller_reason": "NONE", "link": link, "guard_pid": pid, "engine_pid": pid,
        "engines": {"engine": pid}, "recorder_pid": pid, "orders_sent": 7, "orders_refused": 1,
        "realtime": {}, "stretches": {}, **changes,
    }  # fmt: skip


class Host:
    """Stands for a running host. `changes` go into the next status; `writer` writes the log."""

    def __init__(self, folder: Path) -> None:
        self.run_dir, self.audit = folder / "run", folder / "audit"
        self.run_dir.mkdir(mode=0o700)
        shutil.copyfile(config.DEFAULT, self.run_dir / "config.toml")
        self.changes: dict[str, Any] = {}
        self.asked: list[str] = []
        self.writer = AuditWriter(self.audit, host_id="pi")
        kinds = {
            "guard": layout.KIND_GUARD, "engine": layout.KIND_ENGINE,
            "recorder": layout.KIND_RECORDER, "modeller": layout.KIND_MODELLER,
        }  # fmt: skip
        self.pages = {name: shm.create(kind, name) for name, kind in kinds.items()}
        self._told = 0
        self._running = True
        self._listeners = [self._listen("guard.sock"), self._listen(forecast.SOCKET)]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Host:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running = False
        self._thread.join()
        for listener in self._listeners:
            listener.close()
        for page in self.pages.values():
            page.close()
        self.writer.close()

    def record(self, kind: str, origin: str = "guard", **data: Any) -> None:
        """Put one record into the log."""
        self._told += 1
        self.writer.append(kind, origin, {"n": self._told, **data})
        self.writer.commit()

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.run_dir / name))
        listener.listen(8)
        listener.settimeout(0.02)
        return listener

    def _serve(self) -> None:
        clients: list[socket.socket] = []
        while self._running:
            now_ns = time.monotonic_ns()
            self.pages["guard"].words.store(layout.GUARD_LEASE_NS, now_ns + 90_000_000)
            self.pages["engine"].words.store(layout.ENGINE_HEARTBEAT_NS, now_ns)
            self.pages["recorder"].words.store(layout.RECORDER_HEARTBEAT_NS, now_ns)
            last = Forecast(7, 0.01, 1.5, 0.02, 0.03, 3, 0)
            forecast.publish(self.pages["modeller"].words, last, now_ns)
            for listener in self._listeners:
                with contextlib.suppress(TimeoutError):
                    clients.append(listener.accept()[0])  # closed with the others
                    clients[-1].setblocking(False)
                    if listener is self._listeners[1]:
                        with contextlib.suppress(ConnectionError):
                            shm.send_fds(clients[-1], b"forecast", [self.pages["modeller"].fd])
            for client in list(clients):
                self._answer(client, clients)
        for client in clients:
            client.close()

    def _answer(self, client: socket.socket, clients: list[socket.socket]) -> None:
        try:
            asked = client.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:  # whoever asked has been killed
            asked = b""
        if not asked:
            clients.remove(client)
            client.close()
            return
        self.asked.append(asked.decode())
        with contextlib.suppress(ConnectionError):
            client.send(msgspec.json.encode(status(os.getpid(), **self.changes)))


def a_day(host: Host) -> None:
    """Write what a start, a re-arm, some trading and a press leave in the log."""
    host.record(
        "guard_started", mode="EMERGENCY", reason="NOT_ARMED", epoch=1, detail="first start"
    )
    host.record("attached", role="engine", name="engine", pid=1)
    host.record("ladder_done", epoch=1, engine="engine")
    host.record("mode", mode="PAUSED", reason="REARMED", epoch=2, detail="", was="NOT_ARMED")
    for number, equity in enumerate((100_000.0, 100_500.0, 99_800.0)):
        host.record("order", "engine", id=f"trend.1.{number}", op="new", side="buy", type="limit",
                    price="100.5", qty="2", equity=equity, var_share=0.02)  # fmt: skip
    host.record("fill", "engine", venue="paper", id="trend.1.0", qty="1.5", price="100.5", side="buy",
                fee="0.1", left="0.5")  # fmt: skip
    host.record("mode", mode="NORMAL", reason="CONDITIONS_HELD", epoch=4, detail="", was="REARMED")
    host.record("receipt", epoch=1, number=3, count=9, head="00" * 32, mac="00" * 32)


class Dashboard:
    """A running `bot4 dashboard`."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "bot4", "dashboard", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        self.port = int(self.said.rstrip("/\n").rpartition(":")[2])

    @property
    def pids(self) -> list[int]:
        """Reader and web."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, text.split())]

    def ask(self, request: bytes, timeout_s: float = 20.0) -> bytes:
        """Send raw bytes, and return what comes back until the server closes, or b"" without any."""
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(OSError):
                while data := sock.recv(65536):
                    got += data
            return got

    def get(self, path: str, method: str = "GET", host: str = "localhost", more: str = "") -> bytes:
        """Return the whole answer to one request."""
        text = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"
        return self.ask(text.encode())

    def page(self, holds: str, timeout_s: float = 20.0) -> str:
        """Return the page once it holds a text."""
        deadline = time.monotonic() + timeout_s
        while holds not in (text := self.get("/").decode()):
            assert time.monotonic() < deadline, f"{holds!r} never came:\n{text}"
            time.sleep(0.1)
        return text

    def end(self) -> int:
        """Ask for the end; return the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(READY_S)
        finally:
            self.process.kill()
            assert self.process.stderr is not None
            self.process.stderr.close()


@contextlib.contextmanager
def dashboard(*arguments: str) -> Iterator[Dashboard]:
    """Start one and end it."""
    running = Dashboard(*arguments)
    try:
        yield running
    finally:
        running.end()
