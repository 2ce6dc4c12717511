"""The cancel rung at one venue, and what every rung there shares: steps, questions, deadlines.

    LISTING -> CANCELLING -> LISTING -> POSITION -> DONE

Time is passed in. An empty list followed by a position is proof: fills come from open orders only.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from typing import Any

from host.engine.emergency import stops
from host.engine.emergency.liquidation import ZERO
from host.engine.emergency.port import Port
from host.engine.emergency.settings import Emergency
from host.modes import Intent, Rung

MS = 1_000_000


class Step(IntEnum):
    """What is being waited for."""

    IDLE = 0
    LISTING = 1
    CANCELLING = 2
    POSITION = 3
    MARK = 4
    SLICE = 5
    ENDING = 6
    DONE = 7


ANSWERS = {"open_orders": Step.LISTING, "position": Step.POSITION, "mark": Step.MARK}
QUESTIONS = {step: op for op, step in ANSWERS.items()}


class CancelRung:
    """One venue's orders, until it lists none but the stops that may stay.

    tell(kind, **data) -- pushes an event for the audit log; kind "alert" wants a person
    """

    def __init__(self, port: Port, settings: Emergency, tell: Callable[..., None]) -> None:
        self.port = port
        self._settings = settings
        self._tell = tell
        self.step = Step.IDLE
        self.rung = Rung.HALTED
        self.position = ZERO
        self.stops: list[dict[str, Any]] = []
        self._req = 0
        self._waiting: set[str] = set()
        self._keep_stops = False
        self._asked_ns = self._deadline_ns = self._sweeps = 0

    @property
    def done(self) -> bool:
        """True once the venue has confirmed the last rung."""
        return self.step == Step.DONE

    def restart(self, now_ns: int) -> None:
        """The connection is new: ask everything again; what was in flight shows in the answers."""
        if self.step not in (Step.IDLE, Step.DONE):
            self._go(Step.LISTING, now_ns)

    def tick(self, now_ns: int) -> None:
        """Ask again what is overdue, and say when a rung is late; call every pass."""
        if self.step in (Step.IDLE, Step.DONE):
            return
        if now_ns > self._deadline_ns:
            self._alert("LADDER_OVERDUE", step=self.step.name, reachable=self.port.reachable())
            self._set_deadline(now_ns)
        if self.port.reachable():
            self._overdue((now_ns - self._asked_ns) // MS, now_ns)

    def take(self, event: dict[str, Any], now_ns: int) -> None:
        """Take one event of the venue."""
        match event["ev"]:
            case "open_orders" if self._asked(event):
                self._take_open_orders(event, now_ns)
            case "position" if self._asked(event):
                self.position = Decimal(event["qty"])
                self._swept(now_ns)
            case "cancelled_all":
                self._gone(set(event["ids"]) | self._waiting, now_ns)
            case "cancelled" | "cancel_reject":
                self._gone({event["id"]}, now_ns)

    def _begin(self, keep_stops: bool, now_ns: int) -> None:
        self._keep_stops = keep_stops
        self._sweeps = 0
        self._reach(Rung.CANCEL, now_ns)
        if keep_stops:
            for order_id in self.port.entries():
                self._cancel(order_id)
        else:
            self._cancel_everything()
        self._go(Step.LISTING, now_ns)

    def _swept(self, now_ns: int) -> None:
        """Nothing is open but what may be, and the venue has told its position."""
        self._finish()

    def _overdue(self, waited_ms: int, now_ns: int) -> None:
        if waited_ms >= self._settings.retry_ms:
            self._go(Step.LISTING, now_ns)

    def _take_open_orders(self, event: dict[str, Any], now_ns: int) -> None:
        self.stops = [order for order in event["orders"] if self._protects(order)]
        kept = self.stops if self._keep_stops else []
        going = {order["id"] for order in event["orders"]} - {order["id"] for order in kept}
        if not going:
            self._go(Step.POSITION, now_ns)
            return
        self._sweeps += 1
        # By turns, because a venue may refuse the one or the other.
        if not self._keep_stops and self._sweeps % 2:
            self._cancel_everything()
        else:
            for order_id in going:
                self._cancel(order_id)
        self._waiting = going
        self._go(Step.CANCELLING, now_ns)

    def _protects(self, order: dict[str, Any]) -> bool:
        return stops.is_stop(order) or stops.is_triggered(order, self.port.stops(order["id"]))

    def _cancel(self, order_id: str) -> None:
        self.port.send({"op": "cancel", "id": order_id, "intent": "CANCEL"}, Intent.CANCEL)

    def _cancel_everything(self) -> None:
        self.port.send({"op": "cancel_all", "intent": "CANCEL"}, Intent.CANCEL)

    def _gone(self, ids: set[str], now_ns: int) -> None:
        if self.step == Step.CANCELLING:
            self._waiting -= ids
            if not self._waiting:
                self._go(Step.LISTING, now_ns)

    # -- steps ------------------------------------------------------------------------------

    def _asked(self, event: dict[str, Any]) -> bool:
        """Return True for the answer to the question that stands."""
        return self.step == ANSWERS[event["ev"]] and event["req"] == self._req

    def _go(self, step: Step, now_ns: int) -> None:
        self.step = step
        self._asked_ns = now_ns
        if step in QUESTIONS and self.port.reachable():
            self._req += 1
            self.port.ask(QUESTIONS[step], self._req)

    def _reach(self, rung: Rung, now_ns: int) -> None:
        self.rung = rung
        self._set_deadline(now_ns)
        self._tell("rung", venue=self.port.name, rung=rung.name)

    def _set_deadline(self, now_ns: int) -> None:
        settings = self._settings
        liquidating = self.rung == Rung.LIQUIDATE
        wait_s = settings.liquidate_deadline_s if liquidating else settings.cancel_deadline_s
        self._deadline_ns = now_ns + int(wait_s * 1e9)

    def _finish(self) -> None:
        self.step = Step.DONE
        bare = stops.uncovered(self.position, self.stops if self._keep_stops else [])
        if bare and self.rung == Rung.CANCEL:
            self._alert("POSITION_UNPROTECTED", uncovered=f"{bare:f}")
        self.rung = Rung.HALTED
        self._tell(
            "rung",
            venue=self.port.name,
            rung=self.rung.name,
            position=f"{self.position:f}",
            stops=len(self.stops) if self._keep_stops else 0,
            uncovered=f"{bare:f}",
        )

    def _alert(self, code: str, **data: Any) -> None:
        position = f"{self.position:f}"
        self._tell(
            "alert",
            code=code,
            venue=self.port.name,
            rung=self.rung.name,
            position=position,
            open_orders=len(self._waiting) + len(self.stops),
            **data,
        )
