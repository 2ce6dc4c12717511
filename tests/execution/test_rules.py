"""Rounding by purpose, and every rule refuses by its name."""

import dataclasses
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.execution.exact import BadNumber, ceil, floor, number
from host.execution.fills import BadEvent
from host.execution.order import Order, Role
from host.execution.rules import NAMES, Refused, Rules, fit
from host.venues import events as ev
from host.venues import messages as m

ALL = frozenset({"stop", "reduce_only", "post_only", "ioc"})
RULES = Rules("BTCUSDT", "BTC", "USDT", D("0.1"), D("0.01"), D("0.05"), D(10), D(5), D("0.2"), ALL)


def new(**fields: Any) -> m.New:
    given: dict[str, Any] = {
        "id": "a.1.1.1", "intent": "OPEN", "side": "buy", "type": "limit", "qty": "1", "price": "100"
    }  # fmt: skip
    return m.New(**{**given, **fields})


def fitted(
    request: m.New,
    role: Role = Role.ENTRY,
    rules: Rules = RULES,
    mark: str | None = "100",
    position: str = "0",
    live: tuple[Order, ...] = (),
) -> m.New:
    return fit(request, role, rules, None if mark is None else D(mark), D(position), live)


def without(*words: str, **fields: Any) -> Rules:
    return dataclasses.replace(RULES, can=ALL - {*words}, **fields)


STOP = {
    "intent": "REDUCE",
    "side": "sell",
    "type": "stop",
    "price": None,
    "stop": "95",
    "reduce_only": True,
}
EXIT = {"intent": "REDUCE", "side": "sell", "type": "market", "price": None, "reduce_only": True}


@pytest.mark.parametrize(
    ("fields", "role", "position", "want"),
    [
        ({"qty": "1.239", "price": "100.19"}, Role.ENTRY, "0", ("1.23", "100.1", None)),
        ({"side": "sell", "qty": "1.239", "price": "100.11"}, Role.ENTRY, "0", ("1.23", "100.2", None)),
        (EXIT | {"qty": "5"}, Role.EXIT, "1.239", ("1.23", None, None)),
        (STOP | {"qty": "1.239", "stop": "95.01"}, Role.STOP, "1.239", ("1.23", None, "95.1")),
        (STOP | {"side": "buy", "qty": "9", "stop": "105.09"}, Role.STOP, "-2", ("2", None, "105")),
        (EXIT | {"type": "limit", "price": "102.01"}, Role.TARGET, "1", ("1", "102.1", None)),
    ],
)  # fmt: skip
def test_rounding_is_by_purpose(
    fields: dict[str, Any], role: Role, position: str, want: tuple[str, str | None, str | None]
) -> None:
    done = fitted(new(**fields), role, position=position)
    assert (done.qty, done.price, done.stop) == want


