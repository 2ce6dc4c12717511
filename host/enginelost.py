"""What people are told when an engine stays down: the orders that were open, as the log has them.

It is not the venue's word: look there.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from host.audit import AuditInputError, AuditRecordError
from host.audit.record import Record, parse
from host.audit.retention import present
from host.modes import Rung

# What one alert carries, so that it fits into a message of the ring.
ORDERS_PER_ALERT = 5
# Segments that are read back: an order that is older than these has long been reconciled.
SEGMENTS = 2
REFUSED = "order_refused"
ENDED_BY = ("reject", "cancelled", "slice_refused")
SENT = "SENT"
SHOWN = ("side", "type", "qty", "price")


class OpenOrders:
    """Follows the engine's records; `open` is id -> side, type, qty, price of what may still be open."""

    def __init__(self) -> None:
        self.open: dict[str, dict[str, Any]] = {}

    def take(self, record: Record) -> None:
        """Take the next record."""
        data, found = record.data, self.open
        if record.origin != "engine":
            return
        if data.get("op") == "new" and record.kind != REFUSED:
            if data.get("outcome", SENT) == SENT:
                found[data["id"]] = {key: data.get(key) for key in SHOWN}
        elif data.get("op") == "amend" and data.get("id") in found:
            found[data["id"]] |= {key: data[key] for key in SHOWN if data.get(key)}
        elif record.kind in ENDED_BY:
            found.pop(str(data.get("id")), None)
        elif record.kind == "rung" and data.get("rung") == Rung.HALTED.name:
            # The venue has said that nothing is open any more but the stops that may stay.
            stops = data.get("stops", 0)
            self.open = {key: order for key, order in found.items() if stops and is_stop(order)}
        elif record.kind == "fill" and data.get("id") in found:
            found[data["id"]]["qty"] = data.get("left")
            if float(data.get("left") or 0) == 0:
                del found[data["id"]]


def still_open(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Return what may still be open after these records."""
    orders = OpenOrders()
    for record in records:
        orders.take(record)
    return orders.open


def is_stop(order: dict[str, Any]) -> bool:
    """True for an order that rests until its stop price is reached."""
    return "stop" in str(order["type"])


def last_orders(audit_dir: Path) -> dict[str, dict[str, Any]]:
    """Read the newest segments of the log. Raises AuditInputError when that cannot be done."""
    try:
        return still_open(_records(present(audit_dir)[-SEGMENTS:]))
    except (OSError, AuditRecordError) as error:
        raise AuditInputError(f"{audit_dir}: {error}") from None


def _records(segments: list[Path]) -> Iterator[Record]:
    for path in segments:
        with path.open("rb") as lines:
            yield from (parse(line) for line in lines if line.endswith(b"\n"))


def alerts(audit_dir: Path, how: str) -> list[dict[str, Any]]:
    """Return the data of the alerts that together name every order; one at least."""
    known = "as last known from the audit log"
    orders: list[str] = []
    try:
        for order_id, order in last_orders(audit_dir).items():
            orders.append(" ".join([order_id, *(str(value) for value in order.values() if value)]))
    except AuditInputError as error:
        known = f"not known: {error}"[:200]
    facts = {"code": "ENGINE_GIVEN_UP", "how": how, "known": known, "open_orders": len(orders)}
    parts = range(0, max(1, len(orders)), ORDERS_PER_ALERT)
    return [{**facts, "orders": orders[start:][:ORDERS_PER_ALERT]} for start in parts]
