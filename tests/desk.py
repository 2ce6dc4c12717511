"""The engine's trader over a real gate and a socket pair, without an engine, a guard or a venue."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from host.hotpath.riskcheck import RiskCheck

from host import config, forecast, layout, refusals, shm
from host.engine.checks.limits import Limits
from host.engine.forecasts import Forecasts
from host.engine.orders import Book, Order
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.forecast import Forecast
from host.modes import Intent, TradingMode
from host.perf.checks import every_rail, open_gate, renew

PACKET_BYTES = 1024
WIDE = every_rail(price_collar_share=0.5, price_window_share=0.5)
# Under these every order passes: which of the rails would refuse depends on the clock.
LOOSE = msgspec.convert(
    dict.fromkeys(Limits.__struct_fields__, "loosened: every order passes")
    | {"price_window_s": 60.0, "loss_window_s": 60.0, "execution_window_s": 60.0,
       "cancel_reserve_per_s": 1, "restricted_instruments": [], "authorised_strategies": ["trend"]},
    Limits,
)  # fmt: skip


class Port:
    """A venue port whose stops and cancels are taken and forgotten."""

    reduce_only = False

    def __init__(self, gate: Any, fd: int) -> None:
        self.gate, self._fd = gate, fd

    def descriptor(self) -> int:
        return self._fd

    def seen(self, price: float, at_ns: int) -> None: ...

    def send(self, request: dict[str, Any], intent: Intent, token: int = 0) -> int:
        return refusals.SENT


class Desk:
    """One trader; `told` are its words for the audit log, `said` the modeller's page."""

    def __init__(self, limits: Limits, more: contextlib.ExitStack, **options: Any) -> None:
        self._gate, self._pages = open_gate()
        ours, self._venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = shm.create(layout.KIND_MODELLER, "said")
        for held in (ours, self._venue, self.said, *self._pages):
            more.callback(held.close)
        self._venue.setblocking(False)
        self.book, self.told = Book(), []  # type: ignore[var-annotated]
        wanted, forecasts = config.load(config.DEFAULT).strategy, Forecasts(Path("nobody-there"))
        forecasts._page = self.said
        self.trader = Trader(
            wanted, Sizing(wanted, limits), forecasts, RiskCheck(limits), self.book,
            Ids(wanted.id, 7), Port(self._gate, ours.fileno()),  # type: ignore[arg-type]
            lambda: (TradingMode.NORMAL, 1), lambda: True,
            lambda kind, **data: self.told.append((kind, data)), **options,
        )  # fmt: skip

    def before(self, number: int, price: float) -> dict[str, Any]:
        """Return an event of the feed, under a fresh lease and with a fresh forecast."""
        renew(self._pages[0])
        forecast.publish(self.said.words, Forecast(number, 0, 1, 0.01, 0.013, 1, 0), number + 1)
        return {"row": number, "close": price}

    def row(self, number: int, price: float) -> None:
        """Show one price to the trader."""
        self.trader.take_row(self.before(number, price))

    def forget(self) -> None:
        """Drop what is open and what has arrived, as if it had never been."""
        self.book.open.clear()
        self.told.clear()
        self.arrived()

    def arrived(self) -> list[dict[str, Any]]:
        """Return the orders that have left since the last time."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(msgspec.json.decode(self._venue.recv(PACKET_BYTES)))
        return found

    def fill(self) -> int:
        """Fill every open order at its price; return how many there were."""
        orders: list[Order] = list(self.book.open.values())
        for order in orders:
            self.book.filled({"id": order.id, "side": "buy" if order.side > 0 else "sell",
                              "qty": f"{order.left:f}", "price": f"{order.price:f}", "fee": "0",
                              "left": "0"})  # fmt: skip
        self.arrived()
        return len(orders)


@contextlib.contextmanager
def desk(limits: Limits = WIDE, **options: Any) -> Iterator[Desk]:
    """Bring one up; `options` go to the trader."""
    with contextlib.ExitStack() as more:
        yield Desk(limits, more, **options)
