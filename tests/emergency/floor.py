"""Venues in this process, a clock turned by hand, and a guard that grants: no sockets, no sleep."""

import itertools
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec

from host import refusals
from host.engine.emergency.ladder import Ladder
from host.engine.emergency.liquidation import would_open
from host.engine.emergency.port import Port
from host.engine.emergency.progress import Progress
from host.engine.emergency.settings import Emergency
from host.modes import Intent, Reason
from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m

SECOND = 1_000_000_000
TOKEN = 77
SETTINGS = Emergency(slice_value_quote=300.0, slippage_bps=20.0, most_slippage_bps=100.0)


class PaperPort:
    """The paper venue's own desk and book behind the ladder's port; what it answers waits in `out`.

    away -- nothing gets through, and nothing is answered
    mute -- kinds of events that are lost on their way back
    refuse(message) -> reason or None -- stands in for a venue with rules of its own
    """

    numbers = itertools.count(1)

    def __init__(
        self, name: str = "paper", min_notional: str = "0", reduce_only: bool = True
    ) -> None:
        self.name = name
        self.reduce_only = reduce_only
        self.position: D | None = None
        self.book = Book(Rules(D("0.01"), min_notional=D(min_notional)))
        self.desk = Desk(self.book)
        self.out: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        self.away = False
        self.mute: set[str] = set()
        self.refuse: Any = lambda message: None
        self.token_now = lambda: 0
        self.own_price: D | None = None
        self.last: D | None = None
        self.known: list[str] = []
        self.ours: bool | None = True

    def reachable(self) -> bool:
        return not self.away

    def send(self, request: dict[str, Any], intent: Intent, token: int = 0) -> int:
        if self.away:
            return refusals.SEND_FAILED
        if intent == Intent.LIQUIDATE and (not token or token != self.token_now()):
            return refusals.NO_TOKEN
        if intent == Intent.LIQUIDATE and would_open(self.position, request):
            return refusals.REDUCE_WOULD_INCREASE
        plain = intent == Intent.LIQUIDATE and not request["reduce_only"]
        if plain:
            assert not self.reduce_only, "a plain order where there are reduce-only ones"
            assert self.book.open_orders() == [], "a plain order beside another one"
        assert request["intent"] == intent.name
        self.sent.append(request)
        why = self.refuse(request)
        if why:
            self._answer([ev.Reject(request.get("id"), why)])
        else:
            self.handle(request)
        return refusals.SENT

    def ask(self, op: str, req: int) -> None:
        assert not self.away, "a question to a venue that is away"
        self.handle({"op": op, "req": req})

    def handle(self, message: dict[str, Any]) -> None:
        """Have the paper venue take a message, ours or somebody else's."""
        self.given.append(message)
        try:
            result = self.desk.handle("trade", m.understand(msgspec.json.encode(message)))
        except m.BadMessage as error:
            result = self.desk.refuse("trade", error)
        self._answer([*result.to_sender, *result.to_traders])

    def new_id(self) -> str:
        return f"l{next(self.numbers)}"

    def entries(self) -> list[str]:
        return self.known

    def stops(self, order_id: str) -> bool:
        return any(o.get("id") == order_id and o.get("stop") for o in self.given)

    def explained(self) -> bool | None:
        return self.ours

    def flying(self, order_id: str) -> bool:
        return any(order.id == order_id for order in self.book.open_orders())

    def price(self) -> D | None:
        return self.own_price

    def last_price(self) -> D | None:
        return self.last

    def trade(self, low: str, high: str | None = None, volume: str | None = None) -> None:
        """Play one row that opens at `low` and trades up to `high`."""
        first, top = D(low), D(high or low)
        row = Row(1, first, first, first, top, None if volume is None else D(volume))
        self._answer(self.book.on_row(row))

    def hold(self, qty: str, price: str = "100") -> None:
        """Give the account a position, bought (or sold) at `price`, and forget the answers."""
        side = "sell" if qty.startswith("-") else "buy"
        order_id = f"in{next(self.numbers)}"
        self.handle(new(order_id, side, qty.lstrip("-")))
        self.trade(price)
        self.out.clear()
        assert self.book.position != 0

    def _answer(self, events: Any) -> None:
        if not self.away:
            for event in events:
                self._heard(event)
            shown = [msgspec.json.decode(msgspec.json.encode(event)) for event in events]
            self.out += [event for event in shown if event["ev"] not in self.mute]

    def _heard(self, event: Any) -> None:
        """Know the position as the engine's port does: by what has arrived."""
        if event.__struct_config__.tag in self.mute:
            return
        if isinstance(event, ev.Position):
            self.position = D(event.qty)
        elif isinstance(event, ev.Fill) and self.position is not None:
            self.position += D(event.qty) if event.side == "buy" else -D(event.qty)


