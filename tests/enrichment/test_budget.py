"""The budget is never exceeded: schedules of two hosts, crashes, lost ledgers and clock errors."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from host.enrich import account as accounts
from host.enrich import money
from host.enrich.account import Account, Limits, Refused
from host.enrich.ledger import Budget
from tests.enrichment.kit import Memory

SCHEDULES, STEPS = 12_000, 40
LIMITS = Limits(ticks=1000, requests=60, prices=(1, 1))
START_S, _END_S = money.month_bounds("2026-02")
DEADLINE_S = 50


@dataclass
class Open:
    """A reservation that a host holds, and until when it may still be used."""

    key: str
    worst: int
    until_s: float


@dataclass
class World:
    """The API's books are the truth: what it billed in which month of its own clock."""

    chance: random.Random
    ledger: Memory
    now_s: float = START_S
    billed: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    past: list[bytes | None] = field(default_factory=lambda: [None])
    alerts: int = 0
    granted: int = 0

    def __post_init__(self) -> None:
        self.budgets = [Budget(self.ledger, LIMITS, self._alert) for _host in range(2)]
        self.open: list[Open | None] = [None, None]

    def _alert(self, _account: Account) -> None:
        self.alerts += 1

    def heard_s(self) -> int:
        """The API's clock as a host knows it: whole seconds, a little behind or ahead."""
        return int(self.now_s + self.chance.uniform(-2, 2))

    def step(self) -> None:
        host = self.chance.randrange(2)
        held = self.open[host]
        what = self.chance.random()
        if what < 0.3:
            near = self.chance.random() < 0.5
            self.now_s += self.chance.uniform(0, 60) if near else self.chance.uniform(0, 4 * 86_400)
        elif what < 0.37:
            self.open[host] = None  # the process is killed, whatever it was doing
        elif what < 0.42:
            self.ledger.lose(self.chance.choice(self.past))
        elif held is None:
            self._reserve(host)
        elif self.now_s > held.until_s:
            self.open[host] = None  # too late to send: left to be lost
        else:
            self._call(host, held)
        self.past.append(self.ledger.body)
        self.check()

    def _reserve(self, host: int) -> None:
        worst = self.chance.choice([self.chance.randint(1, 60), self.chance.randint(60, 600)])
        try:
            key = self.budgets[host].reserve(self.heard_s(), worst)
        except Refused:
            return
        self.granted += 1
        self.open[host] = Open(key, worst, self.now_s + DEADLINE_S)

    def _call(self, host: int, held: Open) -> None:
        self.open[host] = None
        month = money.month_of(int(self.now_s))
        cost = self.chance.choice([0, held.worst, held.worst])
        self.billed[month] += cost
        self.requests[month] += 1
        self.now_s += self.chance.uniform(0, max(0.0, held.until_s - self.now_s))
        end = self.chance.random()
        if end < 0.2:
            return  # killed between the call and the settlement
        said = None if end < 0.4 else cost
        try:
            self.budgets[host].settle(self.heard_s(), held.key, said)
        except Refused:
            return

    def check(self) -> None:
        """No month above its limit, and never one ahead of its pace: that is the sharper bound."""
        month, soon_s = money.month_of(int(self.now_s)), int(self.now_s) + 5
        for what, limit in ((self.billed, LIMITS.ticks), (self.requests, LIMITS.requests)):
            assert all(spent <= limit for spent in what.values()), what
            assert what[month] <= money.allowance(limit, month, soon_s), what


def play(seed: int, ledger: Memory) -> World:
    world = World(random.Random(seed), ledger)
    for _step in range(STEPS):
        world.step()
    return world


def play_all(ledger: type[Memory] = Memory) -> tuple[int, int]:
    """Return how many requests were granted, and what the fullest month was billed."""
    granted = fullest = 0
    for seed in range(SCHEDULES):
        world = play(seed, ledger())
        granted += world.granted
        fullest = max(fullest, *world.billed.values(), 0)
    return granted, fullest


def test_no_schedule_exceeds_the_budget() -> None:
    granted, fullest = play_all()
    print(
        f"{SCHEDULES} schedules, {granted} requests granted, fullest month {fullest} of 1000 ticks"
    )
    assert granted > SCHEDULES
    assert fullest > 0.7 * LIMITS.ticks  # the limit was really approached


def test_a_budget_that_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(limits: Limits, now_s: int, epoch: str) -> Account:
        return Account(money.month_of(now_s), now_s, epoch=epoch)

    monkeypatch.setattr(accounts, "begin", forgetful)
    with pytest.raises(AssertionError):
        play_all()


def test_a_budget_that_believes_a_ledger_which_came_back_is_found() -> None:
    class Believing(Memory):
        def lose(self, body: bytes | None) -> None:
            if body is not None:
                self.body = body  # and the epoch stays

    with pytest.raises(AssertionError):
        play_all(Believing)


def test_a_budget_without_settled_unknowns_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = accounts.settle
    monkeypatch.setattr(accounts, "settle", lambda a, li, key, cost: honest(a, li, key, cost or 0))
    with pytest.raises(AssertionError):
        play_all()


def fresh(now_s: int = START_S + 1000) -> Account:
    account = accounts.begin(LIMITS, START_S, "e")
    account.written_off = account.requests = 0
    accounts.follow(account, LIMITS, now_s, "e")
    return account


