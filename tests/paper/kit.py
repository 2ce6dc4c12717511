"""A paper venue as a process, and the clients of a test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START = 1_704_067_200_000
# A flat market: open 100, low 99, high 101, volume 10.
BARS = "timestamp,open,high,low,close,volume\n" + "".join(
    f"2024-01-{1 + n // 24:02d}T{n % 24:02d}:00:00Z,100.0,101.0,99.0,100.25,10\n"
    for n in range(600)
)
TRADES = "timestamp_ms,price,qty\n" + "".join(f"{START + n},10.5,100\n" for n in range(20))
QUOTES = "timestamp_ms,bid,bid_qty,ask,ask_qty\n" + "".join(
    f"{START + n},10.25,1,10.5,1\n" for n in range(20)
)
ORDER = {"op": "new", "intent": "OPEN", "side": "buy", "type": "market", "qty": "0.25"}


class Peer:
    """A client; `role` None connects without a word."""

    def __init__(self, path: Path, role: str | None, wait: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        if wait:
            assert self.get() == {"ev": "welcome"}
        if role:
            self.put({"op": "hello", "role": role})

    def put(self, message: Any) -> None:
        self.socket.send(message if isinstance(message, bytes) else json.dumps(message).encode())

    def get(self) -> dict[str, Any]:
        data = self.socket.recv(1 << 18)
        assert data, "the venue closed the connection"
        value: dict[str, Any] = json.loads(data)
        return value

    def until(self, ev: str) -> dict[str, Any]:
        while (event := self.get())["ev"] != ev:
            pass
        return event

    def ask(self, message: Any) -> dict[str, Any]:
        self.put(message)
        return self.get()


class Venue:
    """A running venue in `folder`."""

    def __init__(self, folder: Path, data: str, rows_per_s: float, *more: str) -> None:
        self.path, self.record = folder / "v.sock", folder / "record.jsonl"
        self.peers: list[Peer] = []
        (folder / "x.csv").write_text(data)
        self.process = start(self.path, self.record, folder / "x.csv", rows_per_s, *more)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def join(self, role: str | None, wait: bool = True) -> Peer:
        self.peers.append(Peer(self.path, role, wait))
        return self.peers[-1]

    def lines(self, kind: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.record.read_text().splitlines()]
        return [line for line in lines if kind in (None, line["kind"])]

    def end(self) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.process.terminate()
        self.process.communicate(timeout=10)
        for peer in self.peers:
            peer.socket.close()
        return self.process.returncode


def start(
    listen: Path, record: Path, data: Path | str, rows_per_s: float, *more: str
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "host.paper", "--listen", str(listen), "--record", str(record)]
    command += ["--data", str(data), "--rows-per-s", str(rows_per_s), *more]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def refusal(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and complaint of a venue that should not begin; one that does is ended."""
    with process:
        try:
            _out, complaint = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, complaint


def wait_for(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


Launch = Callable[..., Venue]
