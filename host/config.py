"""The one configuration file: TOML, typed, units in the names; an unknown key is an error.

Every complaint names file, section and key, in one line.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from host.costs import Costs
from host.engine.checks.limits import NAME, Limits, fits
from host.engine.emergency.settings import Bps, Emergency
from host.enrich.settings import Enrichment
from host.inference.settings import ModelSettings
from host.venues.settings import VENUE_NAME, Venue

DEFAULT = Path(__file__).with_name("default.toml")
SHOWN_CHARS = 200
STRATEGY_ID = re.compile(r"[a-z0-9]{1,12}")
WEB_ADDRESS = re.compile(r"(https?://\S+)?")
Sigma = Annotated[float, Meta(gt=0, le=1000)]
Text = Annotated[str, Meta(min_length=1, max_length=4096)]


class ConfigError(ValueError):
    """The file cannot be used; its text is one line with file, section and key."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the sections: a misspelt key is refused, never ignored."""


class Host(Section, frozen=True):
    """Where the host lives and what it is wired to; an option of `bot4 run` goes before it."""

    serial: Annotated[Text, Meta(description="serial port of the controller")] = "/dev/ttyAMA0"
    pins: Annotated[Text, Meta(description="gpiozero pin factory, by name")] = "bot4gpiod"
    link_key: Annotated[Text, Meta(description="key shared with the controller")] = (
        "~/.config/bot4/link.key"
    )
    profile: Annotated[
        Literal["production", "bench"], Meta(description="table of times that both ends run")
    ] = "production"
    audit_dir: Annotated[Text, Meta(description="folder of the audit log")] = (
        "~/.local/state/bot4/audit"
    )
    scheduler: Annotated[Literal["fifo", "other"], Meta(description="of the guard")] = "fifo"


class Strategy(Section, frozen=True):
    """Who trades what; both names go into every client order id."""

    id: Annotated[str, Meta(description="strategy id: `[a-z0-9]{1,12}`")]
    instrument: Annotated[str, Meta(description="instrument: `[A-Za-z0-9_/-]{1,16}`")]
    venue: Annotated[str, Meta(description="name of the venue that it trades at")] = "paper"
    stop_distance_bps: Annotated[
        Bps, Meta(description="from the average entry to the protective stop that the venue holds")
    ] = 300.0
    target_distance_bps: Annotated[
        Bps | None, Meta(description="from the average entry to the target; none when not set")
    ] = None
    capital_quote: Annotated[
        float,
        Meta(ge=0, le=1e12, description="added to what the venue says is there: paper begins at 0"),
    ] = 0.0
    target_sigma_pct: Annotated[
        Sigma | None,
        Meta(
            description="volatility of a bar, in percent, at which the position is a full one; "
            "above it the position shrinks in proportion"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse names that do not fit into an order id (ValueError)."""
        fits("venue", self.venue, VENUE_NAME)
        fits("id", self.id, STRATEGY_ID)
        fits("instrument", self.instrument, NAME)


class Modeller(Section, frozen=True):
    """What forecasts the risk of the next bar, and how often it is fitted anew.

    A bar is a row of the feed; of trades and quotes, a change of the price.
    """

    least_bars: Annotated[
        int, Meta(ge=100, le=20_000, description="returns before the first fit; none before it")
    ] = 250
    window_bars: Annotated[
        int, Meta(ge=100, le=20_000, description="returns that a fit is of, at most")
    ] = 1_000
    refit_bars: Annotated[
        int, Meta(ge=1, le=20_000, description="bars from one fit to the next")
    ] = 21
    refit_s: Annotated[
        float,
        Meta(gt=0, le=86_400, description="time between two fits at least, and to a second try"),
    ] = 5.0
    max_fit_age_s: Annotated[
        float, Meta(gt=0, le=1e8, description="after it a fit is used no more: no forecast")
    ] = 4_000_000.0
    horizon_bars: Annotated[
        int, Meta(ge=1, le=1_000, description="bars that VaR and CVaR are of: a day")
    ] = 1

    def __post_init__(self) -> None:
        """Refuse a first fit that would never be due (ValueError)."""
        if self.least_bars > self.window_bars:
            raise ValueError("least_bars: must not be above window_bars")


class Reconciliation(Section, frozen=True):
    """How often the venue's orders and position are compared with ours."""

    period_ms: Annotated[
        int, Meta(ge=50, le=60_000, description="time between two comparisons")
    ] = 1_000
    deadline_ms: Annotated[
        int, Meta(ge=100, le=600_000, description="a venue that answers none for so long is lost")
    ] = 5_000

    def __post_init__(self) -> None:
        """Refuse a deadline that every comparison would miss (ValueError)."""
        if self.deadline_ms <= self.period_ms:
            raise ValueError("deadline_ms: must be above period_ms")


class Audit(Section, frozen=True):
    """The audit log's segments: how large, and how long they stay.

    The oldest goes when either limit is passed, on record, and only once the controller's receipts
    vouch for it and for the record that it goes; the newest always stays.
    """

    segment_mb: Annotated[
        int, Meta(ge=1, le=1024, description="10^6 bytes; above it the next segment begins")
    ] = 64
    keep_days: Annotated[
        float, Meta(ge=0, le=36_525, description="age at which a segment goes; 0: never by age")
    ] = 1827.0
    keep_mb: Annotated[
        int, Meta(ge=0, description="10^6 bytes of all segments; 0: never by size")
    ] = 0


class Supervisor(Section, frozen=True):
    """When a process that ends is not started again."""

    second_failure_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="an engine that fails twice within this time stays down, in EMERGENCY",
        ),
    ] = 60.0


