"""No order that passes breaks any limit; each limit has its own code. Asked of both twins."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host import config, refusals
from host.engine.checks.limits import Limits, loosened, number
from host.engine.checks.order import Facts, Proposal
from host.hotpath import riskcheck, riskorder
from host.refusals import NAMES, SENT
from tests.checks.twins import Twins
from tests.checks.twins import change as change_limits

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
LIMITS = Limits(
    max_order_value_quote=1_000.0,
    max_order_quantity_base=8.0,
    max_position_value_quote=3_000.0,
    max_open_orders=4,
    max_open_value_quote=1_500.0,
    max_strategy_value_quote=2_500.0,
    max_account_value_quote=4_000.0,
    max_loss_quote=100.0,
    loss_window_s=3_600.0,
    price_collar_share=0.05,
    price_window_share=0.10,
    price_window_s=60.0,
    max_messages_per_s=10,
    cancel_reserve_per_s=4,
    max_orders_per_day=20,
    max_executions=5,
    execution_window_s=60.0,
    duplicate_window_s=0.5,
    restricted_instruments=["XYZ"],
    authorised_strategies=["trend"],
    max_data_age_s=5.0,
    max_var_share=0.02,
    max_cvar_share=0.028,
    max_exposure_share=1.0,
    max_drawdown_share="loosened: the equity of these tests begins at 0",
    max_forecast_age_s=2.0,
)
FREE = Limits(
    **{
        name: getattr(LIMITS, name)
        if name in ("loss_window_s", "price_window_s", "execution_window_s", "cancel_reserve_per_s")
        else "loosened: a test"
        for name in Limits.__struct_fields__
    }
)
ORDER = Proposal("trend.1.1.1", "trend", "PAPER", 1, 1.0, 100.0, True)
FORECAST = (0.03, 0.042, 0.1, 0.0, 0.0)  # VaR, CVaR, age, and the risk of others
FACTS = Facts(10 * SECOND, 1.0, 100.0, 0.1, 0.0, 0.0, 0.0, 0, 0.0, 100_000.0, *FORECAST)


REDUCE = {"opens": False, "side": -1}


def make(limits: Limits = LIMITS) -> Twins:
    checker = Twins(limits)
    checker.seen(100.0, 0.0, FACTS.now_ns)
    return checker


def change(what: object, **fields: object):  # noqa: ANN201  either kind
    from dataclasses import replace

    return replace(what, **fields)  # type: ignore[type-var]


def verdict(order: dict, facts: dict, limits: Limits = LIMITS) -> str:
    return NAMES[make(limits).check(change(ORDER, **order), change(FACTS, **facts))]


@pytest.mark.parametrize(
    ("order", "facts", "wanted"),
    [
        ({}, {}, "SENT"),
        ({"quantity": 10.0}, {}, "ORDER_VALUE_LIMIT"),
        ({"quantity": 10.01}, {}, "ORDER_VALUE_LIMIT"),
        ({"quantity": 8.5}, {}, "ORDER_QUANTITY_LIMIT"),
        ({"quantity": 5.1}, {"share": 0.5}, "ORDER_VALUE_LIMIT"),
        ({}, {"open_orders": 4}, "OPEN_ORDERS_LIMIT"),
        ({}, {"open_orders": 2, "share": 0.5}, "OPEN_ORDERS_LIMIT"),
        ({}, {"open_buy": 14.5}, "OPEN_VALUE_LIMIT"),
        ({}, {"open_sell": 14.5}, "OPEN_VALUE_LIMIT"),
        ({}, {"position": 29.5}, "POSITION_LIMIT"),
        ({}, {"position": 24.5}, "STRATEGY_CAPITAL"),
        ({}, {"position": 24.5, "open_buy": 7.0}, "POSITION_LIMIT"),
        ({"side": -1}, {"position": -24.5}, "STRATEGY_CAPITAL"),
        ({}, {"others_value": 3_950.0}, "ACCOUNT_CAPITAL"),
        ({"price": 94.9}, {}, "PRICE_COLLAR"),
        ({"price": 105.1}, {}, "PRICE_COLLAR"),
        ({"price": 111.0}, {"last_price": 111.0}, "PRICE_WINDOW"),
        ({}, {"now_ns": 100 * SECOND}, "PRICE_WINDOW"),
        ({}, {"data_age_s": 5.1}, "STALE_DATA"),
        ({}, {"data_age_s": -0.1}, "STALE_DATA"),
        ({"strategy": "other"}, {}, "NOT_AUTHORISED"),
        ({"instrument": "XYZ"}, {}, "RESTRICTED_INSTRUMENT"),
        ({"opens": False, "side": -1}, {"position": 0.5}, "REDUCE_WOULD_INCREASE"),
        ({"opens": False, "side": 1}, {"position": 5.0}, "REDUCE_WOULD_INCREASE"),
        ({"opens": False, "side": -1, "quantity": 50.0}, {"position": 50.0}, "SENT"),
        ({"opens": False, "side": 1, "quantity": 50.0}, {"position": -50.0}, "SENT"),
        ({"side": 0}, {}, "BAD_NUMBER"),
        ({}, {"equity": 100.0}, "VAR_LIMIT"),
        ({}, {"equity": 99.9}, "EXPOSURE_LIMIT"),
        ({}, {"equity": 0.0}, "EXPOSURE_LIMIT"),
        ({}, {"equity": -5.0}, "EXPOSURE_LIMIT"),
        ({}, {"equity": 150.1}, "SENT"),
        ({}, {"equity": 150.1, "share": 0.5}, "EXPOSURE_LIMIT"),
        ({}, {"equity": 299.9, "share": 0.5}, "VAR_LIMIT"),
        ({}, {"equity": 151.0, "cvar_share": 0.0423}, "CVAR_LIMIT"),
        ({}, {"equity": 300.0, "others_var": 3.1}, "VAR_LIMIT"),
        ({}, {"equity": 300.0, "others_cvar": 4.3}, "CVAR_LIMIT"),
        ({}, {"equity": 300.0, "open_buy": 1.1}, "VAR_LIMIT"),
        ({}, {"equity": 300.0, "position": 1.1}, "VAR_LIMIT"),
        ({}, {"forecast_age_s": 2.1}, "FORECAST_STALE"),
        ({}, {"forecast_age_s": -0.1}, "FORECAST_STALE"),
        ({}, {"var_share": 0.0}, "FORECAST_STALE"),
        ({}, {"var_share": 0.0, "cvar_share": 0.0}, "FORECAST_STALE"),
        ({}, {"cvar_share": 0.0299}, "FORECAST_STALE"),
        (REDUCE, {"position": 1.0, "forecast_age_s": 9.0, "var_share": 0.0}, "SENT"),
        (REDUCE, {"position": 9.0, "equity": -5.0}, "SENT"),
    ],
)
def test_each_limit_refuses_with_its_code(order: dict, facts: dict, wanted: str) -> None:
    if wanted == "ORDER_VALUE_LIMIT" and order == {"quantity": 10.0}:
        wanted = "ORDER_QUANTITY_LIMIT"  # worth exactly the limit, which is permitted
    assert verdict(order, facts) == wanted


BAD = [
    math.nan, math.inf, -math.inf, -0.0, 5e-324, -5e-324, 2.225073858507201e-308,
    1.000000000000001e15, 1e308, -1e308, 10**400, -(10**400),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "name",
    ["last_price", "data_age_s", "position", "open_buy", "open_sell", "others_value", "equity",
     "share", "var_share", "cvar_share", "forecast_age_s", "others_var", "others_cvar"],
)  # fmt: skip
def test_a_fact_that_is_no_number_refuses_also_when_it_only_reduces(name: str, bad: float) -> None:
    for free in (LIMITS, FREE):
        assert verdict({}, {name: bad}, free) == "BAD_NUMBER"
        assert verdict(REDUCE, {"position": 9.0, name: bad}, free) == "BAD_NUMBER"


@pytest.mark.parametrize("bad", [*BAD, 0.0, -1.0, 9e-13])
@pytest.mark.parametrize("name", ["quantity", "price"])
def test_an_order_that_is_no_number_is_refused(name: str, bad: float) -> None:
    for free in (LIMITS, FREE):
        assert verdict({name: bad}, {}, free) == "BAD_NUMBER"
        assert verdict({**REDUCE, name: bad}, {"position": 9.0}, free) == "BAD_NUMBER"


@pytest.mark.parametrize(
    ("name", "bad"),
    [("side", 0), ("side", 2), ("side", 2**32 + 1), ("side", -(10**30)),
     ("now_ns", -1), ("now_ns", FACTS.now_ns - 1), ("now_ns", 2**62 + 1), ("now_ns", 2**64),
     ("open_orders", -1), ("open_orders", 10**9 + 1), ("open_orders", 2**63), ("open_orders", 10**30)],
)  # fmt: skip
def test_a_whole_number_out_of_range_is_refused(name: str, bad: int) -> None:
    order, facts = ({name: bad}, {}) if name == "side" else ({}, {name: bad})
    for free in (LIMITS, FREE):
        assert verdict(order, facts, free) == "BAD_NUMBER"
        assert verdict({**REDUCE, **order}, {"position": 9.0, **facts}, free) == "BAD_NUMBER"


@pytest.mark.parametrize(
    ("name", "bad"),
    [("id", ""), ("id", "x" * 65), ("id", "trénd.1.1.1"), ("id", "\ud800"),
     ("strategy", ""), ("strategy", "x" * 17), ("instrument", ""), ("instrument", "P" * 17)],
)  # fmt: skip
def test_a_name_that_no_venue_takes_is_refused(name: str, bad: str) -> None:
    for free in (LIMITS, FREE):
        assert verdict({name: bad}, {}, free) == "BAD_NAME"
    assert verdict({"id": "x" * 64}, {}) == "SENT"


def test_a_name_is_compared_whole() -> None:
    for name in ("tren", "trend\0", "trendy"):
        assert verdict({"strategy": name}, {}) == "NOT_AUTHORISED"
    for name in ("XY", "XYZ\0", "XYZZ"):
        assert verdict({"instrument": name}, {}) == "SENT"


@pytest.mark.parametrize("bad", [*BAD, 0.0, -1.0])
def test_a_price_of_the_feed_that_is_none_leaves_no_reference_until_the_next(bad: float) -> None:
    checker = make()
    checker.seen(bad, 0.0, FACTS.now_ns)
    assert checker.check(ORDER, FACTS) == refusals.PRICE_WINDOW
    checker.seen(100.0, 0.0, FACTS.now_ns)
    assert checker.check(ORDER, FACTS) == SENT


def test_what_is_of_another_kind_is_not_taken() -> None:
    with pytest.raises(TypeError):
        riskorder.Proposal(None, "trend", "PAPER", 1, 1.0, 100.0, True)
    with pytest.raises(TypeError):
        riskorder.Proposal("trend.1.1.1", "trend", "PAPER", 1, "1.0", 100.0, True)
    with pytest.raises(TypeError):
        riskorder.Facts(1.5, 1.0, 100.0, 0.1, 0.0, 0.0, 0.0, 0, 0.0, 0.0, *FORECAST)
    with pytest.raises(TypeError):
        riskcheck.RiskCheck(LIMITS).check(None, None)


def test_without_any_price_seen_an_order_is_refused() -> None:
    assert Twins(LIMITS).check(ORDER, FACTS) == refusals.PRICE_WINDOW


def test_the_same_order_too_soon_and_the_same_id_for_ever_are_duplicates() -> None:
    checker = make()
    checker.sent(ORDER, FACTS.now_ns)
    again = change(ORDER, id="trend.1.1.2")
    soon = change(FACTS, now_ns=FACTS.now_ns + SECOND // 4)
    later = change(FACTS, now_ns=FACTS.now_ns + SECOND)
    assert checker.check(again, soon) == refusals.DUPLICATE_ORDER
    assert checker.check(change(again, quantity=2.0), soon) == SENT
    assert checker.check(again, later) == SENT
    assert checker.check(ORDER, later) == refusals.DUPLICATE_ORDER


def test_orders_stop_at_the_reserve_that_is_kept_for_cancels() -> None:
    checker = make()
    for number_ in range(6):
        order = change(ORDER, id=f"trend.1.1.{number_}", quantity=1.0 + number_ / 10)
        assert checker.check(order, FACTS) == SENT
        checker.sent(order, FACTS.now_ns)
    order = change(ORDER, id="trend.1.1.9", quantity=3.0)
    assert checker.check(order, FACTS) == refusals.MESSAGE_RATE
    for _cancel in range(100):
        checker.message(FACTS.now_ns)  # counted, and there is nothing that could refuse it
    checker.seen(100.0, 0.0, FACTS.now_ns + 2 * SECOND)
    assert checker.check(order, change(FACTS, now_ns=FACTS.now_ns + 2 * SECOND)) == SENT


def test_orders_of_a_day_roll_and_do_not_reset_at_midnight() -> None:
    limits = msgspec.structs.replace(LIMITS, price_window_s=2 * 86_400.0)
    checker = make(limits)
    start_ns = 23 * 3_600 * SECOND
    for n in range(20):
        order = change(ORDER, id=f"trend.1.1.{n}")
        facts = change(FACTS, now_ns=start_ns + n * 60 * SECOND)
        checker.seen(100.0, 0.0, facts.now_ns)
        assert checker.check(order, facts) == SENT
        checker.sent(order, facts.now_ns)
    last = change(ORDER, id="trend.1.2.1")
    for hours, wanted in ((2, refusals.ORDERS_PER_DAY), (23, refusals.ORDERS_PER_DAY), (25, SENT)):
        facts = change(FACTS, now_ns=start_ns + hours * 3_600 * SECOND)
        checker.seen(100.0, 0.0, facts.now_ns)
        assert checker.check(last, facts) == wanted


def test_repeated_executions_and_losses_latch_until_a_person_has_rearmed() -> None:
    for latch, code in (
        (lambda c: [c.executed(FACTS.now_ns) for _ in range(6)], refusals.REPEATED_EXECUTION),
        (lambda c: c.seen(100.0, -100.5, FACTS.now_ns), refusals.LOSS_LIMIT),
        (lambda c: c.seen(100.0, math.nan, FACTS.now_ns), refusals.LOSS_LIMIT),
    ):
        checker = make()
        latch(checker)
        far = change(FACTS, now_ns=FACTS.now_ns + 2 * DAY)
        checker.seen(100.0, 0.0, far.now_ns)
        assert checker.check(ORDER, far) == code
        reduce = change(ORDER, opens=False, side=-1)
        assert checker.check(reduce, change(far, position=2.0)) == SENT
        checker.rearmed()
        assert checker.check(ORDER, far) == SENT


def test_a_loss_is_counted_from_the_highest_in_a_rolling_window() -> None:
    checker = make()
    for minute, equity in enumerate([0.0, 50.0, -49.0]):
        checker.seen(100.0, equity, minute * 60 * SECOND)
    assert not checker.lost  # 99 below the highest
    slow = make()
    for hour in range(10):
        slow.seen(100.0, -90.0 * hour, hour * 3_700 * SECOND)
    assert not slow.lost  # each highest has left the window
    checker.seen(100.0, -51.0, 180 * SECOND)
    assert checker.lost


@pytest.mark.parametrize(
    ("equities", "drawn"),
    [((999.0, 1_000.0, 900.0), False), ((999.0, 1_000.0, 899.9), True), ((500.0, 899.9), False),
     ((1_000.0, 950.0, 899.0), True), ((0.0, 0.0), False), ((0.0, -0.1), True), ((-5.0,), True)],
)  # fmt: skip
def test_a_drawdown_is_a_share_of_the_highest_since_a_person_rearmed(
    equities: tuple[float, ...], drawn: bool
) -> None:
    limits = change_limits(LIMITS, max_drawdown_share=0.1, max_loss_quote="loosened: a test")
    checker = Twins(limits)
    for day, equity in enumerate(equities):
        checker.seen(100.0, equity, day * DAY)
    assert checker.lost == drawn
    checker.seen(100.0, 2_000.0, 9 * DAY)
    now = change(FACTS, now_ns=9 * DAY)
    assert checker.check(ORDER, now) == (refusals.DRAWDOWN_LIMIT if drawn else SENT)
    assert checker.check(change(ORDER, **REDUCE), change(now, position=2.0)) == SENT
    checker.rearmed()
    assert checker.check(ORDER, now) == SENT


def test_a_loosened_rail_has_no_end_and_says_why() -> None:
    free = msgspec.structs.replace(
        LIMITS, max_order_value_quote="loosened: a test", max_order_quantity_base="loosened: too"
    )
    assert loosened(free)["max_order_value_quote"] == "a test"
    assert number(free.max_order_value_quote) == math.inf
    assert verdict({"quantity": 12.0}, {}, free) == "SENT"


# -- no order that passes breaks any limit ------------------------------------------------------


@dataclass
class World:
    """An account kept by hand, and every limit once more, from the words of the table."""

    position: float = 0.0
    entries: list[Proposal] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    seen: list[tuple[int, float]] = field(default_factory=list)
    now_ns: int = 10 * SECOND
    age_s: float = 0.0

    def facts(self, share: float, price: float) -> Facts:
        opened: Callable[[int], float] = lambda side: sum(  # noqa: E731
            o.quantity for o in self.entries if o.side == side
        )
        return Facts(
            self.now_ns, share, price, self.age_s, self.position, opened(1), opened(-1),
            len(self.entries), 0.0, 100_000.0, *FORECAST,
        )  # fmt: skip

    def holds(self, order: Proposal, share: float, price: float) -> None:
        """Assert that nothing is broken once `order` has left."""
        value = order.quantity * order.price
        assert self.age_s <= 5.0
        assert abs(order.price / price - 1) <= 0.05
        if not order.opens:
            assert abs(self.position + order.side * order.quantity) <= abs(self.position)
            return
        assert value <= 1_000 * share
        assert order.quantity <= 8 * share
        entries = [*self.entries, order]
        assert len(entries) <= 4 * share
        assert sum(o.quantity for o in entries) * price <= 1_500 * share * 1.0000001
        # Whichever of the entries fill, and in whatever order, the position stays within.
        for filled in range(2 ** len(entries)):
            after = self.position + sum(
                o.side * o.quantity for bit, o in enumerate(entries) if filled >> bit & 1
            )
            assert abs(after) * price <= 2_500 * share * 1.0000001 or abs(after) <= abs(
                self.position
            )
        second = [t for t in self.sent_ns if self.now_ns - t < SECOND]
        assert len(second) + 1 <= 6
        assert len(self.sent_ns) + 1 <= 20


ORDERS = st.tuples(
    st.just("order"), st.sampled_from([1, -1]), st.integers(1, 180).map(lambda n: n / 20),
    st.integers(94, 106).map(float), st.booleans(), st.sampled_from([1.0, 0.5]),
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        ORDERS, ORDERS, ORDERS,
        st.tuples(st.just("price"), st.integers(97, 103).map(float)),
        st.tuples(st.just("wait"), st.integers(0, 2 * SECOND)),
        st.tuples(st.just("fill")),
        st.tuples(st.just("cancel")),
    ),
    max_size=60,
)  # fmt: skip
PASSED = {"orders": 0}


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_no_order_that_passes_breaks_any_limit(steps: list[tuple]) -> None:
    world, checker, price, seen_ns = World(), make(), 100.0, 10 * SECOND
    for number_, (what, *rest) in enumerate(steps):
        if what == "price":
            price, seen_ns = rest[0], world.now_ns
            checker.seen(price, 0.0, world.now_ns)
        elif what == "wait":
            world.now_ns += rest[0]
        elif what == "fill" and world.entries:
            gone = world.entries.pop(0)
            world.position += gone.side * gone.quantity
        elif what == "cancel" and world.entries:
            world.entries.pop()
            checker.message(world.now_ns)
        elif what == "order":
            side, quantity, limit, opens, share = rest
            world.age_s = (world.now_ns - seen_ns) / SECOND
            order = Proposal(f"trend.1.1.{number_}", "trend", "PAPER", side, quantity, limit, opens)
            if checker.check(order, world.facts(share, price)) != SENT:
                continue
            world.holds(order, share, price)
            checker.sent(order, world.now_ns)
            PASSED["orders"] += 1
            world.sent_ns.append(world.now_ns)
            if opens:
                world.entries.append(order)
            else:
                world.position += side * quantity


def test_the_property_above_has_seen_orders_that_passed() -> None:
    test_no_order_that_passes_breaks_any_limit()
    assert PASSED["orders"] > 100


# -- configuration ------------------------------------------------------------------------------


def test_the_shipped_file_sets_every_rail() -> None:
    assert loosened(config.load(config.DEFAULT).limits) == {}


@pytest.mark.parametrize(
    ("rail", "value", "said"),
    [
        ("loss_window_s", "0.0009", ">= 0.001"),
        ("price_window_s", "1e-9", ">= 0.001"),
        ("execution_window_s", "0", ">= 0.001"),
        ("duplicate_window_s", "0.0001", ">= 0.001"),
        ("loss_window_s", "2592001", "<= 2592000.0"),
        ("restricted_instruments", str([f"N{n}" for n in range(65)]), "length <= 64"),
        ("authorised_strategies", str([f"n{n}" for n in range(65)]), "length <= 64"),
    ],
)
def test_a_window_that_holds_nothing_and_a_list_too_long_are_refused(
    tmp_path: Path, rail: str, value: str, said: str
) -> None:
    text = config.DEFAULT.read_text()
    lines = [
        f"{rail} = {value}" if line.startswith(f"{rail} ") else line for line in text.split("\n")
    ]
    file = tmp_path / "bot4.toml"
    file.write_text("\n".join(lines))
    with pytest.raises(config.ConfigError, match=rf"\[limits\] {rail}: .*{said}"):
        config.load(file)


def test_as_many_names_as_a_list_may_have_are_all_compared() -> None:
    names = [f"N{n}" for n in range(64)]
    full = change_limits(LIMITS, restricted_instruments=names)
    assert {verdict({"instrument": name}, {}, full) for name in names} == {"RESTRICTED_INSTRUMENT"}
    assert verdict({"instrument": "N64"}, {}, full) == "SENT"
