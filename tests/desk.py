"""The engine's trader over a real gate and a socket pair, without an engine, a guard or a venue."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from host.hotpath.riskcheck import RiskCheck

from host import config, forecast, layout, shm
from host.engine.checks.limits import Limits
from host.engine.forecasts import Forecasts
from host.engine.provenance import Ids
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.execution.life import Event
from host.forecast import Forecast
from host.perf.checks import every_rail, open_gate, renew
from tests.trading import Port, Venue

PACKET_BYTES = 1024
WIDE = every_rail(price_collar_share=0.5, price_window_share=0.5)
# Under these every order passes: which of the rails would refuse depends on the clock.
LOOSE = msgspec.convert(
    dict.fromkeys(Limits.__struct_fields__, "loosened: every order passes")
    | {"price_window_s": 60.0, "loss_window_s": 60.0, "execution_window_s": 60.0,
       "cancel_reserve_per_s": 1, "restricted_instruments": [], "authorised_strategies": ["trend"]},
    Limits,
)  # fmt: skip


class Desk:
    """One trader; `told` are its words for the audit log, `said` the modeller's page."""

    def __init__(self, limits: Limits, more: contextlib.ExitStack, **options: Any) -> None:
        folder = Path(more.enter_context(tempfile.TemporaryDirectory()))
        self._gate, self._pages = open_gate()
        ours, self._venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = shm.create(layout.KIND_MODELLER, "said")
        for held in (ours, self._venue, self.said, *self._pages):
            more.callback(held.close)
        self._venue.setblocking(False)
        self._port = Port(self._gate, ours.fileno(), folder)
        more.callback(self._port.journal.close)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._answers = Venue()
        wanted, forecasts = config.load(config.DEFAULT).strategy, Forecasts(folder)
        forecasts._page = self.said
        self.trader = Trader(
            wanted, Sizing(wanted, limits), forecasts, RiskCheck(limits),
            lambda: self._answers.manager, Ids(wanted.id, 7),
            self._port,  # type: ignore[arg-type]
            lambda: True, lambda kind, **data: self.told.append((kind, data)), **options,
        )  # fmt: skip

    @property
    def position(self) -> Any:
        """The position; what is stored in it is as if the venue had said so."""
        return self._answers.manager.position

    def before(self, number: int, price: float) -> dict[str, Any]:
        """Return an event of the feed, under a fresh lease and with a fresh forecast."""
        renew(self._pages[0])
        forecast.publish(self.said.words, Forecast(number, 0, 1, 0.01, 0.013, 1, 0), number + 1)
        return {"row": number, "close": price}

    def row(self, number: int, price: float) -> None:
        """Show one price to the trader."""
        self.trader.take_row(self.before(number, price))

    def fill(self, price: float) -> None:
        """Fill every order that has left."""
        self._answers.fill(price, self._venue, self._port.journal)

    def forget(self) -> None:
        """Drop what is open and what has arrived, as if it had never been."""
        manager = self._answers.manager
        for order in list(manager.orders.live.values()):
            manager.orders.step(order, Event.REJECT, 0)
            self._port.journal.ended(order.id)
        self._port.journal.tend()
        self.told.clear()
        self.arrived()

    def arrived(self) -> list[dict[str, Any]]:
        """Return the orders that have left since the last time."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(msgspec.json.decode(self._venue.recv(PACKET_BYTES)))
        return found


@contextlib.contextmanager
def desk(limits: Limits = WIDE, **options: Any) -> Iterator[Desk]:
    """Bring one up; `options` go to the trader."""
    with contextlib.ExitStack() as more:
        yield Desk(limits, more, **options)
