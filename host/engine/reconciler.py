"""Compares what a venue says with what we know, until both agree, and then all the time.

    opening   rules -> executions since the journal's cursor, orders whose end nobody knows, list of
              open orders, position; again until all of it agrees. Before, nothing is traded.
    running   the same once a period

What is open or executed and not ours was made past the decision pipeline, and so was a position that
nothing of ours explains: UNKNOWN_ORDER, a tamper alert, and trading pauses.

Executions come first: what else the venue says waits until those since the cursor are taken, for only
then is known how much of an order of an earlier run they are.

An order that the venue has never heard of may still be on its way to it from a process that was killed:
only a second answer, later, is believed. One of ours that turns up after all is taken over (STRAY_ORDER).
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from host.engine.provenance import Ids
from host.engine.restoring import Restored, saved
from host.execution import fills
from host.execution.exact import add, sub
from host.execution.journal import Journal
from host.execution.life import State
from host.execution.manager import Manager
from host.execution.order import Role
from host.execution.position import Position
from host.venues import events as ev

MS = 1_000_000
# A fill on its way makes the position differ for a moment; one that differs so often in a row does not.
DIFFERS_IN_A_ROW = 3
# Far above the ladder's numbers, so that no answer is taken for one to the other.
FIRST_REQ = 2**40
# Ids that are named in an alert, and orders that are asked for in one round.
NAMED, ASKED = 5, 32
# What says how much of an order is filled, at a time that nobody knows when it has waited.
ANSWERS = frozenset({"open_orders", "order", "position"})
# Events that wait for the executions before them.
MOST_HELD = 1000
# Between two rounds of an opening, and from the first "never heard of it" to the one that is believed.
OPENING_NS, SETTLE_NS = 100 * MS, 500 * MS


class Reconciler:
    """One venue. `strange` latches until a person has re-armed; `agreed` while nothing is open.

    ask(op, req, **more) -- sends a query
    alert(code, **data) -- tells a person; tell(kind, **data) -- for the audit log
    """

    def __init__(
        self,
        ids: Ids,
        journal: Journal,
        period_ms: int,
        deadline_ms: int,
        ask: Callable[..., None],
        alert: Callable[..., None],
        tell: Callable[..., None],
    ) -> None:
        self._ids = ids
        self._journal = journal
        self._period_ns = period_ms * MS
        self._deadline_ns = deadline_ms * MS
        self._ask = ask
        self._alert = alert
        self._tell = tell
        self._req = FIRST_REQ
        self._asked_ns = self._unanswered_ns = self._round_ns = 0
        self._answered = True
        self._manager: Manager | None = None
        self._restored = Restored(journal.left, alert)
        self._base = Position()  # what the executions before the cursor have made
        self._cursor = ""
        self._paging = self._listed = self._wants_fills = False
        self._executions = self._differs = self._owing = 0
        self._taken: set[str] = set()
        self._held: deque[dict[str, Any]] = deque(maxlen=MOST_HELD)
        self._absent_ns: dict[str, int] = {}
        self._missing: set[str] = set()
        self._open: list[ev.OpenOrder] = []
        self._named: set[str] = set()
        self.strange = False
        self.agreed = False

    def begin(self, manager: Manager, now_ns: int) -> None:
        """The venue has told its rules: take over what the journal knows, and open."""
        self._manager = manager
        self._base, self._cursor = self._restored.begin(manager, now_ns)
        self.restart()

    def restart(self) -> None:
        """The connection is new, or something is not as it should be: nothing is agreed upon."""
        self.agreed = self._listed = self._paging = False
        self._wants_fills, self._differs, self._asked_ns, self._round_ns = True, 0, 0, 0
        self._missing.clear()

    def tick(self, now_ns: int) -> None:
        """Ask when it is time; call every pass while connected."""
        wait_ns = self._period_ns if self.agreed or not self._answered else OPENING_NS
        if self._asked_ns and now_ns - self._asked_ns < wait_ns:
            return
        self._asked_ns = now_ns
        self._unanswered_ns = self._unanswered_ns or now_ns
        self._req += 1
        self._answered = False
        if self._manager is None:
            self._ask("rules", self._req)
            return
        self._round(self._manager, now_ns)

    def _round(self, manager: Manager, now_ns: int) -> None:
        self._round_ns = now_ns
        unknown, owing = manager.questions()
        traded = manager.position.executions != self._executions
        self._paging = self._wants_fills or owing or traded
        if self._paging:
            self._executions = manager.position.executions
            self._ask("fills", self._req, since=self._cursor)
        for order_id in unknown[:ASKED]:
            self._ask("order", self._req, id=order_id)
        self._ask("open_orders", self._req)
        self._ask("position", self._req)

    # -- answers ----------------------------------------------------------------------------

    def take(self, event: dict[str, Any], now_ns: int) -> bool:
        """Take one event; True when the manager should hear it as well."""
        manager, kind = self._manager, event["ev"]
        if manager is None:
            return False
        if kind == "fill":
            self.orders([event["id"]])
            self._wants_fills |= manager.orders.find(event["id"]) is None
        if not self._listed and kind != "fills":
            if kind != "fill":  # that one is in the list
                self._held.append(event)
            return False
        if kind == "cancelled":
            self._restored.cancelled(event)
        elif kind == "fills":
            self._take_fills(manager, msgspec.convert(event, ev.Fills), now_ns)
            return False
        elif kind == "order":
            return self._take_order(manager, event, now_ns)
        elif kind == "open_orders":
            self._take_list(manager, msgspec.convert(event, ev.OpenOrders), now_ns)
        elif kind == "position":
            self._take_position(manager, event, now_ns)
        return True

    def orders(self, ids: Iterable[str]) -> None:
        """Look at ids that the venue lists or reports as filled."""
        foreign = [i for i in ids if not self._ids.ours(i) and i not in self._named]
        if foreign:
            self._named.update(foreign)
            self._strange("ORDER", count=len(foreign), ids=foreign[:NAMED])

    def silent(self, now_ns: int) -> bool:
        """Return True when nothing has been answered for longer than allowed."""
        return self._unanswered_ns > 0 and now_ns - self._unanswered_ns > self._deadline_ns

    def clear(self) -> None:
        """The ladder has taken the venue's word for everything, and a person will re-arm."""
        self._unanswered_ns = 0
        self.strange = False
        self._named.clear()

    def _take_fills(self, manager: Manager, page: ev.Fills, now_ns: int) -> None:
        if page.req != self._req or not self._paging:
            return
        self.orders(fill.id for fill in page.fills)
        mine = [fill for fill in page.fills if self._ids.ours(fill.id)]
        known = [fill for fill in mine if manager.orders.find(fill.id) is not None]
        manager.hear(ev.Fills(page.req, known, ""), now_ns)
        upto = page.upto or page.next
        for fill in mine:
            done = fills.read(fill)
            name = f"{done.order} {done.trade}"
            if fill not in known and name not in self._taken:
                manager.position.take(done)  # of an order that has long ended
            self._taken.add(name)
            if upto:
                self._base.take(done)
        if upto and upto != self._cursor:
            self._cursor = upto
            self._taken.clear()
            self._journal.account(saved(self._cursor, self._base))
        if page.next:
            self._ask("fills", self._req, since=page.next)
            self._ask("position", self._req)
            return
        self._paging, self._listed = False, True
        self._wants_fills, self._executions = False, manager.position.executions
        held, self._held = self._held, deque(maxlen=MOST_HELD)
        for event in held:
            if event["ev"] in ANSWERS:
                self._answered = True  # it is older than the executions: asked again at once
            elif self.take(event, now_ns):
                manager.hear(event, now_ns)

    def _take_order(self, manager: Manager, event: dict[str, Any], now_ns: int) -> bool:
        if event["state"] != "unknown":
            self._absent_ns.pop(event["id"], None)
            return not self._restored.told(manager, event, now_ns)
        since_ns = self._absent_ns.setdefault(event["id"], now_ns)
        if now_ns - since_ns < SETTLE_NS:
            return False
        del self._absent_ns[event["id"]]
        self._tell("never_arrived", id=event["id"])
        return True

    def _take_list(self, manager: Manager, listed: ev.OpenOrders, now_ns: int) -> None:
        names = {order.id for order in listed.orders}
        self.orders(names)
        for order in listed.orders:
            self._restored.listed(order)
        if listed.req != self._req:
            return
        self._open = listed.orders
        for order in listed.orders:
            if self._ids.ours(order.id) and manager.orders.find(order.id) is None:
                self._alert("STRAY_ORDER", id=order.id, left=order.left)
                manager.orders.adopt(order, now_ns)
                manager.lost(order.id, now_ns)
                self.agreed = False
        at_venue = (State.OPEN, State.AMENDING, State.CANCELLING)
        gone = {
            order.id
            for order in manager.orders.live.values()
            if order.state in at_venue and order.since_ns < self._round_ns and order.id not in names
        }
        # Twice in a row: a fill or a cancel that crosses the list takes it off by itself.
        for order_id in gone & self._missing:
            self._tell("order_missing", id=order_id)
            manager.lost(order_id, now_ns)
        self._missing = gone - self._missing

    def _take_position(self, manager: Manager, event: dict[str, Any], now_ns: int) -> None:
        if event["req"] > FIRST_REQ:
            self._unanswered_ns = 0
        if event["req"] != self._req or self._paging:
            return
        self._answered = True
        theirs, ours = Decimal(event["qty"]), manager.position.qty
        self._differs = self._differs + 1 if theirs != ours else 0
        self._wants_fills |= theirs != ours
        if self._differs >= DIFFERS_IN_A_ROW:
            self._differing(manager, ours, theirs, Decimal(event["cash"]), now_ns)
        elif not self.agreed and theirs == ours and self._listed:
            self._agree(manager, theirs)

    def _agree(self, manager: Manager, position: Decimal) -> None:
        unknown, owing = manager.questions()
        self._owing = self._owing + 1 if owing else 0
        if self._owing >= DIFFERS_IN_A_ROW:
            # Everything is listed and the position is right: nothing is missing, whatever was counted.
            for order in manager.orders.owing():
                self._tell("nothing_owed", id=order.id)
                manager.orders.settle(order)
            owing = False
        if unknown or owing or self._missing:
            return
        self.agreed = True
        entries = [order.id for order in manager.orders.of(Role.ENTRY)]
        self._tell(
            "reconciled",
            position=f"{position:f}",
            cursor=self._cursor,
            open_orders=len(manager.orders.live),
            entries=entries[:NAMED],
        )

    def _differing(
        self, manager: Manager, ours: Decimal, theirs: Decimal, cash: Decimal, now_ns: int
    ) -> None:
        """Tell, and take the venue's word: a person at the box decides whether to go on with it."""
        self._strange("POSITION", ours=f"{ours:f}", theirs=f"{theirs:f}")
        if self.agreed:
            self.restart()
            return
        off = sub(theirs, ours), sub(cash, manager.position.cash)
        price = manager.mark or Decimal(0)
        manager.adopt(self._open, theirs, cash, price, now_ns)
        base = self._base
        base.adopt(add(base.qty, off[0]), add(base.cash, off[1]), price)
        self._journal.account(saved(self._cursor, base))
        self._differs = 0

    def _strange(self, what: str, **data: Any) -> None:
        self.strange = True
        self._alert("UNKNOWN_ORDER", what=what, **data)
