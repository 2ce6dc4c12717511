"""The compiled checks answer as their twin does, whatever arrives in whatever order.

Hypothesis draws the configuration, the length and the seed of a sequence, and so shortens one that
fails. BOT4_RISK_INPUTS sets the number of inputs (`make risk-twins`: 1,000,000; here a short run).
"""

import os
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.checker import Checker
from host.engine.checks.identity import REMEMBERED
from host.engine.checks.limits import Limits
from host.engine.checks.order import Facts, Proposal
from host.refusals import NAMES, REFUSALS, SENT
from tests.checks.test_checker import FREE
from tests.checks.test_checker import LIMITS as SOME
from tests.checks.twins import Twins, change

INPUTS = int(os.environ.get("BOT4_RISK_INPUTS", "60000"))
MOST_STEPS = 400
SECOND = 1_000_000_000
OF_THE_GATE = {*range(1, 12), 26}  # codes that are not of these checks
LOOSE = "loosened: a test"

BAD_NUMBERS = [
    float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 5e-324, -5e-324, 2.225073858507201e-308,
    1e-13, -1.0, -100.0, 1e15, 1.000000000000001e15, 1e308, -1e308, 2**53 + 1, 10**400, -(10**400),
]  # fmt: skip
BAD_WHOLES = [-1, -(10**30), 0, 2, 10**9, 10**9 + 1, 2**62, 2**62 + 1, 2**63, 10**30]
BAD_TEXTS = ["", "x" * 16, "x" * 17, "x" * 64, "x" * 65, "tr\0", "trénd", "\ud800"]
SPOILT = {
    **dict.fromkeys(("quantity", "price", "share", "last_price", "data_age_s", "position",
                     "open_buy", "open_sell", "others_value", "equity", "var_share", "cvar_share",
                     "forecast_age_s", "others_var", "others_cvar"), BAD_NUMBERS),
    **dict.fromkeys(("side", "now_ns", "open_orders"), BAD_WHOLES),
    **dict.fromkeys(("id", "strategy", "instrument"), BAD_TEXTS),
}  # fmt: skip


def pick(*values: object) -> st.SearchStrategy:
    return st.sampled_from([*values, LOOSE])


LIMITS = st.builds(
    Limits,
    max_order_value_quote=pick(150.0, 400.0, 2_000.0),
    max_order_quantity_base=pick(1.5, 3.0, 20.0),
    max_position_value_quote=pick(300.0, 900.0, 3_000.0),
    max_open_orders=pick(2, 9, 100),
    max_open_value_quote=pick(300.0, 900.0, 3_000.0),
    max_strategy_value_quote=pick(300.0, 800.0, 3_000.0),
    max_account_value_quote=pick(400.0, 1_000.0, 3_000.0),
    max_loss_quote=pick(5.0, 50.0),
    loss_window_s=st.sampled_from([0.001, 1.0, 3_600.0]),
    price_collar_share=pick(0.02, 0.05, 1.0),
    price_window_share=pick(0.02, 0.05, 1.0),
    price_window_s=st.sampled_from([0.001, 0.0123456789, 60.0, 3_600.0, 30 * 86_400.0]),
    max_messages_per_s=pick(4, 1_000, 1_000),
    cancel_reserve_per_s=st.sampled_from([1, 2]),
    max_orders_per_day=pick(3, 10, 1_000),
    max_executions=pick(1, 4, 1_000),
    execution_window_s=st.sampled_from([0.001, 1.0, 86_400.0]),
    duplicate_window_s=pick(0.001, 0.5, 30 * 86_400.0),
    restricted_instruments=pick([], ["XYZ"], ["AB", "XYZ", "x" * 16]),
    authorised_strategies=pick(["trend"], ["trend", "other", "x" * 16]),
    max_data_age_s=pick(0.5, 5.0),
    max_var_share=pick(0.01, 0.02),
    max_cvar_share=pick(0.014, 0.028),
    max_exposure_share=pick(0.3, 1.0, 3.0),
    max_drawdown_share=pick(0.005, 0.2),
    max_forecast_age_s=pick(0.5, 2.0),
)
FOUND: Counter[str] = Counter()


