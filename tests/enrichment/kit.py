"""What the tests of the enrichment share: settings, a real Redis, a ledger in memory."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.enrich.account import Account
from host.enrich.ledger import Edit
from host.enrich.money import month_of
from host.enrich.parts import Parts
from host.enrich.settings import Enrichment

# One event loop for all: connections that are kept belong to the loop that made them.
run = asyncio.Runner().run
KEY = "xai-test-5d41402abc4b2a76"


def settings(folder: Path, address: str, **changes: Any) -> Enrichment:
    """Return usable settings; the API is at `address`."""
    values: dict[str, Any] = {
        "enabled": True,
        "base_url": f"{address}/v1",
        "model": "grok-test",
        "input_usd_per_million": 0.2,
        "output_usd_per_million": 0.5,
        "symbols": {"PAPER": ["paper"], "BTC": ["bitcoin"]},
        "sources": [str(folder / "news.json")],
        "state_dir": str(folder / "state"),
        "key_file": str(folder / "none.key"),
        "key_env": "BOT4_TEST_KEY",
        "deadline_s": 1.0,
        "budget_usd": 10_000.0,
        "requests_per_month": 10_000_000,
    }
    return Enrichment(**{**values, **changes})


def news(folder: Path, *titles: str) -> None:
    """Write the source of `settings`."""
    items = [{"title": title} for title in titles]
    (folder / "news.json").write_bytes(msgspec.json.encode({"items": items}))


@contextlib.contextmanager
def redis_server(folder: Path, *options: str) -> Iterator["Redis"]:
    """Start Debian's redis-server on a free port, or skip with the reason."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Redis(program, folder, port, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Redis:
    """A real server, which can be killed and started again."""

    def __init__(self, program: str, folder: Path, port: int, options: tuple[str, ...]) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "no", "--loglevel", "warning", *options]
        self._process: subprocess.Popen | None = None
        self._port = port

    def start(self) -> None:
        """Start and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        """Kill it: what it has not written is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Memory:
    """A ledger in memory that can forget everything, or go back to what it was."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.epoch = 0

    def change(self, edit: Edit) -> None:
        """See Ledger."""
        kept = msgspec.json.decode(self.body, type=Account) if self.body is not None else None
        self.body = msgspec.json.encode(edit(kept, str(self.epoch)))

    def lose(self, body: bytes | None) -> None:
        """Start again with an older state, or with none."""
        self.body = body
        self.epoch += 1


def turned(start_s: float) -> tuple[Callable[[], float], Callable[[float], None]]:
    """Return a clock and what turns it."""
    at = [start_s]

    def turn(seconds: float) -> None:
        at[0] += seconds

    return lambda: at[0], turn


MADE: list[Parts] = []


def plain(wanted: Enrichment, **how: Any) -> Parts:
    """Return parts that are closed when the test ends."""
    parts = Parts(wanted, KEY, lambda account: None, **how)
    MADE.append(parts)
    return parts


def rich(wanted: Enrichment, **how: Any) -> Parts:
    """Return parts on a ledger that has been known since the month began."""
    parts = plain(wanted, **how)

    def at_zero(_kept: Account | None, epoch: str) -> Account:
        now_s = parts.clock.now_s()
        assert now_s is not None
        return Account(month_of(now_s), now_s, epoch=epoch)

    run(parts.asker.now_s())
    parts.budget.ledger.change(at_zero)
    return parts
