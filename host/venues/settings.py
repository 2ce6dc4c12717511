"""What the configuration says of a venue: a paper venue's socket, or an exchange that we connect to."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from host.engine.checks.limits import fits
from host.engine.emergency.settings import Emergency, Seconds

VENUE_NAME = re.compile(r"[a-z0-9]{1,12}")
EXCHANGE_ID = re.compile(r"([a-z0-9]{1,32})?")
# Names of the other processes that write records of their own.
TAKEN = ("engine", "guard", "recorder", "supervisor")
TESTNET = "testnet"
# Nothing may stand before the address (a user name would make it another one), nothing behind it.
URL = re.compile(rf"(|{TESTNET}|https?://(127\.0\.0\.1|localhost):[0-9]{{1,5}}/?)", re.ASCII)
Text = Annotated[str, Meta(max_length=4096)]


class Venue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A venue of the account; one table for each. The strategy trades at one of them.

    Orders and positions at every one are reconciled, and worked off in an emergency, each within
    deadlines of its own. A venue has a `socket`, where a paper venue listens (`bot4 run --venue` goes
    before that of the one that is traded at), or an `exchange`: for that `bot4 run` starts a
    connector. Orders at an exchange without a `url` are real, and need `bot4 run --live`.
    """

    name: Annotated[str, Meta(description="`[a-z0-9]{1,12}`, used once")]
    socket: Annotated[Text, Meta(description="Unix socket of a paper venue")] = ""
    exchange: Annotated[
        str, Meta(description="ccxt id of an exchange of docs/exchanges.md; empty: a paper venue")
    ] = ""
    symbol: Annotated[
        str,
        Meta(
            max_length=40,
            description="as ccxt writes it; empty: the strategy's instrument",
        ),
    ] = ""
    url: Annotated[
        str,
        Meta(
            description="`http://127.0.0.1:PORT` of a test server that speaks the exchange's dialect, "
            f'or "{TESTNET}" where the exchange has one of its own; empty: the exchange itself'
        ),
    ] = ""
    keys: Annotated[
        Text,
        Meta(
            description="file of the exchange's API key, readable by its owner alone (0600); empty: "
            "from the environment, `BOT4_KRAKEN_KEY` and so on"
        ),
    ] = ""
    reduce_only: Annotated[
        bool,
        Meta(
            description="false for a venue that has no such orders (spot): it gets plain ones, one at "
            "a time, with nothing else open, never for more than the position it has confirmed"
        ),
    ] = True
    deadman_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="after which the venue's own dead man's switch cancels, where it has one; "
            "0: not used",
        ),
    ] = 60.0
    cancel_deadline_s: Annotated[
        Seconds | None, Meta(description="as under `[emergency]`, which holds when it is not set")
    ] = None
    liquidate_deadline_s: Annotated[Seconds | None, Meta(description="likewise")] = None

    def __post_init__(self) -> None:
        """Refuse a name that is none, and what is only for the other kind of venue (ValueError)."""
        fits("name", self.name, VENUE_NAME)
        fits("exchange", self.exchange, EXCHANGE_ID)
        fits("url", self.url, URL)
        if not (self.exchange or self.socket):
            raise ValueError("socket: missing, and there is no exchange")
        if self.exchange and self.socket:
            raise ValueError("socket: of a paper venue, and this is an exchange")
        if self.exchange and self.name in TAKEN:
            raise ValueError(f"name: {self.name!r} is the name of another process")
        for key in ("url", "keys", "symbol"):
            if getattr(self, key) and not self.exchange:
                raise ValueError(f"{key}: of an exchange, and this is a paper venue")

    @property
    def real(self) -> bool:
        """True where orders are real."""
        return bool(self.exchange) and not self.url

    def at(self, run_dir: Path) -> str:
        """Return the socket where it is spoken to: a connector listens in the run directory."""
        return str(run_dir / f"venue-{self.name}.sock") if self.exchange else self.socket

    def deadlines(self, settings: Emergency) -> Emergency:
        """Return the settings of the ladder at this venue."""
        own = {key: getattr(self, key) for key in ("cancel_deadline_s", "liquidate_deadline_s")}
        wanted = {key: value for key, value in own.items() if value is not None}
        return msgspec.structs.replace(settings, **wanted)