def new(order_id: str, side: str, qty: str, **more: Any) -> dict[str, Any]:
    """An order of a trader."""
    order = {"op": "new", "id": order_id, "intent": "OPEN", "side": side, "type": "market"}
    return order | {"qty": qty, "price": None, "reduce_only": False} | more


def stop(order_id: str, side: str, qty: str, at: str) -> dict[str, Any]:
    """A protective stop of a trader."""
    return new(order_id, side, qty, intent="REDUCE", type="stop", stop=at, reduce_only=True)


class Floor:
    """A ladder over paper venues."""

    def __init__(
        self,
        folder: Path,
        *ports: PaperPort,
        settings: Emergency = SETTINGS,
        grants: bool = True,
        own: dict[str, Emergency] | None = None,
    ) -> None:
        self.own = own
        self.ports = ports or (PaperPort(),)
        self.settings = settings
        self.progress = Progress(folder / "ladder.json")
        self.grants = grants
        self.events: list[dict[str, Any]] = []
        self.now_ns = 5 * SECOND
        self.token = 0
        self.asked: list[int] = []
        self.finished = 0
        self.build()

    @property
    def port(self) -> PaperPort:
        """The only venue."""
        (port,) = self.ports
        return port

    def build(self) -> None:
        """Make the ladder, as an engine does that has just started."""
        self.token = 0
        for port in self.ports:
            port.token_now = lambda: self.token
            port.out.clear()
        ports: list[Port] = list(self.ports)
        self.ladder = Ladder(
            ports,
            self.settings,
            self.progress,
            self.tell,
            self.ask_token,
            lambda: self.token,
            self.own,
        )

    def tell(self, kind: str, **data: Any) -> None:
        """Keep an event; all of them must fit into the recorder's ring."""
        assert len(msgspec.json.encode({"kind": kind, "mono_ns": 2**63, "data": data})) <= 1008
        self.events.append({"kind": kind, **data})

    def ask_token(self, epoch: int) -> None:
        """Stand in for the guard."""
        self.asked.append(epoch)
        if self.grants:
            self.token = TOKEN

    def begin(self, reason: Reason = Reason.DRAWDOWN, epoch: int = 9) -> None:
        """Begin an emergency; DRAWDOWN is one that liquidates."""
        self.ladder.begin(epoch, reason, self.now_ns)

    def run(self, seconds: float = 1.0, price: str | None = "100") -> "Floor":
        """Let time pass in steps of 100 ms; a row trades in each when there is a price."""
        for _ in range(round(seconds * 10)):
            self.pass_events()
            if price is not None:
                for port in self.ports:
                    if not port.away and not port.desk.maintenance:
                        port.trade(price)
            self.now_ns += SECOND // 10
            self.finished += self.ladder.tick(self.now_ns)
        self.pass_events()
        self.finished += self.ladder.tick(self.now_ns)
        return self

    def pass_events(self) -> None:
        """Hand over every answer that waits, and those that follow from it."""
        for port in self.ports:
            while port.out:
                self.ladder.take(port.name, port.out.pop(0), self.now_ns)

    def alerts(self) -> list[str]:
        """Codes of all alerts so far."""
        return [event["code"] for event in self.events if event["kind"] == "alert"]

    def slices(self) -> list[dict[str, Any]]:
        """Every slice that left."""
        return [
            event
            for event in self.events
            if event["kind"] == "slice" and event["outcome"] == "SENT"
        ]
