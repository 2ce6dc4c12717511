"""The protective stop of the strategy's position: held by the venue, so that it outlives this host.

One reduce-only stop for the whole position. When the position changes, the new one is placed before
the old one is taken off: two of them close no more than the position, none would leave it bare. The
trigger stays where it is, or comes nearer to the price; a change of quantity never loosens it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from host import refusals
from host.engine.emergency import stops
from host.engine.emergency.liquidation import Rules
from host.engine.port import PRICE_DECIMALS, VenuePort
from host.hotpath.riskcheck import RiskCheck
from host.modes import Intent

# A stop that was refused is tried again after this time.
RETRY_NS = 1_000_000_000
# The paper venue takes any price and quantity of so many decimals.
STEP = Decimal(1).scaleb(-PRICE_DECIMALS)
RULES = Rules(STEP, STEP, Decimal(0))


@dataclass
class Stop:
    """One stop of ours. `left` is what it would still close."""

    id: str
    side: str
    left: Decimal
    trigger: Decimal


class Protection:
    """Keeps the stop in step with the position.

    new_id() -- a client order id of the strategy
    tell(kind, **data) -- pushes an event for the audit log
    """

    def __init__(
        self,
        port: VenuePort,
        distance_bps: float,
        checks: RiskCheck,
        new_id: Callable[[], str],
        tell: Callable[..., None],
    ) -> None:
        self._port = port
        self._distance_bps = distance_bps
        self._checks = checks
        self._new_id = new_id
        self._tell = tell
        self._held: dict[str, Stop] = {}  # accepted by the venue, oldest first
        self._coming: Stop | None = None  # sent, not yet accepted or refused
        self._leaving: set[str] = set()
        self._not_before_ns = 0

    def follow(self, position: Decimal, price: Decimal) -> None:
        """Bring the stop in step with `position`; does nothing while an answer is awaited."""
        if self._coming is not None or not self._port.reduce_only:
            return
        side = "sell" if position > 0 else "buy"
        fitting = [
            held for held in self._held.values() if held.side == side and held.left == abs(position)
        ]
        keep = fitting[-1].id if position and fitting else None
        if position and keep is None:
            self._place(position, side, price)
            return
        for order_id in self._held:
            if order_id != keep and order_id not in self._leaving:
                self._cancel(order_id)

    def take(self, event: dict[str, Any]) -> None:
        """Take one event of the venue."""
        kind, order_id = event["ev"], event.get("id")
        coming = self._coming
        if coming is not None and order_id == coming.id:
            if kind in ("ack", "fill"):
                self._held[coming.id], self._coming = coming, None
            elif kind in ("reject", "cancelled"):
                self._coming = None
                self._not_before_ns = time.monotonic_ns() + RETRY_NS
                self._tell("stop_refused", id=coming.id, reason=event.get("reason", ""))
        if kind == "fill" and order_id in self._held:
            self._held[order_id].left = Decimal(event["left"])
            if not self._held[order_id].left:
                self._forget(order_id)
        elif kind == "cancelled" or event.get("reason") == "UNKNOWN_ORDER":
            self._forget(str(order_id))
        elif kind in ("reject", "cancel_reject"):
            self._leaving.discard(str(order_id))
        elif kind == "cancelled_all":
            for gone in event["ids"]:
                self._forget(gone)

    def adopt(self, orders: list[dict[str, Any]]) -> None:
        """Take over the stops that the venue lists after an emergency or at the start."""
        self._coming, self._not_before_ns = None, 0
        self._leaving.clear()
        self._held = {
            order["id"]: Stop(
                order["id"], order["side"], Decimal(order["left"]), Decimal(order["stop"])
            )
            for order in orders
            if stops.is_stop(order)
        }

    def _place(self, position: Decimal, side: str, price: Decimal) -> None:
        now_ns = time.monotonic_ns()
        if now_ns < self._not_before_ns or self._checks.room(now_ns) != refusals.SENT:
            return
        request = stops.protective_stop(
            self._new_id(), position, price, self._distance_bps, RULES, Intent.REDUCE
        )
        if request is None:
            return
        held = [stop.trigger for stop in self._held.values() if stop.side == side]
        nearest = max if side == "sell" else min
        trigger = nearest([Decimal(request["stop"]), *held])
        request["stop"] = f"{trigger:f}"
        code = self._port.send(request, Intent.REDUCE)
        if code == refusals.SENT:
            self._checks.message(now_ns)
            self._coming = Stop(request["id"], side, Decimal(request["qty"]), trigger)
        elif code != refusals.REDUCE_WOULD_INCREASE:  # a fill that is not in the book yet
            self._not_before_ns = now_ns + RETRY_NS
        self._tell("stop", outcome=refusals.NAMES[code], **request)

    def _cancel(self, order_id: str) -> None:
        request = {"op": "cancel", "id": order_id, "intent": "CANCEL"}
        if self._port.send(request, Intent.CANCEL) == refusals.SENT:
            self._leaving.add(order_id)

    def _forget(self, order_id: str) -> None:
        self._held.pop(order_id, None)
        self._leaving.discard(order_id)
