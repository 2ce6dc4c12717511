"""The engine's loop: one thread, no waiting but for its sockets."""

import select
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from host import layout, modes, shm
from host.config import Config
from host.engine.checks.limits import loosened, number
from host.engine.conditions import Conditions
from host.engine.emergency.ladder import Ladder
from host.engine.emergency.progress import Progress
from host.engine.orders import Book
from host.engine.port import VenuePort
from host.engine.provenance import Ids
from host.engine.reconciler import Reconciler
from host.engine.trader import Trader
from host.engine.venue import VenueConnection, VenueLost
from host.guard.client import GuardClient
from host.hotpath.gate import Gate
from host.hotpath.riskcheck import RiskCheck
from host.modes import Reason, TradingMode

HEARTBEAT_MS = 5
RECONNECT_MS = 200
VENUE = "paper"


class Engine:
    """Trades one instrument at one venue, through one gate."""

    def __init__(
        self, guard: GuardClient, venue_path: Path, config: Config, progress: Progress
    ) -> None:
        self.running = True
        self.page = shm.create(layout.KIND_ENGINE, "engine")
        self._beat()
        self._guard = guard
        unfinished = progress.unfinished()
        reply, self._guard_page, fds = guard.attach("engine", self.page)
        self._venue_path = venue_path
        self._feed: VenueConnection | None = None
        self._reached_ns = 0
        self._venue_cash = Decimal(0)
        self._emergency = True
        self._conditions = Conditions(self.page.words)
        self._book = Book()
        self._checks = RiskCheck(config.limits)
        ids = Ids(config.strategy.id, time.time_ns() // 1_000_000)
        gate = make_gate(self._guard_page, self.page, reply, fds)
        most_age_ns = number(config.limits.max_data_age_s) * 1e9
        self._port = VenuePort(
            VENUE, gate, ids, self._book, self._checks, most_age_ns, lambda: self._mode()[2]
        )
        self._ladder = Ladder(
            [self._port],
            config.emergency,
            progress,
            self.event,
            lambda epoch: guard.tell(op="liquidate", epoch=epoch),
            lambda: self._guard_page.words.load(layout.GUARD_LADDER_TOKEN),
        )
        self._reconciler = Reconciler(
            ids, config.reconciliation.period_ms, self._port.ask, self.alert
        )
        self._trader = Trader(
            config.strategy,
            config.limits,
            self._checks,
            self._book,
            ids,
            self._port,
            lambda: self._mode()[::2],
            lambda: self._ladder.done,
            self.event,
        )
        for rail, why in loosened(config.limits).items():
            self.event("rail_loosened", rail=rail, why=why[:200])
        if unfinished is not None:
            self.event("ladder_unfinished", reason=unfinished.name)
            guard.tell(op="resume", reason=unfinished.name)

    def run(self) -> None:
        """Serve until `running` is cleared or the guard is gone (then the supervisor restarts us)."""
        poller = select.poll()
        poller.register(self._guard.sock, select.POLLIN)
        while self.running:
            self._reach_venue(poller)
            for fd, _event in poller.poll(HEARTBEAT_MS):
                if fd == self._guard.sock.fileno():
                    self._guard.receive()  # it says nothing to us: an end of the connection raises
                else:
                    self._hear(poller, fd)
            self._follow_mode()
            self._beat()

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))

    def alert(self, code: str, **data: Any) -> None:
        """Push an event that wants a person; the recorder delivers it."""
        self.event("alert", code=code, venue=VENUE, **data)

    def _beat(self) -> None:
        self.page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())

    def _mode(self) -> tuple[TradingMode, Reason, int]:
        return modes.unpack(self._guard_page.words.load(layout.GUARD_MODE))

    # -- venue ------------------------------------------------------------------------------

    def _reach_venue(self, poller: select.poll) -> None:
        port = self._port
        if port.connection is not None and self._feed is not None:
            return
        now_ns = time.monotonic_ns()
        if now_ns - self._reached_ns < RECONNECT_MS * 1_000_000:
            return
        self._reached_ns = now_ns
        try:
            if port.connection is None:
                port.connection = VenueConnection(self._venue_path, "trade")
                poller.register(port.connection, select.POLLIN)
                self._ladder.restart(VENUE, now_ns)
            if self._feed is None:
                self._feed = VenueConnection(self._venue_path, "feed")
                poller.register(self._feed, select.POLLIN)
        except VenueLost as error:
            self.event("venue_lost", error=str(error))
            return
        self._conditions.set(Reason.VENUE_LOST, False)
        self._conditions.set(Reason.FEED_LOST, False)

    def _hear(self, poller: select.poll, fd: int) -> None:
        for connection in (self._port.connection, self._feed):
            if connection is None or connection.fileno() != fd:
                continue
            try:
                for event in connection.receive():
                    self._take(event)
            except VenueLost as error:
                self._lose(poller, connection, error)

    def _lose(self, poller: select.poll, connection: VenueConnection, error: VenueLost) -> None:
        poller.unregister(connection)
        connection.close()
        if connection is self._port.connection:
            self._port.connection = None
            self._conditions.set(Reason.VENUE_LOST, True)
        else:
            self._feed = None
            self._conditions.set(Reason.FEED_LOST, True)
        self.event("venue_lost", error=str(error))

    def _take(self, event: dict[str, Any]) -> None:
        match event["ev"]:
            case "bar" | "trade" | "quote":
                self._trader.take_row(event)
                breached = self._checks.lost and not self._emergency
                self._conditions.set(Reason.DRAWDOWN, breached)
                return
            case "end":
                self._conditions.set(Reason.FEED_LOST, True)
                self.event("feed_ended", rows=event["rows"])
            case "fill":
                self._book.filled(event)
                self._checks.executed(time.monotonic_ns())
                self._reconciler.orders([event["id"]])
                self.event("fill", **{key: event[key] for key in event if key != "ev"})
            case "reject" | "cancelled":
                self._book.ended(event["id"])
                self.event(event["ev"], id=event["id"], reason=event.get("reason", ""))
            case "cancelled_all":
                for order_id in event["ids"]:
                    self._book.ended(order_id)
            case "open_orders":
                self._reconciler.orders([order["id"] for order in event["orders"]])
            case "position":
                self._venue_cash = Decimal(event["cash"])
                self._reconciler.position(event, self._book.position)
        self._ladder.take(VENUE, event, time.monotonic_ns())
        self._conditions.set(Reason.UNKNOWN_ORDER, self._reconciler.strange)

    # -- modes ------------------------------------------------------------------------------

    def _follow_mode(self) -> None:
        mode, reason, epoch = self._mode()
        now_ns = time.monotonic_ns()
        if mode == TradingMode.EMERGENCY and self._ladder.epoch != epoch:
            self._emergency = True
            self._ladder.begin(epoch, reason, now_ns)
        if self._ladder.tick(now_ns):
            self._worked_off()
        if mode == TradingMode.EMERGENCY:
            return
        if self._emergency:
            self._emergency = False
            self._checks.rearmed()
        if mode == TradingMode.PAUSED:
            self._trader.cancel_entries()
        if self._port.reachable():
            self._reconciler.tick(now_ns)

    def _worked_off(self) -> None:
        """The venue has confirmed everything: take over what it says, and let a person re-arm."""
        theirs = self._ladder.venues[VENUE].position
        ours = self._book.position
        if self._book.reconciled(theirs, self._venue_cash):
            # The venue knows better: a fill may have crossed the halt, or we have just started.
            self.event("reconciled", ours=str(ours), venue=str(theirs))
        # What latched is lowered here, before the re-arm, or it would step down again at once; the
        # checks themselves go on refusing until a person has re-armed.
        self._reconciler.clear()
        for latched in (Reason.DRAWDOWN, Reason.UNKNOWN_ORDER):
            self._conditions.set(latched, False)
        self._guard.tell(op="ladder", epoch=self._ladder.epoch)


def make_gate(guard: shm.Page, own: shm.Page, reply: dict[str, Any], fds: list[int]) -> Gate:
    """Build the gate from what the guard handed over. Raises ValueError when it is not enough."""
    if len(fds) != 1:
        raise ValueError("the guard handed over no way to read the HALT level")
    if reply["level"] == "ioctl":
        return Gate(guard.words, own.words, level_fd=fds[0])
    return Gate(guard.words, own.words, levels=shm.level_words(fds[0]), level_index=reply["word"])
