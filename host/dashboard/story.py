"""What the log tells: trips with their stages, orders, positions, equity, receipts, alerts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from host import alerts
from host.audit.receipts import is_receipt
from host.audit.record import KIND_CLOSE, KIND_RECEIPT, Record
from host.dashboard import view
from host.enginelost import OpenOrders
from host.modes import Reason

# ns. What the controller says of a trip comes within this time of it, or is about another one.
SAME_TRIP_NS = 2_000_000_000
ENGINE, GUARD = "engine", "guard"
# Of a quantity: a record that somebody made up must not fill the memory when it is shown.
MOST_EXPONENT = 40
# Of a record's data, shown with an alert; anything else stands in the log.
SHOWN_CHARS = 160
Number = float | None


class Points:
    """At most so many points of a line, however long it is: when full, every second one goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._points: list[tuple[int, float]] = []
        self._apart_ns = 0
        self._last: tuple[int, float] | None = None

    def add(self, wall_ns: int, value: float) -> None:
        """Take the next point; one too near to the last that was kept is not, but for the newest."""
        self._last = wall_ns, value
        if self._points and wall_ns - self._points[-1][0] < self._apart_ns:
            return
        self._points.append(self._last)
        if len(self._points) >= self._most:
            self._points = self._points[::2]
            span_ns = self._points[-1][0] - self._points[0][0]
            self._apart_ns = 2 * span_ns // self._most

    def kept(self) -> list[tuple[int, float]]:
        """The line, up to its newest point."""
        newest = [self._last] if self._last and self._points[-1] != self._last else []
        return [*self._points, *newest]


