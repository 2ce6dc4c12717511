"""The paper ledger as the engine keeps it: what each UTC day brought, told as `paper_day` records.

A record is the whole account of one run (one life of an engine) on one day so far; a later one of the
same run and day replaces it. One is due every hour, at the end of the day and at the end of the run, so
that a crash costs an hour at most, and what is missing shows as time that nobody covered. Fields:

    day            UTC day, YYYY-MM-DD
    run            of the engine; several may share a day
    strategy       whose days these are
    from_s, to_s   s of the day from which and to which this run knew its equity
    gap_s          s in between in which nobody looked (stopped, suspended, starved)
    equity_start, equity_end, equity_low, equity_high   quote currency
    drawdown       the largest fall from a peak of this run on this day, share of the peak
    pnl, fees      quote currency; the fees are in the P&L
    trades, wins   closed from flat to flat, and how many of them earned money after fees
    orders, fills  how many
    foreign_fees   fills whose fee was in another currency: it is not in `fees`
    mode_s         s in each trading mode
    rows           of market data
    feed_age_min_s, feed_age_max_s   how old the rows were by their own times: a replay is years old
    done           the day, or the run, has ended

Equity is looked at once a second. Pure: times and figures are passed in.
"""

from datetime import UTC, datetime
from typing import Any

from host.ledger.trips import Trips

KIND = "paper_day"
DAY_S = 86_400
NS = 1_000_000_000
# s. Between two looks at the equity, and between two records of a day.
LOOK_S, RECORD_S = 1.0, 3600.0
# s. Two looks farther apart leave a gap between them.
GAP_S = 10.0


def day_of(wall_ns: int) -> str:
    """Return the UTC day of a wall time."""
    return datetime.fromtimestamp(wall_ns // NS, UTC).date().isoformat()


def _number(wall_ns: int) -> int:
    """Return the number of the UTC day since 1970."""
    return wall_ns // (DAY_S * NS)


class PaperDays:
    """Keeps the account of one run.

    run -- the engine's name for this life of its own; strategy -- id of the one that trades
    """

    def __init__(self, run: str, strategy: str) -> None:
        self.due_ns = 0  # monotonic time of the next look
        self._run, self._strategy = run, strategy
        self._day: _Day | None = None

    def take(self, wall_ns: int, mono_ns: int, equity: float, mode: str) -> list[dict[str, Any]]:
        """Take a look at the equity (quote currency); return the records that are due."""
        self.due_ns = mono_ns + round(LOOK_S * NS)
        today, told = _number(wall_ns), []
        if self._day is not None and today > self._day.number:
            told.append(self._record(self._day, done=True))
            self._day = None
        if self._day is None:
            self._day = _Day(wall_ns, mono_ns, equity, mode)
            return told
        # A clock that was set back does not begin an older day again.
        self._day.look(wall_ns, mono_ns, equity, mode)
        if self._day.record_due(mono_ns):
            told.append(self._record(self._day, done=False))
        return told

    def filled(self, event: dict[str, Any]) -> None:
        """Take a `fill` of the venue."""
        if self._day is not None:
            self._day.fills += 1
            self._day.trips.take(event)

    def ordered(self) -> None:
        """An order has left."""
        if self._day is not None:
            self._day.orders += 1

    def row(self, wall_ns: int, time_ns: int) -> None:
        """Take the time of a row of market data."""
        if self._day is not None:
            self._day.row((wall_ns - time_ns) / NS)

    def close(self) -> list[dict[str, Any]]:
        """The run ends; return the last record."""
        day, self._day = self._day, None
        return [] if day is None else [self._record(day, done=True)]

    def _record(self, day: "_Day", done: bool) -> dict[str, Any]:
        return {"run": self._run, "strategy": self._strategy, "done": done} | day.account()


class _Day:
    """One UTC day of one run."""

    def __init__(self, wall_ns: int, mono_ns: int, equity: float, mode: str) -> None:
        self.number, self._name = _number(wall_ns), day_of(wall_ns)
        self.orders = self.fills = 0
        self.trips = Trips()
        self._from_s = wall_ns // NS % DAY_S
        self._began_ns = self._looked_ns = self._told_ns = mono_ns
        self._start = self._end = self._low = self._high = equity
        self._drawdown = self._gap_s = 0.0
        self._mode, self._mode_s = mode, {mode: 0.0}
        self._rows = 0
        self._ages_s: tuple[float, float] | None = None

    def look(self, wall_ns: int, mono_ns: int, equity: float, mode: str) -> None:
        """Take the equity of now, and the time since the last look."""
        passed_s = (mono_ns - self._looked_ns) / NS
        self._looked_ns = mono_ns
        if passed_s > GAP_S:
            self._gap_s += passed_s
        else:
            self._mode_s[self._mode] = self._mode_s.get(self._mode, 0.0) + passed_s
        self._mode = mode
        self._end = equity
        self._low, self._high = min(self._low, equity), max(self._high, equity)
        if self._high > 0:
            self._drawdown = max(self._drawdown, 1 - equity / self._high)

    def row(self, age_s: float) -> None:
        """Take the age of a row."""
        self._rows += 1
        low, high = self._ages_s or (age_s, age_s)
        self._ages_s = min(low, age_s), max(high, age_s)

    def record_due(self, mono_ns: int) -> bool:
        """Return True once in an hour."""
        if mono_ns - self._told_ns < RECORD_S * NS:
            return False
        self._told_ns = mono_ns
        return True

    def account(self) -> dict[str, Any]:
        """Return what it brought so far."""
        ages = self._ages_s or (None, None)
        covered_s = (self._looked_ns - self._began_ns) / NS
        return {
            "day": self._name,
            "from_s": self._from_s,
            "to_s": round(min(self._from_s + covered_s, DAY_S), 3),
            "gap_s": round(self._gap_s, 3),
            "equity_start": self._start,
            "equity_end": self._end,
            "equity_low": self._low,
            "equity_high": self._high,
            "drawdown": self._drawdown,
            "pnl": self._end - self._start,
            "fees": float(self.trips.fees),
            "trades": self.trips.closed,
            "wins": self.trips.won,
            "orders": self.orders,
            "fills": self.fills,
            "foreign_fees": self.trips.foreign_fees,
            "mode_s": {name: round(taken_s, 3) for name, taken_s in self._mode_s.items()},
            "rows": self._rows,
            "feed_age_min_s": ages[0],
            "feed_age_max_s": ages[1],
        }
