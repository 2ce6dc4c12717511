"""Position, average entry, fees and P&L against a plain model in fractions, and against three wallets.

BOT4_EXECUTION_STEPS=100000 (`make execution-long`) is the long form; each step is at least one report.
"""

import os
from decimal import Decimal as D
from fractions import Fraction as F

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from host.execution import position as position_module
from host.execution.alarms import Alarms
from host.execution.exact import ZERO
from host.execution.fills import BadEvent, Cumulative, Execution
from host.execution.life import Event
from host.execution.order import Order, Role
from host.execution.orders import Orders
from host.execution.position import MOST_CURRENCIES, NoRate, Position
from host.venues import events as ev
from host.venues.messages import Side, plain

STEPS = int(os.environ.get("BOT4_EXECUTION_STEPS", "2000"))
PER_RUN = 50
MARK = D("123.45")


class Model:
    """The textbook: weighted average entry, profit added up with every close; and three wallets."""

    def __init__(self) -> None:
        self.qty = self.average = self.realised = F(0)
        self.wallets = {"BTC": F(0), "USDT": F(0), "BNB": F(0)}
        self.fees = dict.fromkeys(self.wallets, F(0))

    def execute(self, side: Side, qty: F, price: F, fee: F, currency: str) -> None:
        signed = qty if side == "buy" else -qty
        self.wallets["BTC"] += signed
        self.wallets["USDT"] -= signed * price
        self.wallets[currency] -= fee
        self.fees[currency] += fee
        moved = signed - fee if currency == "BTC" else signed
        if self.qty * moved < 0:
            closed = min(abs(moved), abs(self.qty))
            self.realised += closed * (price - self.average) * (1 if self.qty > 0 else -1)
        now = self.qty + moved
        if self.qty * moved >= 0:
            self.average = (abs(self.qty) * self.average + abs(moved) * price) / abs(now)
        elif self.qty * now <= 0:
            self.average = price if now else F(0)
        self.qty = now


