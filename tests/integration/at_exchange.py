"""A bench whose venue is a local exchange: `bot4 run` starts the connector itself."""

import contextlib
import random
import threading
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from host import config
from host.exchange import capabilities
from host.exchange.ids import Ids
from rig.virtual.bench import VirtualBench
from tests.exchanges.kraken import KrakenSpot
from tests.exchanges.market import Order
from tests.integration.kit import Trading
from tests.integration.test_ladder import host

STRATEGIES = ("trend", "ladder")
PRICE, TICK, SIZE = D(10_000), D("0.1"), D(5)
ROW_S = 0.03
KEYS = 'key = "test-key"\nsecret = "c2VjcmV0"\n'


class Tail:
    """How far the host has traded, in place of a paper venue's record."""

    def __init__(self, bench: VirtualBench) -> None:
        assert isinstance(bench, KrakenBench)
        self._market = bench.server.market

    def orders(self) -> int:
        """Number of orders that the exchange was asked for."""
        return len(self._market.received)

    def close(self) -> None:
        """Nothing is held."""


class KrakenBench(VirtualBench):
    """The market goes up and down until the test `stands` still."""

    server: KrakenSpot

    def _start_venue(self) -> None:
        self.server = KrakenSpot()
        self.server.market.base = D(0)
        self.venue_record = self.setup.out / "venue.jsonl"
        self.venue_record.touch()
        self._still = threading.Event()
        self._market = threading.Thread(target=self._play, daemon=True)
        self._market.start()
        file = self.setup.out / "bot4.toml"
        file.write_text(file.read_text().replace("URL", self.server.url))

    def host_options(self) -> dict[str, Any]:
        """Everything but a paper venue."""
        options = super().host_options()
        del options["--venue"]
        return options

    def stand(self) -> None:
        """Let the market stand still from now on."""
        self._still.set()
        self._market.join()

    def _play(self) -> None:
        rng, price = random.Random(5), PRICE
        while not self._still.wait(ROW_S):
            price += TICK * rng.randint(-40, 42)
            self.server.market.move(price, price + TICK, SIZE)

    def _end_all(self) -> None:
        super()._end_all()
        if hasattr(self, "server"):
            self.stand()
            self.server.close()


def kraken_host(folder: Path, on_kill: str) -> list[str]:
    """Return the command line of a host that trades at the local Kraken."""
    text = config.DEFAULT.read_text()
    for old, new in (
        ('instrument = "PAPER"', 'instrument = "BTC/USD"\nvenue = "kraken"'),
        ('"cancel_entries"', f'"{on_kill}"\nslice_value_quote = 2500'),
        # So few rows a second that no forecast can be young enough.
        *(
            (f"{rail} = {value}", f'{rail} = "loosened: a test without forecasts"')
            for rail, value in (
                ("max_var_share", "0.02"),
                ("max_cvar_share", "0.028"),
                ("max_forecast_age_s", "2.0"),
            )
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    keys = folder / "kraken.keys"
    keys.touch(0o600)
    keys.write_text(KEYS)
    text += '\n[supervisor]\nsecond_failure_s = 0.001\n\n[[venue]]\nname = "kraken"\n'
    text += f'exchange = "kraken"\nurl = "URL"\nkeys = "{keys}"\n'
    return host(folder, text)


class Exchange:
    """What the exchange itself says, in our ids."""

    def __init__(self, bench: Trading) -> None:
        assert isinstance(bench.bench, KrakenBench)
        self.server = bench.bench.server
        self.market = self.server.market
        self._ids = Ids(capabilities.of("kraken").ids, STRATEGIES)

    def ours(self, wire: str) -> str:
        """Return our id of one of its orders."""
        return str(self._ids.ours(wire))

    def received(self) -> list[str]:
        """Every order that has arrived, by our id."""
        return [self.ours(wire) for wire in list(self.market.received)]

    def open(self) -> list[Order]:
        """Its open orders."""
        return self.market.open()

    def bare(self) -> D:
        """How much of the position no open stop would sell."""
        with self.market.lock:
            stops = [order for order in self.market.open() if order.stop is not None]
            return self.market.base - sum((order.left for order in stops), D(0))


@contextlib.contextmanager
def nothing_left_over(folder: Path) -> Any:
    """Check that no secret has come into anything that the host wrote."""
    yield
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix in (".log", ".jsonl"):
            assert b"c2VjcmV0" not in file.read_bytes(), file
