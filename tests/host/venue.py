"""An engine's end of one venue without sockets: reconciler, manager and journal over the paper desk.

Time is turned by hand. What the venue says waits in `out` until the next turn, and can be lost there.
"""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
from host.hotpath.wal import INTENT

from host.engine.provenance import Ids
from host.engine.reconciler import Reconciler
from host.execution.journal import Journal, next_run
from host.execution.manager import Manager
from host.execution.order import Role
from host.execution.repricing import Policy
from host.execution.rules import Rules
from host.execution.sending import Outcome, Request
from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.market import Row
from host.paper.market import Rules as Taken
from host.venues import events as ev
from host.venues import messages as m

MS = 1_000_000
PERIOD_MS, DEADLINE_MS = 100, 500


class Venue:
    """The paper venue's account, which outlives every engine."""

    def __init__(self) -> None:
        self.book = Book(Taken(D("0.01")))
        self.desk = Desk(self.book)
        self.row(100)

    def row(self, price: float) -> list[ev.Ev]:
        """Play one row of one price."""
        at = D(str(price))
        return self.book.on_row(Row(1, at, at, at, at))

    def ask(self, packet: dict[str, Any]) -> list[ev.Ev]:
        """Return what the venue answers to a packet, to whomever."""
        try:
            result = self.desk.handle("trade", m.understand(msgspec.json.encode(packet)))
        except m.BadMessage as error:
            result = self.desk.refuse("trade", error)
        return [*result.to_sender, *result.to_traders]


class Engine:
    """One run of an engine; `Engine(venue, folder)` again is the next one, after a kill.

    lose -- kinds of events that do not arrive
    """

    def __init__(self, venue: Venue, folder: Path) -> None:
        self.venue = venue
        self.journal = Journal(folder / "orders.journal")
        self.ids = Ids("trend", next_run([self.journal], 1_000))
        self.journal.begin(int(self.ids.run, 16))
        self.out: list[dict[str, Any]] = []
        self.lose: set[str] = set()
        self.alerts: list[dict[str, Any]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.manager: Manager | None = None
        self.now_ns = 10**9
        self.asked: list[dict[str, Any]] = []
        self.reconciler = Reconciler(
            self.ids, self.journal, PERIOD_MS, DEADLINE_MS, self.ask, self.alert, self.tell
        )

    def ask(self, op: str, req: int, **more: Any) -> None:
        """Send a query."""
        packet = {"op": op, "req": req, **more}
        self.asked.append(packet)
        self.hear(self.venue.ask(packet))

    def alert(self, code: str, **data: Any) -> None:
        self.alerts.append({"code": code, **data})

    def tell(self, kind: str, **data: Any) -> None:
        if kind == "alert":
            self.alerts.append(data)
        self.told.append((kind, data))

    def hear(self, events: list[ev.Ev]) -> None:
        """Put what the venue says onto its way."""
        said = [msgspec.json.decode(msgspec.json.encode(event)) for event in events]
        self.out += [event for event in said if event["ev"] not in self.lose]

    def send(self, request: Request) -> Outcome:
        """Send what the manager wants."""
        self.leave(msgspec.to_builtins(request))
        return Outcome.SENT

    def leave(self, packet: dict[str, Any], arrives: bool = True) -> None:
        """Write a request down as gate and engine do; it leaves, or the engine is killed before."""
        if packet["op"] != "cancel":
            assert self.journal.wal.append(INTENT, msgspec.json.encode(packet))
        if arrives:
            self.journal.sent(packet)
            self.hear(self.venue.ask(packet))

    def enter(self, qty: str, price: str = "100", arrives: bool = True) -> str:
        """Send an entry as the compiled path does; return its id."""
        order = m.New(self.ids.make("trend", 1), "OPEN", "buy", "limit", qty, price)
        if arrives:
            assert self.manager is not None
            self.manager.sent(order, self.now_ns, Role.ENTRY)
        self.leave(msgspec.to_builtins(order), arrives)
        return order.id

    def turn(self, ms: int = 100, price: float | None = None) -> "Engine":
        """Let time pass in steps of 10 ms, with a row of a price in each."""
        for _ in range(ms // 10):
            self.now_ns += 10 * MS
            if price is not None:
                self.hear(self.venue.row(price))
            self.reconciler.tick(self.now_ns)
            while self.out:
                self._take(self.out.pop(0))
            if self.manager is not None:
                self.manager.tick(self.now_ns, None if price is None else D(str(price)))
                for order_id in self.journal.pending():
                    order = self.manager.orders.find(order_id)
                    if order is not None and order.ended:
                        self.journal.ended(order_id)
        return self

    def kill(self) -> None:
        """End it as SIGKILL does: nothing more is written."""
        self.journal.close()

    def codes(self) -> list[str]:
        """Return the codes of all alerts."""
        return [alert["code"] for alert in self.alerts]

    def _take(self, event: dict[str, Any]) -> None:
        if event["ev"] == "rules" and self.manager is None:
            rules = Rules.of(msgspec.convert(event, ev.Rules))
            policy = Policy(D(300))
            make = lambda: self.ids.make("trend", 1)  # noqa: E731
            self.manager = Manager(rules, policy, make, self.send, self.tell)
            self.manager.active = False
            self.reconciler.begin(self.manager, self.now_ns)
        elif self.reconciler.take(event, self.now_ns) and self.manager is not None:
            self.manager.active = self.reconciler.agreed
            self.manager.hear(event, self.now_ns)
