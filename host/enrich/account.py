"""The month's budget: a pure state machine, no clock and no storage.

    committed = spent + unsettled + written off + every open reservation

and it never exceeds the allowance of the moment, which never exceeds the month's limit. A reservation is
the worst case and is made before the request; it is settled by what the API says that it cost. One that
nobody settles (a crash, no answer) counts in full for the rest of the month. What a lost or rolled back
ledger may have forgotten is written off at its worst: everything that was allowed until then.

Times are unix seconds of the API's own clock, never of this machine's (see grok.ApiClock).
"""

from dataclasses import dataclass

import msgspec

from host.enrich import money

# s. Longer than any request may take: a reservation that is older has no one to settle it.
LOST_S = 120
# s. No request begins so near to the end of a month, or to its beginning: none lies in two.
EDGE_S = 90
ALERT_SHARE_PERCENT = 80
# Months that stay on record.
MOST_CLOSED = 24


class Refused(Exception):
    """No money for this request now; `code` says why, the text says it to people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """A month that is over."""

    month: str
    committed_ticks: int
    requests: int


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """What is kept. All amounts in ticks."""

    month: str
    seen_s: int
    spent: int = 0
    unsettled: int = 0
    written_off: int = 0
    requests: int = 0
    opened: dict[str, tuple[int, int]] = {}  # id -> (worst case, when)
    alerted: bool = False
    wrong_prices: tuple[int, int] | None = None
    epoch: str = ""  # of the storage; another one may have forgotten something
    closed: list[Closed] = []

    @property
    def committed(self) -> int:
        """What is spent, or may be."""
        worst = sum(amount for amount, _at in self.opened.values())
        return self.spent + self.unsettled + self.written_off + worst


@dataclass(frozen=True)
class Limits:
    """Of a month: ticks, requests; and the prices that reservations are made with."""

    ticks: int
    requests: int
    prices: tuple[int, int]


def begin(limits: Limits, now_s: int, epoch: str) -> Account:
    """Return the account of a ledger that remembers nothing: all that was allowed so far is gone."""
    month = money.month_of(now_s)
    account = Account(month, now_s, epoch=epoch)
    account.written_off = money.allowance(limits.ticks, month, now_s)
    account.requests = money.allowance(limits.requests, month, now_s)
    return account


def follow(account: Account, limits: Limits, now_s: int, epoch: str) -> None:
    """Bring the account to `now_s`. Raises Refused when that cannot be."""
    if now_s < account.seen_s - EDGE_S:
        raise Refused("CLOCK_BACK", "the API's clock went back: nothing is spent until it is past")
    account.seen_s = max(account.seen_s, now_s)
    lost = [key for key, (_, at_s) in account.opened.items() if account.seen_s - at_s > LOST_S]
    for key in lost:
        account.unsettled += account.opened.pop(key)[0]
    month = money.month_of(account.seen_s)
    if month > account.month:
        done = Closed(account.month, account.committed, account.requests)
        account.closed = [*account.closed, done][-MOST_CLOSED:]
        account.month, account.alerted = month, False
        # What is still open may be billed in either month, and counts in both.
        account.spent = account.unsettled = account.written_off = 0
        account.requests = len(account.opened)
    if account.epoch != epoch:
        account.epoch = epoch
        most = money.allowance(limits.ticks, account.month, account.seen_s)
        account.written_off += max(0, most - account.committed)
        asked = money.allowance(limits.requests, account.month, account.seen_s)
        account.requests = max(account.requests, asked)


def reserve(account: Account, limits: Limits, now_s: int, key: str, worst: int) -> None:
    """Take the worst case of one request out of the budget, or raise Refused. Call `follow` before."""
    start, end = money.month_bounds(account.month)
    if account.wrong_prices is not None and account.wrong_prices == limits.prices:
        raise Refused("PRICES_WRONG", "a request cost more than its worst case: correct the prices")
    if not start + EDGE_S <= now_s < end - EDGE_S or account.seen_s >= end - EDGE_S:
        raise Refused("MONTH_EDGE", f"{account.month} ends or begins: nothing for {EDGE_S} s")
    if worst <= 0 or key in account.opened:
        raise Refused("BAD_RESERVATION", "a reservation is above zero and has an id of its own")
    left = limits.ticks - account.committed
    if worst > left or account.requests >= limits.requests:
        raise Refused("BUDGET_SPENT", f"the budget of {account.month} is spent")
    most = money.allowance(limits.ticks, account.month, now_s)
    if account.committed + worst > most or account.requests >= money.allowance(
        limits.requests, account.month, now_s
    ):
        raise Refused("AHEAD_OF_PACE", f"ahead of the pace of {account.month}: later")
    account.wrong_prices = None
    account.opened = {**account.opened, key: (worst, account.seen_s)}
    account.requests += 1


def settle(account: Account, limits: Limits, key: str, cost: int | None) -> bool:
    """Put what a request cost in place of its reservation; False when that is no longer open.

    None is for a cost that nobody knows: the worst case counts. A cost above the worst case counts in
    full, and means that the prices are wrong.
    """
    if key not in account.opened:
        return False
    worst, _at = account.opened[key]
    account.opened = {name: item for name, item in account.opened.items() if name != key}
    if cost is None:
        account.unsettled += worst
        return True
    account.spent += max(0, cost)
    if cost > worst:
        account.wrong_prices = limits.prices
    return True


def alert_due(account: Account, limits: Limits) -> bool:
    """Return True once a month, when the alert's share is committed."""
    if account.alerted or 100 * account.committed < ALERT_SHARE_PERCENT * limits.ticks:
        return False
    account.alerted = True
    return True