class Sequence:
    """Random orders, facts, prices, messages and clock steps from one seed, fed to both."""

    def __init__(self, limits: Limits, seed: int, now_ns: int) -> None:
        self.twins = Twins(limits)
        self.now_ns = now_ns
        self.random = Random(seed)
        self.number = 0
        self.found: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        """Feed so many inputs; most are orders, few are spoilt."""
        does = (self.order, self.spoilt, self.seen, self.bad_seen, self.wait, self.back,
                self.counted)  # fmt: skip
        for step in self.random.choices(does, (40, 5, 25, 1, 20, 2, 7), k=steps):
            step()
            assert (self.twins.lost, self.twins.repeated) == (
                self.twins.plain.lost,
                self.twins.plain.repeated,
            )
        self.found["inputs"] += steps

    def made(self) -> tuple[Proposal, Facts]:
        """An order like those of a strategy, and an account that may bear it."""
        one = self.random.choice
        self.number += one((0, 1, 1, 1, 1))
        order = Proposal(
            f"trend.18c2f0a1b2c.7.{self.number}", one(("trend",) * 9 + ("other",)),
            one(("PAPER",) * 9 + ("XYZ",)), one((1, -1)), one((0.5, 1.0, 1.1, 2.0, 4.0)),
            one((98.0, 99.5, 100.0, 100.0, 100.5, 103.0)), one((True, True, False)),
        )  # fmt: skip
        facts = Facts(
            self.now_ns, one((1.0, 1.0, 0.5)), one((99.0, 100.0, 101.3)), one((0.0, 0.1, 0.1, 0.7)),
            one((0.0, 0.0, 1.0, 2.5, 7.0, -1.0, -6.0)), one((0.0, 0.0, 0.0, 1.0, 5.0)),
            one((0.0, 0.0, 0.0, 1.0, 5.0)), one((0, 0, 1, 2, 8)), one((0.0, 0.0, 100.0, 800.0)),
            one((0.0, 1_000.0, 1_000.0, 20_000.0, 90_000.0, -20.0)), one((0.03, 0.03, 0.03, 0.1, 0.0)),
            one((0.04, 0.04, 0.042, 0.2, 0.02)), one((0.0, 0.1, 0.1, 1.1)), one((0.0, 0.0, 9.0)),
            one((0.0, 0.0, 9.0)),
        )  # fmt: skip
        return order, facts

    def order(self) -> None:
        order, facts = self.made()
        code = self.twins.check(order, facts)
        self.found[NAMES[code]] += 1
        if code == SENT:
            self.twins.sent(order, self.now_ns)

    def spoilt(self) -> None:
        """One field of order or facts is replaced by something that hardly ever is right."""
        order, facts = self.made()
        name = self.random.choice(list(SPOILT))
        value = self.random.choice(SPOILT[name])
        if name == "now_ns" and self.random.random() < 0.9:
            value = self.now_ns - 1  # the far future would refuse all that follows: not too often
        if hasattr(order, name):
            order = replace(order, **{name: value})
        else:
            facts = replace(facts, **{name: value})
        code = self.twins.check(order, facts)
        self.found[f"(spoilt: {NAMES[code]})"] += 1

    def seen(self) -> None:
        price = self.random.choice((98.0, 99.0, 100.0, 100.1, 100.7, 101.0))
        equity = self.random.choice((1_000.0, 1_000.0, 1_001.0, 998.7))
        if self.random.random() < 0.02:
            equity -= self.random.choice((6.0, 60.0))
        self.twins.seen(price, equity, self.now_ns)

    def bad_seen(self) -> None:
        price, equity = self.random.choices((*BAD_NUMBERS, 100.0), k=2)
        self.twins.seen(price, equity, self.now_ns)

    def wait(self) -> None:
        unit = self.random.choice((1, 15_625, 1_000_000, 17_000_000, SECOND, 60 * SECOND))
        self.now_ns += self.random.randrange(70) * unit

    def back(self) -> None:
        """Events stamped before what was counted already: they count at the latest time seen."""
        before_ns = self.now_ns - self.random.choice((1, SECOND, 86_400 * SECOND, 2**63, 10**30))
        self.twins.message(before_ns)
        self.twins.seen(100.0, 1_000.0, before_ns)

    def counted(self) -> None:
        match self.random.randrange(10):
            case 0 | 1 | 2 | 3:
                self.twins.message(self.now_ns)
            case 4 | 5 | 6:
                self.twins.executed(self.now_ns)
            case _:
                self.twins.rearmed()


