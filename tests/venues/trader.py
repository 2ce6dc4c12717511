"""A client of a venue as a test writes it: it sends requests, and waits for the events it names."""

import itertools
import json
import socket
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

PATIENCE_S = 10.0
PACKET_BYTES = 256 * 1024
Event = dict[str, Any]


class Trader:
    """A welcomed client in the role `trade`; `heard` keeps every event, oldest first.

    `until` gives each event once, whatever comes between: a test that does not care for the order of
    two events waits for one and then for the other.
    """

    def __init__(self, path: Path, role: str = "trade") -> None:
        self.heard: list[Event] = []
        self._waiting: list[Event] = []
        self._requests = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))
        self.until("welcome")
        self.send(op="hello", role=role)

    def send(self, **request: Any) -> None:
        """Send a request; decimals become strings."""
        self.send_packet(json.dumps(request, default=str).encode())

    def send_packet(self, packet: bytes) -> None:
        """Send a packet as it is."""
        self._socket.send(packet)

    def ask(self, op: str, **fields: Any) -> Event:
        """Ask a question and return its own answer."""
        req = next(self._requests)
        self.send(op=op, req=req, **fields)
        return self.until(op, req=req)

    def new(
        self, name: str, side: str, qty: Decimal, price: Decimal | None = None, **more: Any
    ) -> None:
        """Send an order: limit with a price, market without."""
        kind = "market" if price is None else "limit"
        order = {"op": "new", "id": name, "intent": "OPEN", "side": side, "type": kind, "qty": qty}
        self.send(**order | {"price": price} | more)

    def placed(self, name: str, *order: Any, **more: Any) -> Event:
        """Send an order and return its acknowledgement."""
        self.new(name, *order, **more)
        return self.until("ack", id=name)

    def cancel(self, name: str) -> None:
        """Send a cancel."""
        self.send(op="cancel", id=name, intent="CANCEL")

    def state(self, name: str) -> str:
        """Return what the venue says has become of an order."""
        return str(self.ask("order", id=name)["state"])

    def open_orders(self) -> dict[str, Event]:
        """Return the venue's open orders by id."""
        return {order["id"]: order for order in self.ask("open_orders")["orders"]}

    def position(self) -> Decimal:
        """Return the venue's position."""
        return Decimal(self.ask("position")["qty"])

    def fills(self, since: str = "") -> list[Event]:
        """Return every execution after `since`, page by page."""
        found: list[Event] = []
        while True:
            page = self.ask("fills", since=since)
            found += page["fills"]
            if not page["next"]:
                return found
            assert page["next"] != since, "the cursor does not move"
            since = page["next"]

    def until(self, *kinds: str, **fields: Any) -> Event:
        """Return the oldest event of one of these kinds and fields that was not returned before."""
        deadline = time.monotonic() + PATIENCE_S
        seen = 0
        while True:
            for event in self._waiting[seen:]:
                if _is(event, kinds, fields):
                    self._waiting.remove(event)
                    return event
            seen = len(self._waiting)
            if time.monotonic() > deadline or not self.take():
                raise AssertionError(f"no {kinds} {fields} after {self.heard[-5:]}")

    def take(self) -> bool:
        """Wait for one event and keep it; False when none comes for too long."""
        try:
            packet = self._socket.recv(PACKET_BYTES)
        except TimeoutError:
            return False
        assert packet, "the venue closed the connection"
        self.heard.append(json.loads(packet))
        self._waiting.append(self.heard[-1])
        return True

    def quiet(self) -> None:
        """Have all that the venue said until now in `heard`: a question's answer comes after it."""
        self.ask("mark")

    def told(self, *kinds: str, **fields: Any) -> list[Event]:
        """Return every event heard of these kinds and fields."""
        return [event for event in self.heard if _is(event, kinds, fields)]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _is(event: Event, kinds: tuple[str, ...], fields: Event) -> bool:
    return event["ev"] in kinds and all(event.get(name) == value for name, value in fields.items())
