"""A trader at a venue of the tests' own: orders leave by the real gate, and are filled when asked."""

import itertools
import socket
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from host.execution.journal import Journal
from host.execution.manager import Manager
from host.execution.repricing import Policy
from host.execution.rules import Rules
from host.execution.sending import Outcome, Request
from host.venues import messages as m

RULES = Rules("PAPER/USD", "PAPER", "USD", D("0.00000001"), D("0.00000001"),
              can=frozenset({"stop", "reduce_only", "amend"}))  # fmt: skip


_numbers = itertools.count()


class Port:
    """What a trader needs of a venue's port."""

    def __init__(self, gate: Any, fd: int, folder: Path) -> None:
        self.gate, self._fd = gate, fd
        self.journal = Journal(folder / f"{next(_numbers)}.journal")

    def descriptor(self) -> int:
        """Return where orders are sent."""
        return self._fd

    def seen(self, price: float, at_ns: int) -> None:
        """Nobody asks for the price."""


class Venue:
    """Fills what the manager has open; its manager places neither stop nor target."""

    def __init__(self) -> None:
        self.manager = Manager(RULES, Policy(D(300)), self._no_id, self._nothing, self._tell)
        self.manager.active = False
        self._trades = itertools.count(1)

    def fill(self, price: float, sock: socket.socket | None, journal: Journal) -> None:
        """Fill all that is open at a price, and read it off the socket."""
        for order in list(self.manager.orders.live.values()):
            if sock is not None:
                sock.recv(4096)
            event = {"ev": "fill", "id": order.id, "side": order.side, "qty": m.plain(order.left)}
            event |= {"price": repr(round(price, 6)), "fee": "0", "left": "0"}
            self.manager.hear(event | {"trade": f"t{next(self._trades)}"}, 0)
            journal.ended(order.id)
        journal.tend()

    @staticmethod
    def _no_id() -> str:
        raise AssertionError("the manager was to place nothing")

    @staticmethod
    def _nothing(_request: Request) -> Outcome:
        return Outcome.UNSENT

    @staticmethod
    def _tell(kind: str, **data: Any) -> None:
        assert kind != "alert", data
