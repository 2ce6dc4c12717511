"""The engine's loop: one thread, no waiting but for its sockets."""

import select
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from host import layout, modes, refusals, shm
from host.engine import risk, strategy
from host.engine.ladder import Ladder
from host.engine.orders import Book, Order
from host.engine.venue import VenueConnection, VenueLost
from host.guard.client import GuardClient
from host.hotpath.gate import Gate
from host.modes import Intent, Reason, TradingMode

HEARTBEAT_MS = 5
RECONNECT_MS = 200
# Value of one lot in quote currency: a hundredth of the largest position.
LOT_SHARE = 0.01
# Rows that an entry may rest before it is cancelled and decided anew.
ENTRY_ROWS = 3
NO_SHARE = 0.0
PRICE_DECIMALS = 8


class Engine:
    """Trades one instrument at one venue, through one gate."""

    def __init__(self, guard: GuardClient, venue_path: Path, limits: risk.Limits) -> None:
        self.running = True
        self.page = shm.create(layout.KIND_ENGINE, "engine")
        self._beat()
        self._guard = guard
        reply, self._guard_page, fds = guard.attach("engine", self.page)
        self._gate = make_gate(self._guard_page, self.page, reply, fds)
        self._limits = limits
        self._venue_path = venue_path
        self._feed: VenueConnection | None = None
        self._trade: VenueConnection | None = None
        self._reached_ns = 0
        self._features = strategy.Features()
        self._book = Book()
        self._ladder = Ladder(self._cancel_all, self._ask)
        self._lot = Decimal(0)
        self._row = 0
        self._row_ns = 0
        self._number = 0
        self._run = time.time_ns() // 1_000_000
        self._refused_epoch = 0

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

    def _beat(self) -> None:
        self.page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())

    def _mode(self) -> tuple[TradingMode, Reason, int]:
        return modes.unpack(self._guard_page.words.load(layout.GUARD_MODE))

    # -- venue ------------------------------------------------------------------------------

    def _reach_venue(self, poller: select.poll) -> None:
        if self._trade is not None and self._feed is not None:
            return
        now_ns = time.monotonic_ns()
        if now_ns - self._reached_ns < RECONNECT_MS * 1_000_000:
            return
        self._reached_ns = now_ns
        try:
            if self._trade is None:
                self._trade = VenueConnection(self._venue_path, "trade")
                poller.register(self._trade, select.POLLIN)
            if self._feed is None:
                self._feed = VenueConnection(self._venue_path, "feed")
                poller.register(self._feed, select.POLLIN)
        except VenueLost as error:
            self.event("venue_lost", error=str(error))
            return
        self._condition(Reason.NONE)
        self._ladder.restart()

    def _hear(self, poller: select.poll, fd: int) -> None:
        for connection in (self._trade, self._feed):
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
        if connection is self._trade:
            self._trade = None
            self._condition(Reason.VENUE_LOST)
        else:
            self._feed = None
            self._condition(Reason.FEED_LOST)
        self.event("venue_lost", error=str(error))

    def _condition(self, reason: Reason) -> None:
        """Tell the guard, in our own page, how far we want to be stepped down."""
        self.page.words.store(layout.ENGINE_CONDITION, reason)

    def _take(self, event: dict[str, Any]) -> None:
        match event["ev"]:
            case "bar" | "trade" | "quote":
                self._take_row(event)
            case "end":
                self._condition(Reason.FEED_LOST)
                self.event("feed_ended", rows=event["rows"])
            case "fill":
                self._book.filled(event)
                self.event("fill", **{key: event[key] for key in event if key != "ev"})
            case "reject" | "cancelled":
                self._book.ended(event["id"])
                self.event(event["ev"], id=event["id"], reason=event.get("reason", ""))
            case "cancelled_all":
                for order_id in event["ids"]:
                    self._book.ended(order_id)
                self._work_ladder(event)
            case "open_orders" | "position":
                self._work_ladder(event)

    # -- emergency --------------------------------------------------------------------------

    def _follow_mode(self) -> None:
        mode, _reason, epoch = self._mode()
        if mode == TradingMode.EMERGENCY and self._ladder.epoch != epoch and self._trade:
            self.event("ladder_begun", epoch=epoch)
            self._ladder.begin(epoch)
        if self._trade is not None:
            self._ladder.retry()

    def _work_ladder(self, event: dict[str, Any]) -> None:
        confirmed = self._ladder.take(event)
        if confirmed is None:
            return
        ours, theirs = self._book.position, Decimal(confirmed)
        self._book.open.clear()
        if ours != theirs:
            # The venue knows better: a fill may have crossed the halt, or we have just started.
            self.event("reconciled", ours=str(ours), venue=str(theirs))
            self._book.position = theirs
        self._guard.tell(op="ladder", epoch=self._ladder.epoch)

    def _cancel_all(self) -> None:
        code = self._send({"op": "cancel_all", "intent": "CANCEL"}, Intent.CANCEL)
        self.event("cancel_all", outcome=refusals.NAMES[code])

    def _ask(self, op: str, req: int) -> None:
        if self._trade is not None:
            self._trade.ask(op=op, req=req)

    # -- trading ----------------------------------------------------------------------------

    def _take_row(self, row: dict[str, Any]) -> None:
        price = row.get("close") or row.get("price") or (row["bid"] + row["ask"]) / 2
        self._row = row["row"]
        self._row_ns = time.monotonic_ns()
        self._features.update(price)
        if not self._lot:
            value = self._limits.max_position_value * LOT_SHARE
            self._lot = plain(strategy.lot_size(price, value))
        self._cancel_stale()
        if not self._book.open:
            self._decide(price)

    def _cancel_stale(self) -> None:
        for order in self._book.open.values():
            if order.opens and not order.cancelling and self._row - order.sent_row >= ENTRY_ROWS:
                order.cancelling = True
                request = {"op": "cancel", "id": order.id, "intent": "CANCEL"}
                code = self._send(request, Intent.CANCEL)
                self.event("cancel", id=order.id, outcome=refusals.NAMES[code])

    def _decide(self, price: float) -> None:
        """Propose what leads from the position to the target: never through zero in one order."""
        mode, _reason, _epoch = self._mode()
        share = modes.LIMIT_SHARE.get(mode, NO_SHARE)
        # In a stopped mode the decision goes on at full limits, and the gate refuses it.
        max_lots = int(self._limits.max_position_value / (price * float(self._lot)))
        target = strategy.target_lots(self._features.signal(), max_lots, share or 1.0)
        delta = target - int(self._book.position / self._lot)
        most = int(self._limits.max_order_value * (share or 1.0) / (price * float(self._lot)))
        lots = max(-most, min(most, delta))
        if lots:
            self._propose(lots, price, share or 1.0)

    def _propose(self, lots: int, price: float, share: float) -> None:
        opens = lots > 0
        quantity = abs(lots) * self._lot
        proposal = risk.Proposal(1 if opens else -1, float(quantity), price, opens)
        age_ms = (time.monotonic_ns() - self._row_ns) / 1e6
        position = float(self._book.position)
        open_orders = len(self._book.open)
        code = risk.check(proposal, self._limits, share, position, open_orders, price, age_ms)
        if code == refusals.SENT and not self._ladder.done:
            code = refusals.NOT_RECONCILED
        intent = Intent.OPEN if opens else Intent.REDUCE
        self._number += 1
        order_id = f"{self._run:x}-{self._number}"
        request = {
            "op": "new",
            "id": order_id,
            "intent": intent.name,
            "side": "buy" if opens else "sell",
            "type": "limit" if opens else "market",
            "qty": f"{quantity:f}",
            "price": f"{plain(price):f}" if opens else None,
            "reduce_only": not opens,
        }
        if code == refusals.SENT:
            code = self._send(request, intent)
        if code == refusals.SENT:
            order = Order(order_id, proposal.side, quantity, plain(price), opens, self._row)
            self._book.sent(order)
            self.event("order", row=self._row, **request)
        else:
            self._refused(code, request)

    def _send(self, request: dict[str, Any], intent: Intent) -> int:
        if self._trade is None:
            return refusals.SEND_FAILED
        return self._gate.send(self._trade.fileno(), msgspec.json.encode(request), intent)

    def _refused(self, code: int, request: dict[str, Any]) -> None:
        """Record the first refusal of each mode epoch; the page counts all of the gate's."""
        epoch = self._mode()[2]
        if epoch != self._refused_epoch:
            self._refused_epoch = epoch
            self.event("order_refused", code=refusals.NAMES[code], epoch=epoch, **request)


def plain(number: float) -> Decimal:
    """Return a price or lot as the venue takes it: at most PRICE_DECIMALS decimals."""
    return Decimal(repr(round(number, PRICE_DECIMALS)))


def make_gate(guard: shm.Page, own: shm.Page, reply: dict[str, Any], fds: list[int]) -> Gate:
    """Build the gate from what the guard handed over. Raises ValueError when it is not enough."""
    if len(fds) != 1:
        raise ValueError("the guard handed over no way to read the HALT level")
    if reply["level"] == "ioctl":
        return Gate(guard.words, own.words, level_fd=fds[0])
    return Gate(guard.words, own.words, levels=shm.level_words(fds[0]), level_index=reply["word"])