@pytest.mark.parametrize(
    ("rule", "fields", "role", "given"),
    [
        ("BAD_NUMBER", {"qty": "1e3"}, Role.ENTRY, {}),
        ("BAD_NUMBER", {"price": "-1"}, Role.ENTRY, {}),
        ("BAD_FORM", {"type": "market"}, Role.ENTRY, {}),
        ("BAD_FORM", {"stop": "99"}, Role.ENTRY, {}),
        ("TICK", {"price": "0.05"}, Role.ENTRY, {}),
        ("LOT", {"qty": "0.009"}, Role.ENTRY, {}),
        ("MIN_QTY", {"qty": "0.04"}, Role.ENTRY, {}),
        ("MAX_QTY", {"qty": "10.01"}, Role.ENTRY, {}),
        ("MIN_NOTIONAL", {"qty": "0.05", "price": "90"}, Role.ENTRY, {}),
        ("MIN_NOTIONAL", {"qty": "0.05", "type": "market", "price": None}, Role.ENTRY, {"mark": "99"}),
        ("PRICE_BAND", {"price": "120.1"}, Role.ENTRY, {}),
        ("PRICE_BAND", {"price": "79.9"}, Role.ENTRY, {}),
        ("NO_MARK", {"type": "market", "price": None}, Role.ENTRY, {"mark": None}),
        ("NO_MARK", {}, Role.ENTRY, {"mark": None}),
        ("NO_MARK", {"post_only": True}, Role.ENTRY,
         {"mark": None, "rules": without(band=None)}),
        ("POST_ONLY_UNSUPPORTED", {"post_only": True}, Role.ENTRY, {"rules": without("post_only")}),
        ("POST_ONLY_WOULD_TAKE", {"post_only": True, "price": "100.1"}, Role.ENTRY, {}),
        ("POST_ONLY_WOULD_TAKE", {"post_only": True, "type": "market", "price": None}, Role.ENTRY, {}),
        ("IOC_UNSUPPORTED", {"tif": "ioc"}, Role.ENTRY, {"rules": without("ioc")}),
        ("STOP_UNSUPPORTED", STOP, Role.STOP, {"position": "1", "rules": without("stop")}),
        ("REDUCE_ONLY_WOULD_INCREASE", EXIT, Role.EXIT, {"position": "0"}),
        ("REDUCE_ONLY_WOULD_INCREASE", EXIT, Role.EXIT, {"position": "-1"}),
        ("REDUCE_ONLY_WOULD_INCREASE", EXIT, Role.EXIT, {
            "position": "1", "rules": without("reduce_only"),
            "live": (Order("s", "sell", D(1), Role.STOP, None, D(95)),)}),
        ("SELF_TRADE", {}, Role.ENTRY, {"live": (Order("t", "sell", D(1), Role.TARGET, D(100)),)}),
        ("SELF_TRADE", EXIT, Role.EXIT, {
            "position": "1", "live": (Order("e", "buy", D(1), Role.ENTRY, D(100)),)}),
    ],
)  # fmt: skip
def test_what_cannot_be_made_valid_is_refused_by_name(
    rule: str, fields: dict[str, Any], role: Role, given: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        fitted(new(**fields), role, **given)
    assert refused.value.rule == rule
    assert str(refused.value).startswith(rule)


def test_every_rule_of_the_table_was_refused_above() -> None:
    marks = test_what_cannot_be_made_valid_is_refused_by_name.pytestmark
    assert {row[0] for row in marks[0].args[1]} == NAMES
    with pytest.raises(ValueError, match="no rule is called"):
        Refused("NONSENSE", "")


def test_where_nothing_is_reduce_only_we_count_what_is_under_way() -> None:
    stop = Order("s", "sell", D("0.4"), Role.STOP, None, D(95))
    done = fitted(new(**EXIT), Role.EXIT, without("reduce_only"), position="1", live=(stop,))
    assert (done.qty, done.reduce_only) == ("0.6", False)


def test_protection_does_not_wait_for_our_own_entry() -> None:
    entry = Order("e", "buy", D(1), Role.ENTRY, D(100))
    out = new(**EXIT)
    assert fitted(out, Role.STOP, position="1", live=(entry,)).qty == "1"


def test_a_price_on_the_other_side_of_ours_does_not_meet_it() -> None:
    target = Order("t", "sell", D(1), Role.TARGET, D("100.1"))
    assert fitted(new(), live=(target,)).price == "100"
    assert fitted(new(post_only=True), live=(target,)).price == "100"


POSITIVE = st.decimals("0.0001", 10**6, places=4)


@given(
    POSITIVE, POSITIVE, st.sampled_from(["buy", "sell"]), st.sampled_from(["0.1", "0.25", "0.003"])
)
def test_a_fitted_order_is_on_the_grid_and_within_one_step(
    qty: D, price: D, side: m.Side, step: str
) -> None:
    rules = Rules("X", "X", "Y", D(step), D(step))
    request = new(qty=f"{qty:f}", price=f"{price:f}", side=side)
    if qty < D(step) or (price < D(step) and side == "buy"):
        with pytest.raises(Refused, match="LOT|TICK"):
            fitted(request, rules=rules)
        return
    done = fitted(request, rules=rules)
    assert D(done.qty) % D(step) == D(str(done.price)) % D(step) == 0
    assert 0 <= qty - D(done.qty) < D(step)
    moved = D(str(done.price)) - price
    assert 0 <= (moved if side == "sell" else -moved) < D(step)


def test_rules_as_the_venue_says_them() -> None:
    said = ev.Rules(1, "BTCUSDT", "BTC", "USDT", "0.1", "0.01", "", "", "0", "", ["stop"])
    rules = Rules.of(said)
    assert (rules.min_qty, rules.max_qty, rules.min_notional, rules.band) == (0, None, 0, None)
    assert rules.can == {"stop"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("tick", "0"), ("tick", "-1"), ("tick", "nan"), ("qty_step", ""), ("min_notional", "-5"),
     ("band", "x")],
)  # fmt: skip
def test_rules_that_cannot_be_are_named(field: str, value: str) -> None:
    said = ev.Rules(1, "BTCUSDT", "BTC", "USDT", "0.1", "0.01", "", "", "0", "", [])
    with pytest.raises(BadEvent, match=field):
        Rules.of(msgspec.structs.replace(said, **{field: value}))


@pytest.mark.parametrize(
    "text", ["", "1e3", " 1", "1.", ".5", "NaN", "Infinity", "1" * 21, "0." + "1" * 21, "١"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(BadNumber):
        number(text)


def test_steps_are_exact_whatever_the_digits() -> None:
    long = D("12345678901234567890.12345678901234567891")
    assert floor(long, D("0.1")) == D("12345678901234567890.1")
    assert ceil(long, D("0.1")) == D("12345678901234567890.2")
    assert ceil(D("0.3"), D("0.1")) == floor(D("0.3"), D("0.1")) == D("0.3")
