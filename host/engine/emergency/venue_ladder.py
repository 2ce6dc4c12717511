"""One venue's part of the emergency: the cancel rung, then the liquidate rung where there is one.

A position that stays, and that no stop covers, gets one (host.engine.emergency.covering).

    LISTING -> POSITION -> MARK -> SLICE (-> ENDING) -> LISTING -> ... -> POSITION of zero -> DONE

Every slice ends in LISTING, so a late fill is found by the next POSITION whatever told of it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from host import refusals
from host.engine.emergency import stops
from host.engine.emergency.cancelling import CancelRung, Step
from host.engine.emergency.covering import Cover, Next
from host.engine.emergency.liquidation import Rules, Slice
from host.engine.emergency.port import Port
from host.engine.emergency.settings import Emergency
from host.engine.emergency.slices import Slices, Verdict
from host.modes import Intent, Rung


class VenueLadder(CancelRung):
    """Cancels, and closes the position where the emergency asks for it.

    token() -- the ladder's token of this epoch, 0 until the guard has granted it
    """

    def __init__(
        self,
        port: Port,
        settings: Emergency,
        tell: Callable[..., None],
        token: Callable[[], int],
    ) -> None:
        super().__init__(port, settings, tell)
        self._token = token
        self._slices = Slices(settings, lambda: port.reduce_only)
        self._cover = Cover(port, settings.stop_distance_bps)
        self._liquidate = self._protected = self._wants_token = False

    @property
    def wants_token(self) -> bool:
        """True while an order of the ladder is to be sent and the guard has not granted it yet."""
        return self._wants_token and not self._token()

    def begin(self, liquidate: bool, keep_stops: bool, protect: bool, now_ns: int) -> None:
        """Start for a new emergency. Stops stay while a position is closed, whatever is asked."""
        self._cover.begin(protect)
        self._liquidate = liquidate
        self._protected = self._wants_token = False
        self._slices.begin()
        self._begin(keep_stops or liquidate, now_ns)

    def take(self, event: dict[str, Any], now_ns: int) -> None:
        """Take one event of the venue."""
        match event["ev"]:
            case "mark" if self._asked(event):
                self._take_mark(event, now_ns)
            case "ack" | "reject" if event["id"] and event["id"] == self._cover.order_id:
                self._go(Step.LISTING, now_ns)
            case "reject" if self._slice_is(event["id"]):
                self._refused(event["reason"], now_ns)
            case "fill":
                self._filled(event, now_ns)
            case _:
                super().take(event, now_ns)

    def _swept(self, now_ns: int) -> None:
        if not self._liquidate:
            wanted = self._cover.look(self.position, self.stops)
            if wanted is Next.PLACE:
                self._go(Step.MARK, now_ns)
            elif wanted is Next.NOTHING:
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

    def _overdue(self, waited_ms: int, now_ns: int) -> None:
        if self._wants_token and self._token():
            self._wants_token = False
            self._go(Step.LISTING, now_ns)
        elif self.step == Step.SLICE:
            if waited_ms >= self._settings.slice_wait_ms:
                self._end_slice(now_ns)
        elif self.step == Step.MARK:
            if waited_ms >= self._settings.retry_ms:
                self._go(Step.MARK, now_ns)
        else:
            # A slice whose end is unknown is on the list, or it is not: LISTING resolves it.
            super()._overdue(waited_ms, now_ns)

    def _gone(self, ids: set[str], now_ns: int) -> None:
        if any(self._slice_is(order_id) for order_id in ids):
            self._go(Step.LISTING, now_ns)
        else:
            super()._gone(ids, now_ns)

    def _take_mark(self, event: dict[str, Any], now_ns: int) -> None:
        rules = Rules(*(Decimal(event[name]) for name in ("tick", "qty_step", "min_notional")))
        said = event["price"]
        mark = self.port.price() or (Decimal(said) if said is not None else None)
        if not self._token():
            self._wants_token = True
        elif not self._liquidate:
            self._cover_rest(mark or self.port.last_price(), rules, now_ns)
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
            self._slices.order_id = order_id
            self._go(Step.SLICE, now_ns)
        else:
            self.step = Step.LISTING  # the retry asks: what we know may be out of date

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

    def _cover_rest(self, price: Decimal | None, rules: Rules, now_ns: int) -> None:
        request = self._cover.request(self.position, self.stops, price, rules)
        if request is not None:
            code = self.port.send(request, Intent.LIQUIDATE, self._token())
            self._tell("protective_stop", outcome=refusals.NAMES[code], **request)
            if code == refusals.SENT:
                self.step = Step.LISTING  # its acknowledgement, or the retry, asks
                return
        self._go(Step.LISTING, now_ns)

    def _slice_is(self, order_id: str | None) -> bool:
        return self.step in (Step.SLICE, Step.ENDING) and order_id == self._slices.order_id