@settings(max_examples=max(1, 4 * INPUTS // MOST_STEPS), deadline=None)
@given(LIMITS, st.integers(1, MOST_STEPS), st.integers(0, 2**64), st.integers(0, 2**61))
def test_both_answer_alike_on_every_sequence(
    limits: Limits, steps: int, seed: int, now_ns: int
) -> None:
    if FOUND["inputs"] < INPUTS:
        sequence = Sequence(limits, seed, now_ns)
        sequence.run(steps)
        FOUND.update(sequence.found)


def test_the_sequences_above_were_enough_and_met_every_code_of_the_checks() -> None:
    while FOUND["inputs"] < INPUTS:
        test_both_answer_alike_on_every_sequence()
    print("\n" + "  ".join(f"{name} {count}" for name, count in FOUND.most_common()))
    assert {name for code, name, _text in REFUSALS if code not in OF_THE_GATE} <= {
        name.removeprefix("(spoilt: ").removesuffix(")") for name in FOUND
    }


# Rail, a value that binds in the sequences, and what the twin is given in its place.
PLANTS = [
    ("max_order_value_quote", 150.0, 200.0),
    ("max_order_quantity_base", 1.0, 1.1),
    ("max_position_value_quote", 300.0, 330.0),
    ("max_open_orders", 2, 3),
    ("max_open_value_quote", 300.0, 330.0),
    ("max_strategy_value_quote", 300.0, 330.0),
    ("max_account_value_quote", 300.0, 330.0),
    ("max_loss_quote", 5.0, 7.0),
    ("loss_window_s", 1.0, 60.0),
    ("price_collar_share", 0.02, 0.025),
    ("price_window_share", 0.02, 0.025),
    ("price_window_s", 1.0, 2.0),
    ("max_messages_per_s", 4, 5),
    ("cancel_reserve_per_s", 1, 2),
    ("max_orders_per_day", 3, 4),
    ("max_executions", 1, 2),
    ("execution_window_s", 1.0, 2.0),
    ("duplicate_window_s", 60.0, 61.0),
    ("restricted_instruments", ["XYZ"], ["XYZZ"]),
    ("authorised_strategies", ["trend"], ["trend", "other"]),
    ("max_data_age_s", 0.5, 0.7),
    ("max_var_share", 0.01, 0.02),
    ("max_cvar_share", 0.014, 0.028),
    ("max_exposure_share", 0.3, 0.35),
    ("max_drawdown_share", 0.005, 0.01),
    ("max_forecast_age_s", 0.5, 1.5),
]
NEEDS = {
    "loss_window_s": {"max_loss_quote": 1.0},
    "price_window_s": {"price_window_share": 0.02},
    "max_messages_per_s": {"cancel_reserve_per_s": 1},
    "cancel_reserve_per_s": {"max_messages_per_s": 5},
    "execution_window_s": {"max_executions": 1},
    "max_forecast_age_s": {"max_var_share": 0.02},
}


def test_the_plants_are_of_every_rail() -> None:
    assert [rail for rail, *_values in PLANTS] == list(Limits.__struct_fields__)


@pytest.mark.parametrize(("rail", "value", "other"), PLANTS)
def test_a_rail_that_one_of_them_reads_otherwise_is_found(
    rail: str, value: object, other: object
) -> None:
    limits = change(FREE, **NEEDS.get(rail, {}), **{rail: value})
    with pytest.raises(AssertionError):  # noqa: PT012  whichever sequence finds it
        for seed in range(200):
            sequence = Sequence(limits, seed, SECOND)
            sequence.twins.plain = Checker(change(limits, **{rail: other}))
            sequence.run(MOST_STEPS)


def test_both_forget_orders_alike_and_refuse_when_they_cannot_tell() -> None:
    limits = change(
        SOME, max_messages_per_s=LOOSE, max_orders_per_day=LOOSE, duplicate_window_s=9.0
    )
    twins = Twins(limits)
    order = Proposal("trend.1.1.0", "trend", "PAPER", 1, 1.0, 100.0, True)
    facts = Facts(0, 1.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 1e6, 0.03, 0.04, 0.0, 0.0, 0.0)
    random, codes, now_ns = Random(5), Counter[str](), SECOND
    for number in range(2 * REMEMBERED):
        now_ns += 2_190_000  # at first 9 s hold 4,109 of them
        twins.seen(100.0, 0.0, now_ns)
        made = replace(order, id=f"trend.1.1.{number}", quantity=1 + random.randrange(5_000) / 1e4)
        code = twins.check(made, replace(facts, now_ns=now_ns))
        codes[NAMES[code]] += 1
        twins.sent(made, now_ns)  # whatever was said: the memory must fill
    print(dict(codes))
    assert codes["DUPLICATE_ORDER"] > REMEMBERED
    later = replace(facts, now_ns=now_ns + 8_990_000_000)
    twins.seen(100.0, 0.0, later.now_ns)
    for number in random.sample(range(2 * REMEMBERED), 200):
        known = twins.check(replace(order, id=f"trend.1.1.{number}", quantity=9e-9), later)
        assert NAMES[known] == ("DUPLICATE_ORDER" if number >= REMEMBERED else "SENT")