def refusal(account: Account, now_s: int, worst: int, key: str = "k") -> str:
    with pytest.raises(Refused) as caught:
        accounts.reserve(account, LIMITS, now_s, key, worst)
    return caught.value.code


def test_a_ledger_that_remembers_nothing_begins_at_its_worst() -> None:
    half_s = START_S + 14 * 86_400
    account = accounts.begin(LIMITS, half_s, "e")
    assert account.committed == money.allowance(LIMITS.ticks, "2026-02", half_s)
    assert refusal(account, half_s, 1) == "AHEAD_OF_PACE"
    later_s = half_s + 86_400
    accounts.follow(account, LIMITS, later_s, "e")
    accounts.reserve(account, LIMITS, later_s, "k", 30)


def test_hard_stop_pace_edges_and_wrong_reservations() -> None:
    account = fresh()
    assert refusal(account, START_S + 1000, 37) == "AHEAD_OF_PACE"
    assert refusal(account, START_S + 1000, 1001) == "BUDGET_SPENT"
    assert refusal(account, START_S + 1000, 0) == "BAD_RESERVATION"
    assert refusal(account, START_S + 1000, -5) == "BAD_RESERVATION"
    assert refusal(account, START_S + 1, 1) == "MONTH_EDGE"
    accounts.reserve(account, LIMITS, START_S + 1000, "k", 35)
    assert refusal(account, START_S + 1000, 1) == "BAD_RESERVATION"
    assert refusal(account, START_S + 1000, 2, "other") == "AHEAD_OF_PACE"
    last_s = _END_S - 1000
    accounts.follow(account, LIMITS, last_s, "e")
    accounts.reserve(account, LIMITS, last_s, "m", 965)
    assert refusal(account, last_s, 1, "n") == "BUDGET_SPENT"
    assert refusal(account, _END_S - 1, 1, "n") == "MONTH_EDGE"


def test_a_month_that_is_over_stays_on_record_and_the_next_begins_at_zero() -> None:
    account = fresh()
    accounts.reserve(account, LIMITS, START_S + 1000, "k", 30)
    accounts.settle(account, LIMITS, "k", 7)
    accounts.reserve(account, LIMITS, START_S + 1000, "lost", 20)
    accounts.follow(account, LIMITS, _END_S + 1000, "e")
    assert (account.month, account.committed, account.requests) == ("2026-03", 0, 0)
    assert [(c.month, c.committed_ticks, c.requests) for c in account.closed] == [
        ("2026-02", 27, 2)
    ]


def test_a_clock_that_goes_back_spends_nothing() -> None:
    account = fresh(_END_S + 1000)
    with pytest.raises(Refused, match="went back"):
        accounts.follow(account, LIMITS, START_S + 1000, "e")
    assert account.month == "2026-03"


def test_a_cost_above_the_worst_case_counts_and_stops_until_the_prices_are_others() -> None:
    account = fresh()
    accounts.reserve(account, LIMITS, START_S + 1000, "k", 5)
    assert accounts.settle(account, LIMITS, "k", 9)
    assert account.spent == 9
    assert refusal(account, START_S + 1000, 1) == "PRICES_WRONG"
    corrected = Limits(LIMITS.ticks, LIMITS.requests, (2, 2))
    accounts.reserve(account, corrected, START_S + 1000, "l", 5)


def test_what_nobody_settles_counts_in_full_and_a_late_settlement_changes_nothing() -> None:
    account = fresh()
    accounts.reserve(account, LIMITS, START_S + 1000, "k", 30)
    accounts.follow(account, LIMITS, START_S + 1000 + accounts.LOST_S + 1, "e")
    assert (account.unsettled, account.opened) == (30, {})
    assert not accounts.settle(account, LIMITS, "k", 1)
    assert account.committed == 30


def test_the_alert_comes_once_a_month() -> None:
    account = fresh(_END_S - 1000)
    accounts.reserve(account, LIMITS, _END_S - 1000, "k", 799)
    assert not accounts.alert_due(account, LIMITS)
    accounts.reserve(account, LIMITS, _END_S - 1000, "l", 1)
    assert accounts.alert_due(account, LIMITS)
    assert not accounts.alert_due(account, LIMITS)


@hypothesis(deadline=None)
@given(st.integers(0, 2**37), st.integers(1, 10**15))
def test_the_allowance_never_exceeds_the_limit_and_never_falls(now_s: int, limit: int) -> None:
    month = money.month_of(now_s)
    most = money.allowance(limit, month, now_s)
    assert 0 <= most <= limit
    assert money.allowance(limit, month, now_s + 3600) >= most


def test_the_cadence_is_lengthened_in_words_where_it_does_not_fit() -> None:
    good = money.plan(210, 300, 10**6, 1, (2 * 10**11, 80_000))
    assert (good.period_s, "within $20.0000" in good.words) == (210, True)
    dear = money.plan(210, 300, 10**8, 1, (2 * 10**11, 80_000))
    assert dear.period_s == 1340
    assert "above $20.0000: lengthened to 1340 s; opinions are neutral for 1040 s" in dear.words
    many = money.plan(210, 300, 10**6, 10, (2 * 10**11, 80_000))
    assert many.period_s == 335
    assert "above 80000 requests" in many.words