class Story:
    """Takes records in order. Until the log itself says a thing, the thing is None.

    That is why positions are not known before an engine has been seen to start and its first ladder
    is done, which ends with the venue's word: the log may be read from somewhere in its middle.
    """

    def __init__(self, host: str = "") -> None:
        self._host = host
        self._trips: deque[tuple[view.Trip, int]] = deque(maxlen=view.MOST_TRIPS)
        self._alerts: deque[view.Alert] = deque(maxlen=view.MOST_ALERTS)
        self._points = Points(view.MOST_POINTS)
        self._orders: OpenOrders | None = None
        self._books: dict[str, Decimal] | None = None
        self._settled = False
        self._price: Number = None
        self._equity: Number = None
        self._equity_wall_ns: int | None = None
        self._peak: Number = None
        self._fees = Decimal(0)
        self._fills = 0
        self._step: tuple[int, int] | None = None
        self._closed_gate: dict[str, Any] | None = None
        self.receipt: tuple[dict[str, Any], int] | None = None
        self.closed = False
        self.told = 0
        self._acts: dict[tuple[str, str], Callable[[Record], None]] = {
            (GUARD, "guard_started"): self._mode,
            (GUARD, "mode"): self._mode,
            (GUARD, "gate_closed"): self._gate_closed,
            (GUARD, "controller_trip"): self._controller_trip,
            (GUARD, "controller_ack_seen"): self._ack_seen,
            (GUARD, "ladder_done"): self._ladder_done,
            (GUARD, "attached"): self._attached,
            (GUARD, KIND_RECEIPT): self._receipt,
            (ENGINE, "order"): self._order,
            (ENGINE, "fill"): self._fill,
            (ENGINE, "reconciled"): self._reconciled,
        }

    def take(self, record: Record) -> None:
        """Take one record; one that is not as its writers write it changes nothing."""
        self.told += 1
        self.closed = record.kind == KIND_CLOSE
        act = self._acts.get((record.origin, record.kind))
        try:
            if self._orders is not None:
                self._orders.take(record)
            if act is not None:
                act(record)
            self._alert(record)
        except (LookupError, TypeError, ValueError, ArithmeticError):
            return

    def since(self, epoch: int) -> int | None:
        """When the mode of `epoch` began (wall ns), if that is the last step on record."""
        return self._step[1] if self._step is not None and self._step[0] == epoch else None

    def trips(self) -> list[view.Trip] | None:
        """The last ones, newest first; None before any record."""
        return [trip for trip, _at in reversed(self._trips)] if self.told else None

    def alerts(self) -> list[view.Alert] | None:
        """The last ones, newest first; None before any record."""
        return list(reversed(self._alerts)) if self.told else None

    def account(self) -> view.Account:
        """Orders, positions and money."""
        orders, positions = self._orders, self._positions()
        return view.Account(
            orders=None if orders is None else [_order(*item) for item in orders.open.items()],
            positions=None if positions is None else _shown(positions),
            price=self._price,
            equity=self._equity,
            equity_wall_ns=self._equity_wall_ns,
            peak=self._peak,
            fees=float(self._fees) if positions is not None else None,
            fills=self._fills,
            points=self._points.kept(),
        )

    def position_value(self) -> Number:
        """Value of everything that is held at the last price, in quote currency."""
        positions = self._positions()
        if positions is None:
            return None
        held = sum((abs(held) for held in positions.values()), Decimal(0))
        if not held:
            return 0.0
        return None if self._price is None else float(held) * self._price

    def _positions(self) -> dict[str, Decimal] | None:
        return self._books if self._settled else None

    # -- the guard's records -----------------------------------------------------------------

    def _mode(self, record: Record) -> None:
        data = record.data
        epoch, reason = int(data["epoch"]), Reason[data["reason"]]
        self._step = epoch, record.wall_ns
        if data["mode"] == "EMERGENCY" and record.kind == "mode":
            trip = view.Trip(
                epoch=epoch,
                wall_ns=record.wall_ns,
                reason=reason.name,
                detail=str(data.get("detail", ""))[:SHOWN_CHARS],
            )
            closed, self._closed_gate = self._closed_gate, None
            if closed is not None and closed["emergency_ns"] <= record.mono_ns:
                _add_stages(trip, closed)
            self._trips.append((trip, record.mono_ns))
        elif reason == Reason.REARMED:
            self._peak = self._equity
            for trip, at_ns in list(self._trips)[-1:]:
                trip.rearmed_us = (record.mono_ns - at_ns) / 1e3

    def _gate_closed(self, record: Record) -> None:
        """It belongs to the first step since its emergency began, which may be on record after it."""
        if self._trips and self._trips[-1][1] >= record.data["emergency_ns"]:
            _add_stages(self._trips[-1][0], record.data)
        else:
            self._closed_gate = record.data

    def _controller_trip(self, record: Record) -> None:
        trip, at_ns = self._trips[-1]
        if not trip.controller_reason and record.mono_ns - at_ns < SAME_TRIP_NS:
            trip.controller_reason = str(record.data["reason"])

    def _ack_seen(self, record: Record) -> None:
        trip, at_ns = self._trips[-1]
        if trip.halt_to_ack_us is None and record.mono_ns - at_ns < SAME_TRIP_NS:
            trip.halt_to_ack_us = float(record.data["halt_to_ack_us"])

    def _ladder_done(self, record: Record) -> None:
        self._settled = self._books is not None
        trip, at_ns = self._trips[-1]
        if trip.epoch == record.data["epoch"] and trip.ladder_us is None:
            trip.ladder_us = (record.mono_ns - at_ns) / 1e3

    def _attached(self, record: Record) -> None:
        """An engine begins with nothing on its books; what it finds at the venue is on record."""
        if record.data["role"] != ENGINE:
            return
        self._orders = self._orders or OpenOrders()
        self._books, self._settled = {}, False
        self._fees, self._fills = Decimal(0), 0

    def _receipt(self, record: Record) -> None:
        if is_receipt(record.data):
            self.receipt = record.data, record.wall_ns

    # -- the engine's records ----------------------------------------------------------------

    def _order(self, record: Record) -> None:
        data = record.data
        self._price = _finite(data["price"]) if data.get("price") else self._price
        if "equity" in data:
            equity = self._equity = _finite(data["equity"])
            self._equity_wall_ns = record.wall_ns
            self._peak = equity if self._peak is None else max(self._peak, equity)
            self._points.add(record.wall_ns, equity)

    def _fill(self, record: Record) -> None:
        data = record.data
        self._price = _finite(data["price"])
        if self._books is None:
            return
        signed = _exact(data["qty"]) * (1 if data["side"] == "buy" else -1)
        venue = str(data.get("venue", ""))
        self._books[venue] = self._books.get(venue, Decimal(0)) + signed
        self._fees += _exact(data["fee"])
        self._fills += 1

    def _reconciled(self, record: Record) -> None:
        if self._books is not None:
            self._books[str(record.data["venue"])] = _exact(record.data["theirs"])

    def _alert(self, record: Record) -> None:
        alert = alerts.from_record(record.kind, record.origin, record.data, self._host)
        if alert is None:
            return
        hidden = ("n", "code", "mode", "reason", "epoch", "was")
        parts = [
            f"{key} {value}" for key, value in record.data.items() if key not in hidden and value
        ]
        detail = ", ".join(parts)[:SHOWN_CHARS]
        self._alerts.append(
            view.Alert(record.wall_ns, alert.priority, alert.what, record.origin, detail)
        )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number of the host")
    return number


def _exact(value: Any) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > MOST_EXPONENT:
        raise ValueError("no quantity of the host")
    return number


def _add_stages(trip: view.Trip, data: dict[str, Any]) -> None:
    trip.emergency_to_ack_us = float(data["since_emergency_us"])
    trip.waited_us = float(data["waited_us"])
    trip.forced = bool(data["forced"])


def _order(order_id: str, order: dict[str, Any]) -> view.Order:
    shown = (str(order.get(key) or "") for key in ("side", "type", "qty", "price"))
    return view.Order(str(order_id), *shown)


def _shown(positions: dict[str, Decimal]) -> dict[str, str]:
    return {venue: f"{held.normalize():f}" for venue, held in sorted(positions.items())}
