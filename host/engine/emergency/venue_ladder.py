"""The rungs at one venue: a machine of questions and answers, with the time passed in.

    LISTING -> CANCELLING -> LISTING -> POSITION -> DONE                        without liquidation
    LISTING -> POSITION -> MARK -> SLICE (-> ENDING) -> LISTING -> ... -> DONE  with it

An empty list followed by a position of zero is proof: fills come from open orders only. So every
slice ends in LISTING, and a late fill is found by the next POSITION whatever told of it.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from typing import Any

from host import refusals
from host.engine.emergency import stops
from host.engine.emergency.liquidation import ZERO, Rules, Slice
from host.engine.emergency.port import Port
from host.engine.emergency.settings import Emergency
from host.engine.emergency.slices import Slices, Verdict
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


class VenueLadder:
    """One venue's part of the emergency.

    tell(kind, **data) -- pushes an event for the audit log; kind "alert" wants a person
    token() -- the ladder's token of this epoch, 0 until the guard has granted it
    """

    def __init__(
        self,
        port: Port,
        settings: Emergency,
        tell: Callable[..., None],
        token: Callable[[], int],
    ) -> None:
        self.port = port
        self._settings = settings
        self._tell = tell
        self._token = token
        self._slices = Slices(settings)
        self.step = Step.IDLE
        self.rung = Rung.HALTED
        self.position = ZERO
        self.stops: list[dict[str, Any]] = []
        self._req = 0
        self._waiting: set[str] = set()
        self._protected = self._wants_token = False
        self._begin_again(False, False, 0)

    @property
    def wants_token(self) -> bool:
        """True while the position is to be closed and the guard has not granted it yet."""
        return self._wants_token and not self._token()

    @property
    def done(self) -> bool:
        """True once the venue has confirmed the last rung."""
        return self.step == Step.DONE

    def begin(self, liquidate: bool, keep_stops: bool, now_ns: int) -> None:
        """Start for a new emergency. Stops stay while a position is closed, whatever is asked."""
        self._begin_again(liquidate, keep_stops or liquidate, now_ns)
        self._reach(Rung.CANCEL, now_ns)
        if not self._keep_stops:
            self._cancel_everything()
        for order_id in self.port.entries() if self._keep_stops else ():
            self._cancel(order_id)
        self._go(Step.LISTING, now_ns)

    def restart(self, now_ns: int) -> None:
        """The connection is new: ask everything again; what was in flight shows in the answers."""
        if self.step not in (Step.IDLE, Step.DONE):
            self._go(Step.LISTING, now_ns)

    def tick(self, now_ns: int) -> None:
        """Ask again what is overdue, take off slices that rest too long, say when it is late."""
        if self.step in (Step.IDLE, Step.DONE):
            return
        if now_ns > self._deadline_ns:
            self._alert("LADDER_OVERDUE", step=self.step.name, reachable=self.port.reachable())
            self._set_deadline(now_ns)
        if not self.port.reachable():
            return
        waited_ms = (now_ns - self._asked_ns) // MS
        if self._wants_token and self._token():
            self._wants_token = False
            self._go(Step.LISTING, now_ns)
        elif self.step == Step.SLICE and waited_ms >= self._settings.slice_wait_ms:
            self._end_slice(now_ns)
        elif self.step != Step.SLICE and waited_ms >= self._settings.retry_ms:
            # A slice whose end is unknown is on the list, or it is not: LISTING resolves it.
            again = Step.MARK if self.step == Step.MARK else Step.LISTING
            self._go(again, now_ns)

    def take(self, event: dict[str, Any], now_ns: int) -> None:
        """Take one event of the venue."""
        kind = event["ev"]
        if kind in ANSWERS:
            if self.step == ANSWERS[kind] and event["req"] == self._req:
                getattr(self, f"_take_{kind}")(event, now_ns)
        elif kind == "cancelled_all":
            self._gone(set(event["ids"]) | self._waiting, now_ns)
        elif kind in ("cancelled", "cancel_reject"):
            self._gone({event["id"]}, now_ns)
        elif kind == "reject" and self._slice_is(event["id"]):
            self._refused(event["reason"], now_ns)
        elif kind == "fill":
            self._filled(event, now_ns)

    # -- cancel -----------------------------------------------------------------------------

    def _take_open_orders(self, event: dict[str, Any], now_ns: int) -> None:
        self.stops = [order for order in event["orders"] if stops.is_stop(order)]
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

    def _cancel(self, order_id: str) -> None:
        self.port.send({"op": "cancel", "id": order_id, "intent": "CANCEL"}, Intent.CANCEL)

    def _cancel_everything(self) -> None:
        self.port.send({"op": "cancel_all", "intent": "CANCEL"}, Intent.CANCEL)

    def _gone(self, ids: set[str], now_ns: int) -> None:
        if self.step == Step.CANCELLING:
            self._waiting -= ids
            if not self._waiting:
                self._go(Step.LISTING, now_ns)
        elif any(self._slice_is(order_id) for order_id in ids):
            self._go(Step.LISTING, now_ns)

    # -- liquidate --------------------------------------------------------------------------

    def _take_position(self, event: dict[str, Any], now_ns: int) -> None:
        self.position = Decimal(event["qty"])
        if not self._liquidate:
            self._finish()
        elif abs(self.position) > self._slices.dust:
            if self.rung != Rung.LIQUIDATE:
                self._reach(Rung.LIQUIDATE, now_ns)
            self._go(Step.MARK, now_ns)
        elif self.stops:
            self._keep_stops = False
            self._go(Step.LISTING, now_ns)
        else:
            self._finish()

    def _take_mark(self, event: dict[str, Any], now_ns: int) -> None:
        rules = Rules(*(Decimal(event[name]) for name in ("tick", "qty_step", "min_notional")))
        said = event["price"]
        mark = self.port.price() or (Decimal(said) if said is not None else None)
        if not self._token():
            self._wants_token = True
        elif mark is None:
            self._protect(rules)
        elif self._slices.plain and self.stops:
            # Without the venue's own reduce-only nothing else may be able to fill beside it.
            self._keep_stops = False
            self._go(Step.LISTING, now_ns)
        else:
            wanted = self._slices.next(self.position, mark, rules)
            if wanted is None:
                self._leave_dust(now_ns)
            else:
                self._send_slice(wanted, mark, now_ns)

    def _send_slice(self, wanted: Slice, mark: Decimal, now_ns: int) -> None:
        order_id = self.port.new_id()
        request = wanted.request(order_id)
        code = self.port.send(request, Intent.LIQUIDATE, self._token())
        self._tell("slice", outcome=refusals.NAMES[code], mark=f"{mark:f}", **request)
        if code == refusals.SENT:
            self._slices.sent(order_id, wanted)
            self._go(Step.SLICE, now_ns)

    def _end_slice(self, now_ns: int) -> None:
        self._slices.attempt += 1
        self._cancel(self._slices.order_id)
        self._go(Step.ENDING, now_ns)

    def _filled(self, event: dict[str, Any], now_ns: int) -> None:
        if self._slice_is(event["id"]):
            if Decimal(event["left"]) == 0:
                self._slices.attempt = 0
                self._go(Step.LISTING, now_ns)
        elif self.step == Step.SLICE:
            # Something else has changed the position: what rests was planned for another one.
            self._tell("late_fill", id=event["id"], qty=event["qty"])
            self._end_slice(now_ns)
        elif self.step in (Step.POSITION, Step.MARK):
            self._go(Step.LISTING, now_ns)

    def _refused(self, why: str, now_ns: int) -> None:
        self._tell("slice_refused", id=self._slices.order_id, reason=why)
        verdict = self._slices.refused(why, self.position)
        if verdict == Verdict.DUST:
            self._leave_dust(now_ns)
        elif verdict == Verdict.AGAIN:
            self._go(Step.LISTING, now_ns)
        else:
            if verdict == Verdict.EXHAUSTED:
                self._alert("SLICES_REFUSED", reason=why)
            self.step = Step.LISTING  # the retry asks: a venue that refuses needs no flood

    def _leave_dust(self, now_ns: int) -> None:
        self._slices.dust = abs(self.position)
        self._alert("DUST_LEFT")
        self._go(Step.LISTING, now_ns)

    def _protect(self, rules: Rules) -> None:
        """No price anywhere: a stop at the venue, once, and an alarm. MARK is asked again."""
        last = self.port.last_price()
        if not self._protected and not self.stops:
            request = last and stops.protective_stop(
                self.port.new_id(), self.position, last, self._settings.stop_distance_bps, rules
            )
            if request:
                code = self.port.send(request, Intent.LIQUIDATE, self._token())
                self._tell("protective_stop", outcome=refusals.NAMES[code], **request)
                if code != refusals.SENT:
                    return
            self._protected = True
            self._alert("NO_PRICE", stop=bool(request))

    # -- steps ------------------------------------------------------------------------------

    def _begin_again(self, liquidate: bool, keep_stops: bool, now_ns: int) -> None:
        self._liquidate, self._keep_stops = liquidate, keep_stops
        self._asked_ns = self._deadline_ns = now_ns
        self._sweeps = 0
        self._protected = self._wants_token = False
        self._slices.begin()

    def _slice_is(self, order_id: str | None) -> bool:
        return self.step in (Step.SLICE, Step.ENDING) and order_id == self._slices.order_id

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
        self.rung = Rung.HALTED
        bare = stops.uncovered(self.position, self.stops if self._keep_stops else [])
        self._tell(
            "rung",
            venue=self.port.name,
            rung=Rung.HALTED.name,
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