class Alerts(Section, frozen=True):
    """Who is told. The audit log and the journal always are; empty means not asked for."""

    webhook_url: Annotated[str, Meta(description="POST of one JSON object an alert")] = ""
    smtp_host: Annotated[str, Meta(max_length=255, description="mail server")] = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65_535, description="its port")] = 25
    mail_from: Annotated[str, Meta(max_length=255, description="sender")] = ""
    mail_to: Annotated[list[str], Meta(max_length=16, description="receivers")] = []
    timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="of one delivery; after it the alert counts as failed")
    ] = 5.0
    most_per_minute: Annotated[
        int, Meta(ge=1, le=600, description="deliveries; what is above is on record as suppressed")
    ] = 30

    def __post_init__(self) -> None:
        """Refuse other addresses than of the web, and mail without sender or receivers."""
        fits("webhook_url", self.webhook_url, WEB_ADDRESS)
        if self.smtp_host and not (self.mail_from and self.mail_to):
            raise ValueError("smtp_host: needs mail_from and mail_to")


class Config(Section, frozen=True):
    """The whole file."""

    strategy: Strategy
    limits: Limits
    costs: Costs = Costs()
    host: Host = Host()
    emergency: Emergency = Emergency()
    model: ModelSettings = ModelSettings()
    modeller: Modeller = Modeller()
    reconciliation: Reconciliation = Reconciliation()
    audit: Audit = Audit()
    supervisor: Supervisor = Supervisor()
    alerts: Alerts = Alerts()
    enrichment: Enrichment = Enrichment()
    venue: list[Venue] = []

    def __post_init__(self) -> None:
        """Refuse two venues of one name, and enrichment of other symbols than ours (ValueError)."""
        wanted, instrument = self.enrichment, self.strategy.instrument
        if wanted.enabled and instrument not in wanted.symbols:
            raise ValueError(
                f"[enrichment] symbols: the strategy's {instrument!r} is not among them"
            )
        names = [venue.name for venue in self.venue]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"[[venue]] name: {name!r} stands twice")

    def venues(self, socket: str = "") -> list[Venue]:
        """Return all venues, first the one that is traded at; `socket` goes before its own.

        Raises ConfigError when nothing says where the venue is that is traded at.
        """
        wanted = self.strategy.venue
        traded = next((venue for venue in self.venue if venue.name == wanted), None)
        if socket:
            if traded is not None and traded.exchange:
                raise ConfigError(f"[[venue]] exchange: {wanted!r} is an exchange")
            traded = msgspec.structs.replace(traded or Venue(wanted, socket), socket=socket)
        if traded is None:
            raise ConfigError(f"[strategy] venue: no [[venue]] is called {wanted!r}")
        return [traded, *(venue for venue in self.venue if venue.name != wanted)]


def load(path: Path) -> Config:
    """Read and check a file. Raises ConfigError."""
    try:
        data = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error))[:SHOWN_CHARS]}") from None


def _explain(error: str) -> str:
    """Turn msgspec's complaint into `[section] key: what`."""
    what, _, where = error.partition(" - at `$")
    section, _, key = where.rstrip("`").lstrip(".").partition(".")
    named = re.match(r"Object (missing required|contains unknown) field `(\w+)`", what)
    if named and not section:
        return f"[{named[2]}]: {'this section is missing' if 'miss' in what else 'unknown section'}"
    if named and "unknown" in what:
        return f"[{section}] {named[2]}: unknown key"
    if named and section == "limits":
        return f'[limits] {named[2]}: neither set nor loosened ("loosened: why")'
    if named:
        return f"[{section}] {named[2]}: missing"
    if not section:
        return what
    return f"[{section}] {key}: {what}" if key else f"[{section}] {what}"
