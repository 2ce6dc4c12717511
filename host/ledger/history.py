"""The days of a log: read from its `paper_day` records, joined, and which of them count.

A UTC day counts when all of this holds, else it says why not:

- its records agree with themselves and with the wall time at which they were recorded;
- it is of the strategy that is to trade;
- it is covered from midnight to midnight but for five minutes, by one or more runs, and
  stopped (PAUSED, EMERGENCY) for four hours at most;
- equity goes on where it stood, within 2 %: an account that was reset or paid into is no result;
- the market data were of that time: a replay of older data is not paper trading;
- receipts of the witness vouch for all of it, and came all through the day.

The witness has no clock: it vouches for order and content, and the host for the time.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec

from host.ledger.paper import DAY_S, NS

# s. What a day may lack: a restart, an upgrade.
MOST_GAP_S = 300.0
# s. Drills and proof tests are part of a day; a day that nobody re-armed is none of trading.
MOST_STOPPED_S = 4 * 3600.0
TRADING_MODES = ("NORMAL", "REDUCED")
# Share. Above the 2 % that VaR allows in a day, between two looks at one account.
MOST_JUMP = 0.02
# s. Daily bars are a day old when they are complete.
MOST_FEED_AGE_S, LEAST_FEED_AGE_S = 2 * DAY_S, -5.0
# s. Between two receipts: a record is due every hour, and is shown at once.
MOST_RECEIPT_GAP_S = 2 * 3600.0
# s. From the end of a day to its last record.
RECORDED_WITHIN_S = 2 * 3600.0

Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Money = Annotated[float, msgspec.Meta(gt=0, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=DAY_S)]


class Account(msgspec.Struct, frozen=True):
    """The fields of a `paper_day` record (host.ledger.paper)."""

    day: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    run: str
    strategy: str
    from_s: Seconds
    to_s: Seconds
    gap_s: Seconds
    equity_start: Money
    equity_end: Money
    equity_low: Money
    equity_high: Money
    drawdown: Annotated[float, msgspec.Meta(ge=0, le=1)]
    pnl: Number
    fees: Number
    trades: Count
    wins: Count
    orders: Count
    fills: Count
    foreign_fees: Count
    mode_s: dict[str, Seconds]
    rows: Count
    feed_age_min_s: float | None
    feed_age_max_s: float | None
    done: bool

    def __post_init__(self) -> None:
        """Refuse what contradicts itself (ValueError)."""
        low, high = self.equity_low, self.equity_high
        inside = low <= min(self.equity_start, self.equity_end)
        inside = inside and high >= max(self.equity_start, self.equity_end)
        if not inside or self.wins > self.trades or self.to_s < self.from_s:
            raise ValueError("it contradicts itself")
        if abs(self.pnl - (self.equity_end - self.equity_start)) > 1e-6 * high:
            raise ValueError("its P&L is not the difference of its equities")
        if self.drawdown > 1 - low / high + 1e-9:
            raise ValueError("its drawdown is larger than its equities allow")
        datetime.date.fromisoformat(self.day)


class Part(NamedTuple):
    """A `paper_day` record as it stands in the log."""

    seq: int
    wall_ns: int
    data: dict[str, Any]


@dataclass
class Day:
    """One UTC day; `fault` says why it does not count, and is empty when it does."""

    name: str
    seq: int
    accounts: list[Account]
    fault: str = ""

    @property
    def date(self) -> datetime.date:
        """The day."""
        return datetime.date.fromisoformat(self.name)

    @property
    def end(self) -> float:
        """Equity at its end, quote currency."""
        return self.accounts[-1].equity_end

    def total(self, field: str) -> float:
        """Sum of a field over the runs of the day."""
        return sum(getattr(account, field) for account in self.accounts)


def days(
    parts: Iterable[Part], receipts_ns: Sequence[int], vouched: int, strategy: str
) -> list[Day]:
    """Return every day of the log, oldest first, each with its fault.

    receipts_ns -- wall times at which the witness had accepted a new head, some minutes apart
    vouched -- number of the last record for which receipts speak that somebody with the key has checked
    """
    found: dict[str, Day] = {}
    latest: dict[tuple[str, str], tuple[Part, Account | str]] = {}
    for part in parts:
        account = _read(part)
        name = part.data.get("day")
        name = account.day if isinstance(account, Account) else str(name)
        run = account.run if isinstance(account, Account) else f"record {part.seq}"
        latest[name, run] = part, account
    for (name, _run), (part, account) in latest.items():
        day = found.setdefault(name, Day(name, 0, []))
        day.seq = max(day.seq, part.seq)
        if isinstance(account, Account):
            day.accounts.append(account)
        else:
            day.fault = day.fault or f"record {part.seq}: {account}"
    whole = [found[name] for name in sorted(found)]
    before = None
    for day in whole:
        day.accounts.sort(key=lambda account: account.from_s)
        day.fault = day.fault or _fault(day, before, receipts_ns, vouched, strategy)
        before = day.end if day.accounts else None
    return whole


def streak(whole: Sequence[Day], most: int) -> list[Day]:
    """Return the newest days that count and follow each other without a gap, at most `most`."""
    found: list[Day] = []
    for day in reversed(whole):
        if not found and day.fault:
            continue  # today is not over, and what is not vouched for yet may be later
        follows = not found or found[-1].date - day.date == datetime.timedelta(days=1)
        if day.fault or not follows or len(found) == most:
            break
        found.append(day)
    return found[::-1]


def returns(run: Sequence[Day], daily_cost: float = 0.0) -> list[float]:
    """Return the share that each day brought, after a cost of each day in quote currency."""
    found, before = [], run[0].accounts[0].equity_start if run else 0.0
    for day in run:
        found.append((day.end - before - daily_cost) / before)
        before = day.end
    return found


def drawdown(run: Sequence[Day]) -> float:
    """Return the largest fall from a peak, share of the peak, within days and over them."""
    worst = peak = 0.0
    for day in run:
        for account in day.accounts:
            below = 1 - account.equity_low / peak if peak else 0.0
            worst = max(worst, below, account.drawdown)
            peak = max(peak, account.equity_high)
    return worst


def _read(part: Part) -> Account | str:
    """Return the account, or why the record is none."""
    try:
        account = msgspec.convert(part.data, Account)
        begin = datetime.datetime.fromisoformat(f"{account.day}T00:00:00+00:00")
    except (msgspec.ValidationError, ValueError) as error:
        return " ".join(str(error).split())[:150]
    late_s = part.wall_ns / NS - begin.timestamp() - account.to_s
    if not -RECORDED_WITHIN_S <= late_s <= RECORDED_WITHIN_S:
        return "it was not recorded at the time that it tells of"
    return account


def _fault(
    day: Day, before: float | None, receipts_ns: Sequence[int], vouched: int, strategy: str
) -> str:
    if not day.accounts:
        return "no record of it can be used"
    checks = (
        _other_strategy(day, strategy),
        _uncovered(day),
        _stopped(day),
        _jump(day, before),
        _old_feed(day),
        "" if day.seq <= vouched else "not vouched for by receipts that were checked",
        _unseen(day, receipts_ns),
    )
    return next((fault for fault in checks if fault), "")


def _uncovered(day: Day) -> str:
    lacks, at = 0.0, 0.0
    for account in day.accounts:
        if account.from_s < at - 1:
            return "two runs cover the same time"
        lacks += max(0.0, account.from_s - at) + account.gap_s
        at = account.to_s
    lacks += DAY_S - at
    return f"{lacks:.0f} s of it are not covered" if lacks > MOST_GAP_S else ""


def _other_strategy(day: Day, strategy: str) -> str:
    others = [account.strategy for account in day.accounts if account.strategy != strategy]
    return f"of strategy {others[0][:20]!r}, to trade is {strategy!r}" if others else ""


def _stopped(day: Day) -> str:
    stopped_s = sum(
        taken_s
        for account in day.accounts
        for mode, taken_s in account.mode_s.items()
        if mode not in TRADING_MODES
    )
    return f"stopped for {stopped_s / 3600:.1f} hours" if stopped_s > MOST_STOPPED_S else ""


def _jump(day: Day, before: float | None) -> str:
    for account in day.accounts:
        jump = 0.0 if before is None else abs(account.equity_start / before - 1)
        if jump > MOST_JUMP:
            return f"equity jumps by {jump:.1%} while nobody looked"
        before = account.equity_end
    return ""


def _old_feed(day: Day) -> str:
    if not day.total("rows"):
        return "no market data"
    for account in day.accounts:
        low, high = account.feed_age_min_s, account.feed_age_max_s
        if account.rows and (low is None or high is None):
            return "how old its market data were is not on record"
        if high is not None and high > MOST_FEED_AGE_S:
            return f"its market data were {high / DAY_S:.1f} days old: a replay"
        if low is not None and low < LEAST_FEED_AGE_S:
            return "its market data were of the future: a replay"
    return ""


def _unseen(day: Day, receipts_ns: Sequence[int]) -> str:
    begin = datetime.datetime.fromisoformat(f"{day.name}T00:00:00+00:00").timestamp()
    at_s = [wall_ns / NS - begin for wall_ns in receipts_ns]
    inside = [s for s in at_s if -MOST_RECEIPT_GAP_S <= s <= DAY_S + MOST_RECEIPT_GAP_S]
    marks = sorted(min(max(s, 0.0), float(DAY_S)) for s in inside)
    if not marks or marks[0] > MOST_RECEIPT_GAP_S or DAY_S - marks[-1] > MOST_RECEIPT_GAP_S:
        return "no receipt at its beginning or end"
    widest = max((b - a for a, b in zip(marks, marks[1:], strict=False)), default=0.0)
    if widest > MOST_RECEIPT_GAP_S:
        return f"no receipt for {widest / 3600:.1f} hours"
    return ""