class Trading(RuleBasedStateMachine):
    """Orders of both sides are made, filled in pieces, told twice, late and after their end."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.position = Position("BTC", "USDT")
        self.alarms = Alarms(lambda *_args, **_data: None)
        self.orders = Orders(self.alarms, self.position.check)
        self.open: list[tuple[Order, list[F]]] = []
        self.told: list[ev.Fill] = []
        self.late: list[ev.Fill] = []
        self.made = 0

    def hear(self, event: ev.Ev) -> int:
        done = self.orders.take(event, 1)
        for execution in done:
            self.position.take(execution)
        return len(done)

    def tell(self, fill: ev.Fill) -> None:
        """An average is of the executions in the order in which they are told."""
        qty, price, fee = (F(text) for text in (fill.qty, fill.price, fill.fee))
        self.model.execute(fill.side, qty, price, fee, fill.currency or "USDT")
        assert self.hear(fill) == 1
        self.told.append(fill)

    @rule(side=st.sampled_from(["buy", "sell"]), lots=st.integers(1, 10**12), ack=st.booleans())
    def make(self, side: Side, lots: int, ack: bool) -> None:
        self.made += 1
        qty = D(lots).scaleb(-8)
        order = self.orders.note(Order(f"a.1.1.{self.made}", side, qty, Role.ENTRY), 1)
        self.orders.step(order, Event.SEND, 1)
        if ack:
            self.hear(ev.Ack(order.id))
        self.open.append((order, []))

    @precondition(lambda self: self.open)
    @rule(
        which=st.integers(0, 10**6),
        share=st.sampled_from([F(1), F(1), F(1, 2), F(1, 3), F(1, 7)]),
        cents=st.integers(1, 10**9),
        fee=st.integers(-1000, 1000),
        currency=st.sampled_from(["USDT", "BTC", "BNB", ""]),
        when=st.sampled_from(["now", "now", "now", "late"]),
    )
    def fill(self, which: int, share: F, cents: int, fee: int, currency: str, when: str) -> None:
        order, pieces = self.open[which % len(self.open)]
        left = F(order.qty) - sum(pieces)
        lots = max(1, int(left * share * 10**8))
        qty, price = D(lots).scaleb(-8), D(cents).scaleb(-4)
        # In hundredths of a per cent of what it is paid in, which is always less than all of it.
        paid = {"BTC": qty, "BNB": D(1)}.get(currency, qty * price)
        charged = (paid * D(fee).scaleb(-4)).quantize(D(1).scaleb(-18))
        if abs(charged) >= paid:
            charged = ZERO
        pieces.append(F(qty))
        left -= F(qty)
        rest = plain(D(left.numerator) / left.denominator)
        name = f"t{len(pieces)}"
        fill = ev.Fill(
            order.id, order.side, plain(qty), plain(price), plain(charged), rest, name, currency
        )
        if not left:
            self.open.remove((order, pieces))
        if when == "late":
            self.late.append(fill)
        else:
            self.tell(fill)

    @precondition(lambda self: self.late)
    @rule(which=st.integers(0, 10**6))
    def tell_late(self, which: int) -> None:
        self.tell(self.late.pop(which % len(self.late)))

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 10**6), listed=st.booleans())
    def tell_again(self, which: int, listed: bool) -> None:
        fill = self.told[which % len(self.told)]
        assert self.hear(ev.Fills(1, [fill], "") if listed else fill) == 0

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 10**6))
    def end(self, which: int) -> None:
        order, _pieces = self.open.pop(which % len(self.open))
        self.hear(ev.Cancelled(order.id))

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 10**6))
    def tell_nonsense(self, which: int) -> None:
        fill = self.told[which % len(self.told)]
        wrong: Side = "sell" if fill.side == "buy" else "buy"
        assert self.hear(ev.Fill(fill.id, wrong, fill.qty, "1", "0", "0", "other")) == 0
        assert self.hear(ev.Fill(fill.id, fill.side, "99999999999", "1", "0", "0", "more")) == 0
        assert self.hear(ev.Fill("somebody", fill.side, "1", "1", "0", "0", "x")) == 0

    @invariant()
    def count(self) -> None:
        Trading.steps += 1

    @invariant()
    def equal_the_exact_result(self) -> None:
        model, position = self.model, self.position
        assert F(position.qty) == model.qty == model.wallets["BTC"]
        assert position.average == (model.average if model.qty else None)
        assert position.realised == model.realised
        assert position.unrealised(MARK) == model.qty * (F(MARK) - model.average)
        assert F(position.cash) == model.wallets["USDT"]
        assert F(position.equity(MARK)) == model.wallets["USDT"] + model.qty * F(MARK)
        assert {k: F(v) for k, v in position.fees.items() if v} == {
            k: v for k, v in model.fees.items() if v
        }
        third = {"BNB": D(600)}
        worth = sum(model.wallets[k] * v for k, v in (("BTC", F(MARK)), ("USDT", 1), ("BNB", 600)))
        assert F(position.profit(MARK, third)) == worth


def test_position_average_fees_and_profit_equal_the_exact_result(
    capsys: pytest.CaptureFixture,
) -> None:
    Trading.steps = 0
    while Trading.steps < STEPS:
        run_machine(
            Trading,
            settings=settings(
                max_examples=max(20, min(500, STEPS // PER_RUN)),
                stateful_step_count=PER_RUN,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    with capsys.disabled():
        print(f"\n  {Trading.steps} steps", end="")


def test_a_planted_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Position.take

    def careless(self: Position, execution: Execution) -> None:
        take(self, execution)
        if self.executions == 3:
            self.cash += D(1).scaleb(-30)

    monkeypatch.setattr(Position, "take", careless)
    found = settings(max_examples=200, stateful_step_count=PER_RUN, deadline=None,
                     suppress_health_check=list(HealthCheck), phases=[Phase.generate])  # fmt: skip
    with pytest.raises(AssertionError):
        run_machine(Trading, settings=found)


def executed(side: Side, qty: str, cost: str, fee: str = "0", currency: str = "") -> Execution:
    return Execution("a", "t", side, D(qty), D(cost), D(fee), currency, ZERO)


def test_through_zero_the_rest_has_cost_the_price_of_the_flip() -> None:
    position = Position("BTC", "USDT")
    position.take(executed("buy", "1", "100"))
    position.take(executed("buy", "2", "230"))
    assert position.average == F(110)
    position.take(executed("sell", "5", "600"))
    assert (position.qty, position.average, position.realised) == (D(-2), F(120), F(30))
    position.take(executed("buy", "2", "260"))
    assert (position.qty, position.average, position.realised) == (0, None, F(10))


def test_a_fee_in_a_third_currency_needs_its_price() -> None:
    position = Position("BTC", "USDT")
    position.take(executed("buy", "1", "100", "0.01", "BNB"))
    assert position.profit(D(100), {"BNB": D(600)}) == D(-6)
    with pytest.raises(NoRate, match="BNB"):
        position.profit(D(100), {})


def test_a_fee_above_what_was_traded_and_a_hundred_currencies_are_refused() -> None:
    position = Position("BTC", "USDT")
    for fee in (executed("buy", "1", "100", "1.1", "BTC"), executed("buy", "1", "100", "-101", "")):
        with pytest.raises(BadEvent, match="fee"):
            position.check(fee)
    for number in range(MOST_CURRENCIES):
        position.take(executed("buy", "1", "100", "1", f"C{number}"))
    with pytest.raises(BadEvent, match="currency"):
        position.check(executed("buy", "1", "100", "1", "ONEMORE"))


def test_a_fee_that_is_rounded_up_may_be_all_of_a_tiny_execution() -> None:
    position = Position("BTC", "USDT")
    for currency in ("BTC", "USDT"):
        tiny = executed("buy", "0.00000001", "0.0000000001", "0.00000001", currency)
        position.check(tiny)
        position.take(tiny)
    assert (position.qty, position.average) == (D("0.00000001"), F(1, 100))


def test_cumulative_reports_become_increments_that_add_up() -> None:
    reports = Cumulative()
    assert reports.increment(D(1), D(100), D("0.1")) == (D(1), D(100), D("0.1"))
    assert reports.increment(D(1), D(100), D("0.1")) is None
    assert reports.increment(D(3), D("310"), D("0.3")) == (D(2), D(210), D("0.2"))
    assert reports.increment(D(2), D(200)) is None  # out of order
    with pytest.raises(BadEvent, match="did not rise"):
        reports.increment(D(4), D(310))
    with pytest.raises(BadEvent, match="below 0"):
        reports.increment(D(-1), D(310))


def test_a_price_without_an_end_is_exact_too() -> None:
    position = Position("BTC", "USDT")
    position.take(executed("buy", "3", "100"))  # 33.333...
    position.take(executed("sell", "1", "40"))
    assert position.average == F(100, 3)
    assert position.realised == F(20, 3)
    position.take(executed("sell", "2", "80"))
    assert (position.realised, position.cash) == (F(20), D(20))


def test_what_is_never_flat_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(position_module, "MOST_BITS", 400)
    position, cash = Position("BTC", "USDT"), ZERO
    position.take(executed("buy", "1000", "100000"))
    cash -= 100000
    for number in range(1, 2000):
        side: Side = "sell" if number % 2 else "buy"
        qty, cost = D(number % 97 + 1), D(100 * (number % 97 + 1) + number % 13)
        position.take(executed(side, str(qty), str(cost)))
        cash += cost if side == "sell" else -cost
    assert position.rounded > 0
    assert position.basis.denominator.bit_length() < 1000
    assert position.cash == cash  # and so equity: only the split between the two profits is rounded
    assert position.realised + position.unrealised(MARK) == F(position.equity(MARK))
