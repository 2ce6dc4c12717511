"""After every order that the checks let pass, VaR and CVaR are within their shares of the equity."""

import os
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.order import Facts, Proposal
from host.refusals import NAMES, SENT
from host.risk.sizing import most_value
from tests.checks.test_checker import FREE
from tests.checks.twins import Twins, change

EXAMPLES = int(os.environ.get("BOT4_RAIL_EXAMPLES", "60"))
STEPS = 200
SECOND = 1_000_000_000
VAR, CVAR, AGE_S = 0.02, 0.028, 2.0
LIMITS = change(FREE, max_var_share=VAR, max_cvar_share=CVAR, max_forecast_age_s=AGE_S)
EPSILON = 1 + 1e-9


@dataclass
class Account:
    """Two instruments' worth of account: this one, and a rest whose risk is known."""

    cash: float
    position: float = 0.0
    price: float = 100.0


class Trading:
    """Random orders, fills, prices and forecasts from a seed; keeps its own books."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.twins = Twins(LIMITS)
        self.account = Account(self.random.choice((1e3, 1e5, 1e7)))
        self.entries: list[tuple[int, float]] = []
        self.now_ns, self.number, self.sent = SECOND, 0, 0
        self.refused: set[str] = set()
        self.tell()

    def tell(self) -> None:
        self.var = self.random.choice((0.004, 0.03, 0.09, 0.4))
        self.cvar = self.var * self.random.choice((1.0, 1.2, 1.393, 2.5))
        self.age_s = self.random.choice((0.0, 0.1, 0.1, 1.9, 2.1))
        self.others = self.random.choice((0.0, 0.0, 0.005)) * self.account.cash

    @property
    def equity(self) -> float:
        return self.account.cash + self.account.position * self.account.price

    def order(self) -> None:
        account, random = self.account, self.random
        side, share = random.choice((1, 1, -1)), random.choice((1.0, 1.0, 0.5))
        wish = most_value(self.equity, self.var, self.cvar, VAR, CVAR) / account.price
        quantity = max(1e-9, wish * random.choice((0.1, 0.5, 0.999, 1.001, 3.0)))
        opened = [sum(q for s, q in self.entries if s == way) for way in (1, -1)]
        self.number += 1
        proposal = Proposal(
            f"trend.1.1.{self.number}", "trend", "PAPER", side, quantity,
            account.price * random.choice((0.99, 1.0, 1.01)), True,
        )  # fmt: skip
        facts = Facts(
            self.now_ns, share, account.price, 0.0, account.position, *opened, len(self.entries),
            0.0, self.equity, self.var, self.cvar, self.age_s, self.others, 1.3 * self.others,
        )  # fmt: skip
        code = self.twins.check(proposal, facts)
        if code != SENT:
            self.refused.add(NAMES[code])
            return
        self.sent += 1
        self.twins.sent(proposal, self.now_ns)
        self.entries.append((side, quantity))
        self.holds(share, max(account.price, proposal.price))

    def holds(self, share: float, price: float) -> None:
        """However the entries fill, nothing is above its share; and a forecast was there."""
        assert self.age_s <= AGE_S
        worst = max(
            abs(self.account.position + sum(q for s, q in self.entries if s in fills and s == 1)
                - sum(q for s, q in self.entries if s in fills and s == -1))
            for fills in ((), (1,), (-1,), (1, -1))
        )  # fmt: skip
        value, room = worst * price, share * self.equity * EPSILON
        assert value * self.var + self.others <= VAR * room
        assert value * self.cvar + 1.3 * self.others <= CVAR * room

    def fill(self) -> None:
        if self.entries:
            side, quantity = self.entries.pop(self.random.randrange(len(self.entries)))
            if self.random.random() < 0.6:
                self.account.position += side * quantity
                self.account.cash -= side * quantity * self.account.price

    def move(self) -> None:
        self.now_ns += self.random.randrange(SECOND)
        self.account.price *= self.random.choice((0.9, 0.99, 1.0, 1.01, 1.1))
        if self.random.random() < 0.5:
            self.tell()
        self.twins.seen(self.account.price, max(self.equity, 0.0), self.now_ns)


REFUSED: set[str] = set()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**64))
def test_after_every_accepted_order_the_risk_is_within_its_share(seed: int) -> None:
    trading = Trading(seed)
    trading.move()
    for step in trading.random.choices(
        (trading.order, trading.fill, trading.move), (4, 2, 3), k=STEPS
    ):
        step()
    REFUSED.update(trading.refused)


def test_the_limits_above_were_met_from_both_sides() -> None:
    trading = Trading(7)
    trading.move()
    for _step in range(5_000):
        trading.random.choice((trading.order, trading.fill, trading.move))()
        if trading.equity < 1:
            trading = Trading(trading.number)
            trading.move()
        REFUSED.update(trading.refused)
    print(trading.sent, sorted(REFUSED))
    assert {"VAR_LIMIT", "CVAR_LIMIT", "FORECAST_STALE"} <= REFUSED
