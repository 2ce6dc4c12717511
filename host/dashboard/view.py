"""What the dashboard knows at one moment: plain data that the reader sends and the web shows.

None means not known. Times are ns since 1970 on this machine's clock unless the name says otherwise.
"""

from __future__ import annotations

import msgspec

# Kept and shown of each list.
MOST_TRIPS, MOST_ORDERS, MOST_ALERTS, MOST_POINTS = 8, 12, 12, 240


class Source(msgspec.Struct, frozen=True):
    """Where something is read from; `why` says in one line why it cannot be."""

    name: str
    ok: bool
    why: str = ""


class Guard(msgspec.Struct, frozen=True):
    """What the guard answers to `status`."""

    mode: str
    reason: str
    detail: str
    epoch: int
    profile: str
    halt: str
    ack: str
    lamps: dict[str, int]
    controller: str
    controller_reason: str
    inputs: dict[str, bool] | None  # as the controller's last STATUS has them; True: open, or high
    faults: list[str] | None
    ladder_done: bool
    forced: int
    pids: dict[str, int | None]
    orders_sent: int
    orders_refused: int
    sessions: int
    unanswered: int
    noise: int
    refused: int
    mismatch: str


class Watch(msgspec.Struct, frozen=True):
    """One watchdog: how much of its limit was used when last looked at, and at worst lately."""

    name: str
    unit: str
    limit: float
    used: float | None
    worst: float | None


class Trip(msgspec.Struct, kw_only=True):
    """One emergency on record. Stages in us; None where the log does not say (yet)."""

    epoch: int
    wall_ns: int
    reason: str
    detail: str = ""
    controller_reason: str = ""
    emergency_to_ack_us: float | None = None
    waited_us: float | None = None
    halt_to_ack_us: float | None = None
    ladder_us: float | None = None
    rearmed_us: float | None = None
    forced: bool = False


class Order(msgspec.Struct, frozen=True):
    """One order that may be open, as far as the log knows."""

    id: str
    side: str
    type: str
    quantity: str
    price: str


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """Money and position, as the engine's records have them."""

    orders: list[Order] | None = None
    positions: dict[str, str] | None = None
    price: float | None = None
    equity: float | None = None
    equity_wall_ns: int | None = None
    peak: float | None = None
    fees: float | None = None
    fills: int = 0
    points: list[tuple[int, float]] = []  # (wall_ns, equity)

    @property
    def drawdown(self) -> float | None:
        """Share below the highest equity since a person re-armed."""
        if self.equity is None or not self.peak or self.peak <= 0:
            return None
        return max(0.0, 1 - self.equity / self.peak)


class Forecast(msgspec.Struct, frozen=True):
    """The modeller's page."""

    age_s: float
    mean_pct: float
    sigma_pct: float
    var_share: float
    cvar_share: float
    fits: int
    failures: int


class Gauge(msgspec.Struct, frozen=True):
    """A risk measure against its limit, both as shares of the equity; a loosened limit has no number."""

    name: str
    now: float | None
    limit: float | None
    loosened: bool = False


class Enrichment(msgspec.Struct, frozen=True):
    """What the language model's opinions cost and bring. US dollars; quote currency for the ROI."""

    enabled: bool
    why: str = ""
    off: str = ""
    month: str | None = None
    spent_usd: float | None = None
    committed_usd: float | None = None
    limit_usd: float | None = None
    requests: int | None = None
    hit_rate: float | None = None
    verdict: str | None = None
    net_quote: float | None = None
    low_quote: float | None = None
    high_quote: float | None = None


class Log(msgspec.Struct, kw_only=True, frozen=True):
    """The audit log: its head as followed here, and what the witness vouches for."""

    records: int | None = None
    head: str = ""
    wall_ns: int | None = None
    followed: int = 0  # records read here, each checked by itself and against the one before
    broken: str = ""
    behind_bytes: int = 0
    size_bytes: int | None = None
    closed: bool = False
    failing: bool | None = None  # the recorder's last commit failed
    receipt_count: int | None = None
    receipt_number: int | None = None
    receipt_epoch: int | None = None
    receipt_wall_ns: int | None = None


class Alert(msgspec.Struct, frozen=True):
    """One record that wants a person."""

    wall_ns: int
    priority: int
    what: str
    origin: str
    detail: str


class View(msgspec.Struct, kw_only=True, frozen=True):
    """Everything."""

    wall_ns: int
    sources: list[Source] = []
    guard: Guard | None = None
    since_wall_ns: int | None = None  # of the mode that stands
    watches: list[Watch] = []
    trips: list[Trip] | None = None
    account: Account = Account()
    forecast: Forecast | None = None
    gauges: list[Gauge] = []
    enrichment: Enrichment | None = None
    log: Log = Log()
    alerts: list[Alert] | None = None
