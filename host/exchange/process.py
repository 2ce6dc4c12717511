"""The connector's life: markets first, then the guard, then the socket; and back in the other order."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from host import layout, modes, shm
from host.exchange import client, server
from host.exchange.capabilities import Exchange
from host.exchange.client import Settings
from host.exchange.connector import Connector
from host.exchange.feed import Feed
from host.exchange.keys import Keys
from host.guard.client import GuardClient, GuardUnreachable
from host.hotpath.wiregate import WireGate
from host.modes import TradingMode

HEARTBEAT_S = 0.005
# Of one kind of complaint, so many in a minute are printed; the rest is counted.
_MOST_A_MINUTE = 20


class Log:
    """Complaints: on stderr and, where there is one, on the record; without secrets, never a flood."""

    def __init__(self, name: str, keys: Keys, record: Callable[..., None] | None = None) -> None:
        self._name, self._keys, self._record = name, keys, record
        self._minute, self._count = 0, Counter[str]()

    def __call__(self, text: str) -> None:
        """Print one line."""
        minute, kind = int(time.monotonic() // 60), text[:24]
        if minute != self._minute:
            self._minute, self._count = minute, Counter()
        self._count[kind] += 1
        if self._count[kind] > _MOST_A_MINUTE:
            return
        shown = self._keys.hide(text)
        print(f"exchange {self._name}: {shown}", file=sys.stderr, flush=True)
        if self._record is not None:
            self._record("exchange_complaint", exchange=self._name, text=shown)


class Attached:
    """This process at the guard, as one of its engines: a page of its own, and the gate."""

    def __init__(self, run_dir: Path, name: str) -> None:
        self._page = shm.create(layout.KIND_ENGINE, name)
        self._epoch = -1
        self.beat()
        self.guard = GuardClient(run_dir)
        reply, page, fds = self.guard.attach("engine", self._page, name)
        self.words = page.words
        if len(fds) != 1:
            raise ValueError("the guard handed over no way to read the HALT level")
        if reply["level"] == "ioctl":
            self.gate = WireGate(page.words, self._page.words, level_fd=fds[0])
        else:
            levels = shm.level_words(fds[0])
            self.gate = WireGate(page.words, self._page.words, -1, levels, reply["word"])

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self._page.ring.push(msgspec.json.encode(record))

    def beat(self) -> None:
        """Show the guard that this process is alive."""
        self._page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())

    def follow(self) -> None:
        """In an emergency say that nothing of ours is on its way any more.

        The ladder is the engine's; but a person may re-arm only once every process that holds a gate has
        said that its part is done.
        """
        mode, _reason, epoch = modes.unpack(self.words.load(layout.GUARD_MODE))
        idle = self._page.words.load(layout.ENGINE_SLOT) == 0
        if mode == TradingMode.EMERGENCY and epoch != self._epoch and idle:
            self._epoch = epoch
            self.event("gate_idle", epoch=epoch, resets=self.gate.resets)
            self.guard.tell(op="ladder", epoch=epoch)


async def beating(attached: Attached, lost: Callable[[], None]) -> None:
    """Show that the event loop turns, and follow the mode, until the guard has gone."""
    loop = asyncio.get_running_loop()
    loop.add_reader(attached.guard.sock, lost)
    try:
        while True:
            attached.beat()
            attached.follow()
            await asyncio.sleep(HEARTBEAT_S)
    except GuardUnreachable:
        lost()
    finally:
        loop.remove_reader(attached.guard.sock)


@contextlib.asynccontextmanager
async def looked_after(gate: WireGate) -> AsyncIterator[None]:
    """Have a thread look after the send queues."""
    thread = threading.Thread(target=gate.watch, name="wiregate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        gate.stop()
        thread.join()


async def serve(
    settings: Settings,
    row: Exchange,
    keys: Keys,
    gate: WireGate,
    guard: Any,
    markets: Any,
    stop: asyncio.Event,
    ready: Callable[[], None],
    record: Callable[..., None] | None = None,
) -> None:
    """Serve until `stop`. Raises ccxt's errors when the exchange cannot be reached at first.

    guard -- words of the guard's page
    markets -- of `client.markets`
    record(kind, **data) -- onto the audit record
    """
    alarm = Log(settings.exchange, keys, record)
    x = client.make(settings, row, keys, gate, markets, alarm)
    tasks: list[asyncio.Task[None]] = []
    try:
        async with looked_after(gate):
            await x.load_time_difference()
            connector = Connector(
                client.dialect(settings, x), row, gate, guard, settings.strategies,
                lambda event: door.tell(event), alarm,
            )  # fmt: skip
            await connector.begin()
            with contextlib.closing(server.listen(settings.socket)) as listener:
                feed = Feed(x, settings.symbol, lambda row: door.tell_feed(row), alarm)
                door = server.Server(listener, connector.handle, feed.wanted.set, alarm)
                watching = connector.looking
                tasks = [
                    asyncio.create_task(feed.run()),
                    asyncio.create_task(watching.run((settings.poll_ms or row.poll_ms) / 1000)),
                    asyncio.create_task(watching.listen(x.watch_orders, settings.symbol)),
                ]
                ready()
                await stop.wait()
                await door.close()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        Path(settings.socket).unlink(missing_ok=True)
        await client.close(x)
